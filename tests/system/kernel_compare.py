# SPDX-License-Identifier: BSD-3-Clause
"""The same rules and frames given to the kernel and to portier, and what each said of every frame."""
import collections
import csv
import json
import re

import kernel_path
import kernel_rules
import world

# rule: number of the deciding one, from 1; 0: the policy. reason: portier's, of packets that never met the rules.
Judged = collections.namedtuple("Judged", "rule passes reason", defaults=(None,))
Counter = collections.namedtuple("Counter", "packets bytes")

HOOK = 'ingress device "near"'
CONFIG = """
handlers:
  - {{name: all, kind: count}}
default_handler: all
flows: {{capacity: 64K}}
policy: {{state: {state}, fragments: steer, truncated: steer, martians: accept, non_ip: drop, unbound: drop}}
"""


def nft_counters(path):
    listed = json.loads(path.feed("", "nft", "-j", "list", "ruleset").stdout)["nftables"]
    return [Counter(part["counter"]["packets"], part["counter"]["bytes"]) for item in listed if "rule" in item
            for part in item["rule"]["expr"] if "counter" in part]


class Nft:
    """nft at the ingress of the device that frames come from."""

    reads_payload_as_ports = True # in later fragments

    def __init__(self, path, policy, rules):
        self.path, self.policy, self.rules = path, policy, rules
        self.text = kernel_rules.nft_file(policy, rules, HOOK)
        self.parts = [1] * len(rules)
        path.bridge_calls(False)

    @staticmethod
    def lacks(path):
        done = path.feed(kernel_rules.nft_file("accept", ["udp dport 53 counter meta mark set 1"], HOOK) + "flush ruleset\n",
                         "nft", "-f", "-")
        return f"nft has no ingress hook here: {done.stderr}" if done.returncode else None

    def load(self, text):
        done = self.path.feed("flush ruleset\n" + text, "nft", "-f", "-")
        assert done.returncode == 0, f"{done.stderr}\n{text}"

    def decides(self, number):
        verdict = kernel_rules.nft_verdict(self.rules[number - 1]) if number else self.policy
        return verdict == "accept"

    def only_counts(self, number):
        return kernel_rules.nft_verdict(self.rules[number - 1]) is None

    def find(self, frames):
        """Which rule decides on each frame: Judged, or None where the frame met none."""
        self.load(kernel_rules.nft_file("accept", kernel_rules.nft_marking(self.rules), HOOK))
        marks, _ = self.path.judge(frames)
        return [Judged(marks[number], self.decides(marks[number])) if number in marks else None
                for number in range(len(frames))]

    def run(self, frames):
        """The rules as they are: the numbers of the frames that pass, and each rule's counter."""
        self.load(self.text)
        passed, _ = self.path.judge(frames)
        counters = nft_counters(self.path)
        self.load("")
        return set(passed), counters

    @staticmethod
    def counted_bytes(packet):
        return len(packet.data)


class Iptables:
    """iptables-legacy and ip6tables-legacy in the FORWARD chain, which br_netfilter calls for bridged frames."""

    reads_payload_as_ports = False
    PROGRAMS = {4: "iptables-legacy", 6: "ip6tables-legacy"}

    def __init__(self, path, policy, rules):
        self.path, self.policy, self.rules = path, policy, rules
        self.text = kernel_rules.iptables_file(policy, rules)
        self.parts = [2 if " --ports " in rest else 1 for _, rest in rules] # either end's port: a rule for each end
        path.feed("flush ruleset\n", "nft", "-f", "-")
        assert path.bridge_calls(True)

    @staticmethod
    def lacks(path):
        why = kernel_path.missing(*Iptables.PROGRAMS.values())
        if not why and not path.bridge_calls(True):
            why = "this kernel has no br_netfilter"
        for program in Iptables.PROGRAMS.values():
            done = None if why else path.feed("", program, "-t", "mangle", "-S")
            if done and done.returncode:
                why = f"{program} does not work here: {done.stderr}"
        return why

    def load(self, text_of):
        for family, program in self.PROGRAMS.items():
            for text in text_of(family):
                done = self.path.feed(text, f"{program}-restore")
                assert done.returncode == 0, f"{done.stderr}\n{text}"

    def decides(self, number):
        verdict = re.search("-[jg] ([A-Z]+)", self.rules[number - 1][1])[1] if number else self.policy
        return verdict == "ACCEPT"

    @staticmethod
    def only_counts(_):
        return False

    def find(self, frames):
        empty = kernel_rules.iptables_restore("ACCEPT", [], 4)
        self.load(lambda family: [empty, kernel_rules.iptables_marking(self.rules, family)])
        marks, _ = self.path.judge(frames)
        self.load(lambda family: ["*mangle\nCOMMIT\n"])
        return [Judged(marks[number], self.decides(marks[number])) if number in marks else None
                for number in range(len(frames))]

    def run(self, frames):
        self.load(lambda family: [kernel_rules.iptables_restore(self.policy, self.rules, family)])
        passed, _ = self.path.judge(frames)
        listed = {family: iter(self.listed(program)) for family, program in self.PROGRAMS.items()}
        counters = [next(listed[family]) for family, _ in self.rules]
        self.load(lambda family: [kernel_rules.iptables_restore("ACCEPT", [], family)])
        return set(passed), counters

    def listed(self, program):
        saved = self.path.feed("", f"{program}-save", "-c", "-t", "filter").stdout
        return [Counter(int(packets), int(size)) for packets, size in
                re.findall(r"^\[(\d+):(\d+)\] -A FORWARD", saved, re.MULTILINE)]

    @staticmethod
    def counted_bytes(packet):
        return packet.end # the bridge cuts off what lies behind the datagram


class Portier:
    def __init__(self, program, folder, state="packet"):
        self.program, self.folder, self.state = program, folder, state

    def run(self, text, frames, parts=None):
        """Judged of each frame, and each line's counter. parts: how many rules portier makes of each line, if not one."""
        paths = {name: str(self.folder / name) for name in ("conf.yaml", "rules", "frames.pcap", "packets.tsv", "out.json")}
        (self.folder / "conf.yaml").write_text(CONFIG.format(state=self.state))
        (self.folder / "rules").write_text(text)
        world.write_capture(paths["frames.pcap"], frames)
        done = world.run([self.program, "replay", "--quiet", "-c", paths["conf.yaml"], "--rules", paths["rules"], "--packets",
                          paths["packets.tsv"], "--json", paths["out.json"], paths["frames.pcap"]], 120)
        assert done.returncode == 0, f"{done.stderr}{done.stdout}\n{text}"
        with open(paths["out.json"], encoding="utf-8") as file:
            listed = json.load(file)["rules"]
        number = {str(rule["id"]): place for rule, place in zip(listed, self.places(parts or [1] * len(listed)))}
        number["default"] = number["-"] = 0
        with open(paths["packets.tsv"], encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        assert len(rows) == len(frames)
        counters = [Counter(0, 0)] * max(number.values(), default=0)
        for rule in listed:
            place = number[str(rule["id"])]
            if place:
                before = counters[place - 1]
                counters[place - 1] = Counter(before.packets + rule["packets"], before.bytes + rule["bytes"])
        return [judged_row(row, number) for row in rows], counters

    @staticmethod
    def places(parts):
        """To which line each rule of portier belongs."""
        return [place for place, count in enumerate(parts, 1) for _ in range(count)]


RULES_SAID = ("-", "rule_drop", "default_drop", "reject_unanswered")


def judged_row(row, number):
    accepted = row["verdict"] == "accept"
    reason = None if accepted or row["reason"] in RULES_SAID else row["reason"]
    return Judged(number[row["rule"]], accepted, reason)
