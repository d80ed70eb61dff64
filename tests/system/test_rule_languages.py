# SPDX-License-Identifier: BSD-3-Clause
"""One rule file for nft and portier: what portier takes nft takes, what portier prints both load again, and by nft's own
instructions it means what was written."""
import os
import random
import re
import shutil
import subprocess

import nft_machine
import nft_rules
import pytest
import world

pytestmark = pytest.mark.meaning

CASES = int(os.environ.get("PORTIER_LANGUAGE_CASES", "1000"))
SEED = int(os.environ.get("PORTIER_LANGUAGE_SEED", "1"))


class Printer:
    """The program that reads rule files and prints them as portier lists them."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, file):
        """(whether it is a list of rules, the list as it is printed or the error)."""
        self.process.stdin.write(f"{file}\n".encode())
        self.process.stdin.flush()
        head = self.process.stdout.readline().split()
        assert head, f"print_rules died of {file}"
        return head[0] == b"ok", self.process.stdout.read(int(head[1])).decode()

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)


@pytest.fixture(scope="module")
def printer(portier):
    program = os.path.join(os.path.dirname(os.path.dirname(portier)), "tests", "print_rules")
    if not os.path.exists(program):
        pytest.skip("tests/print_rules is not built")
    started = Printer(program)
    yield started
    started.close()


@pytest.fixture(scope="module")
def nft():
    if not shutil.which("nft"):
        pytest.skip("needs nft (Debian: nftables)")
    if not world.can_make_namespaces():
        pytest.skip("needs root and network namespaces")
    namespace = f"pt{os.getpid()}-nft"
    world.must("ip", "netns", "add", namespace)
    world.must("ip", "-n", namespace, "link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
    yield nft_machine.Nft(namespace)
    world.run(["ip", "netns", "delete", namespace])


def write(folder, name, text):
    file = folder / name
    file.write_text(text)
    return str(file)


def body(listed):
    """The rules of a printed list."""
    return [line.strip() for line in listed.splitlines()[3:-2]]


def plain(actions):
    """Levels are not kept; "port unreachable" has a number for each family, and one for both."""
    without_level = [re.sub(r"(log.*?) level \d", r"\1", action).strip() for action in actions]
    return [re.sub(r"reject type (2 code 1|0 code 3|0 code 4)", "reject port-unreachable", action) for action in without_level]


def line_of(file, number):
    with open(file, encoding="utf-8") as text:
        return text.read().splitlines()[3 + number].strip()


def merged_by_mistake(rule):
    """nft 1.0.6 makes one comparison of "tcp sport != 1 tcp dport != 2" (and of ICMP's type and code), which then says "not
    both". portier means what is written, and prints it so that nft does too."""
    pairs = list(zip(rule.instructions, rule.instructions[1:]))
    icmp = any(re.match("meta load l4proto|payload load 1b @ network", load) and re.fullmatch("cmp eq reg 1 0x000000(01|3a)", compare)
               for load, compare in pairs)
    both = f"payload load {2 if icmp else 4}b @ transport header + 0 => reg 1"
    return any(load == both and compare.startswith("cmp neq") for load, compare in pairs)


def check_same(nft, written, printed, packets):
    """Both files' rules match the same packets and do the same with them."""
    complaint, before = nft.rules(written)
    assert complaint is None, f"nft does not take what portier takes: {complaint}"
    complaint, after = nft.rules(printed)
    assert complaint is None, f"nft does not take what portier prints: {complaint}\n{open(printed, encoding='utf-8').read()}"
    assert len(before) == len(after)
    for number, (one, other) in enumerate(zip(before, after)):
        assert plain(one.actions()) == plain(other.actions()), f"{line_of(written, number)}\n{line_of(printed, number)}"
        for packet in [] if merged_by_mistake(one) else packets:
            assert one.matches(packet) == other.matches(packet), f"rule {number}, packet {packet.text}:\n" \
                f"{line_of(written, number)}\n{line_of(printed, number)}\n" \
                f"{one.instructions}\n{other.instructions}"


def check_file(printer, nft, folder, text, packets):
    """None if portier does not take it. Else what it prints, checked against nft and against itself."""
    written = write(folder, "written.nft", text)
    taken, listed = printer.ask(written)
    if not taken:
        assert listed.startswith(written) and re.match(r":\d+:\d+: ", listed[len(written):]), listed
        return None
    printed = write(folder, "printed.nft", listed)
    assert printer.ask(printed) == (True, listed), "what was printed is not printed again"
    check_same(nft, written, printed, packets)
    return listed


def some_packets(seed, count):
    maker = nft_rules.Maker(random.Random(seed))
    return [maker.packet() for _ in range(count)]


CHAIN = "type filter hook input priority 0; policy drop;"
INET = "table inet t {{ chain c {{ " + CHAIN + "\n{}\n}}\n}}\n"

# What is written, and the rules as they are printed.
GOOD = {
    "web server": (INET.format("ct state established,related accept\niifname lo accept\ntcp dport { http, https } accept\n"
                               "icmp type echo-request limit rate 5/second accept"),
                   ["ct state established,related counter accept", 'iifname "lo" counter accept',
                    "tcp dport { 80, 443 } counter accept",
                    "icmp type echo-request limit rate 5/second burst 5 packets counter accept"]),
    "ssh from one network": (INET.format("ip saddr 192.168.1.0/24 tcp dport ssh counter accept"),
                             ["tcp dport 22 ip saddr 192.168.1.0/24 counter accept"]),
    "negations": (INET.format("ip saddr != { 10.0.0.0/8, 192.168.0.0/16 } tcp dport != 1-1023 drop"),
                  ["tcp dport != 1-1023 ip saddr != { 10.0.0.0/8, 192.168.0.0/16 } counter drop"]),
    "both of two matches": (INET.format("ip saddr 10.0.0.0/8 ip saddr != 10.1.0.0/16 tcp dport 80-90 tcp dport != 85 accept"),
                            ["tcp dport { 80-84, 86-90 } ip saddr { 10.0.0.0/16, 10.2.0.0-10.255.255.255 } counter accept"]),
    "no value at all": (INET.format("tcp dport 80 tcp dport 90 drop"), ["tcp dport != 0-65535 counter drop"]),
    "not one, and not the other": (INET.format("tcp sport 0-4 tcp sport != 2 tcp dport != 80 drop\nudp sport != 5-5 udp dport != 80 "
                                               "drop\nicmp type != 8-8 icmp code != 0 drop\nicmp type != 8-8 icmp code != 3 drop"),
                                   ["tcp sport { 0-1, 3-4 } tcp dport != 80 counter drop", "udp sport != 5 udp dport != 80-80 counter drop",
                                    "icmp type != echo-request icmp code 1-255 counter drop",
                                    "icmp type != echo-request icmp code != 3-3 counter drop"]),
    "one family": ("table ip6 t { chain c { " + CHAIN + "\ntcp dport 80 accept\nicmpv6 type echo-request accept\n}\n}\n",
                   ["meta nfproto ipv6 tcp dport 80 counter accept", "icmpv6 type echo-request counter accept"]),
    "ip": ("table t { chain c { " + CHAIN + "\nip protocol tcp accept\ncounter drop\nicmp type 8 accept\n}\n}\n",
           ["ip protocol tcp counter accept", "meta nfproto ipv4 counter drop", "icmp type echo-request counter accept"]),
    "protocols": (INET.format("meta l4proto { tcp, udp } th dport 53 accept\nip6 nexthdr icmpv6 accept\nmeta l4proto 47 drop"),
                  ["meta l4proto { tcp, udp } th dport 53 counter accept", "ip6 nexthdr icmpv6 counter accept",
                   "meta l4proto gre counter drop"]),
    "flags": (INET.format("tcp flags syn drop\ntcp flags == syn drop\ntcp flags syn / syn,ack drop\n"
                          "tcp flags & (fin|syn) == fin|syn drop\ntcp flags { syn, ack } drop\ntcp flags { syn } drop"),
              ["tcp flags & syn == syn counter drop", "tcp flags == syn counter drop", "tcp flags & (syn | ack) == syn counter drop",
               "tcp flags & (fin | syn) == (fin | syn) counter drop", "tcp flags { 0x2, 0x10 } counter drop",
               "tcp flags & syn == syn counter drop"]),
    "answers": (INET.format("tcp dport 1 reject\ntcp dport 2 reject with tcp reset\nreject with icmp port-unreachable\n"
                            "reject with icmpv6 4\nreject with icmpx type admin-prohibited"),
                ["tcp dport 1 counter reject", "tcp dport 2 counter reject with tcp reset",
                 "counter reject with icmp port-unreachable", "counter reject with icmpv6 port-unreachable",
                 "counter reject with icmpx admin-prohibited"]),
    "named sets": ("table inet t {\nset ports { type inet_service; flags interval; elements = { 80, 8000-8100,\n443 } }\n"
                   "set hosts { typeof ip saddr; elements = { 10.0.0.1, 10.0.0.2 }; }\nchain c { " + CHAIN +
                   "\nip saddr @hosts tcp dport @ports accept\ntcp dport != @ports drop\n}\n}\n",
                   ["tcp dport { 80, 443, 8000-8100 } ip saddr 10.0.0.1-10.0.0.2 counter accept",
                    "tcp dport != { 80, 443, 8000-8100 } counter drop"]),
    "a set behind its use": ("table inet t { chain c { " + CHAIN + "\ntcp dport @s accept\n}\n set s { type inet_service\n"
                             "elements = { 22 }\n}\n}\n", ["tcp dport 22 counter accept"]),
    "commands": ("flush ruleset\nadd table inet t\nadd chain inet t c { " + CHAIN + " }\nadd set inet t s { type inet_service; }\n"
                 "add element inet t s { 80, 81 }\nadd rule inet t c tcp dport @s accept\nadd element inet t s { 82 }\n"
                 "rule inet t c udp dport 53 accept", ["tcp dport 80-82 counter accept", "udp dport 53 counter accept"]),
    "definitions": ("define web = { 80, 443 }\ndefine every = { $web, 8080 }\ndefine net = 10.0.0.0/8\ndefine bad = fin,syn\n" +
                    INET.format("define here = 22\ntcp dport $every ip saddr $net accept\ntcp dport != $web drop\ntcp flags $bad drop\n"
                                "tcp dport $here accept"),
                    ["tcp dport { 80, 443, 8080 } ip saddr 10.0.0.0/8 counter accept", "tcp dport != { 80, 443 } counter drop",
                     "tcp flags & (fin | syn) != 0x0 counter drop", "tcp dport 22 counter accept"]),
    "lines": ("#!/usr/sbin/nft -f\n# all of it\ntable inet t { # a\n\n\tchain c {\n\t\t" + CHAIN + "\n\t\ttcp dport { 80, # web\n"
              "\t\t# more\n443 } \\\n accept; udp dport 53 accept # names\n\n\t}\n}\n",
              ["tcp dport { 80, 443 } counter accept", "udp dport 53 counter accept"]),
    "texts": (INET.format('tcp dport 80 log prefix "web: " accept comment "for all, $5"'),
              ['tcp dport 80 counter log prefix "web: " accept comment "for all, $5"']),
    "interfaces": (INET.format('iifname { "eth1", "eth0", "wan*" } accept\niifname != "lo" drop\nmeta iifname eth0 accept'),
                   ['iifname { "eth0", "eth1", "wan*" } counter accept', 'iifname != "lo" counter drop',
                    'iifname "eth0" counter accept']),
    "VLANs": (INET.format("vlan id { 5, 10-12 } ip saddr 10.0.0.1 drop\nvlan id != 7 accept"),
              ["vlan id { 5, 10-12 } ip saddr 10.0.0.1 counter drop", "vlan id != 7 counter accept"]),
    "only counted": (INET.format("tcp dport 80 counter\nlog\nlimit rate over 10 kbytes/second drop"),
                     ["tcp dport 80 counter", "counter log", "limit rate over 10240 bytes/second burst 0 bytes counter drop"]),
    "ICMP in the wrong family": (INET.format("meta nfproto ipv6 icmp type 8 drop\nmeta l4proto icmp icmp type 8 drop"),
                                 ["meta nfproto ipv6 icmp type echo-request counter drop",
                                  "meta l4proto icmp icmp type echo-request counter drop"]),
    "bits of addresses": (INET.format("ip6 saddr 2001:db8::5-2001:db8::9 ip6 daddr != ::1 accept"),
                          ["ip6 saddr 2001:db8::5-2001:db8::9 ip6 daddr != ::1 counter accept"]),
    "empty chains": ("flush ruleset\ntable inet filter {\nchain output { type filter hook output priority filter; }\n"
                     "chain after { type filter hook postrouting priority srcnat; policy accept; }\nchain input { " + CHAIN +
                     "\ntcp dport 22 accept\n}\nchain forward { type filter hook forward priority filter; policy accept; }\n}\n",
                     ["tcp dport 22 counter accept"]),
    "commands to empty chains": ("table inet t\nchain inet t in { type filter hook input priority 0; }\nchain inet t c { " + CHAIN +
                                 " }\nadd rule inet t c udp dport 53 accept", ["udp dport 53 counter accept"]),
    "netdev": ('table netdev t { chain c { type filter hook ingress device "eth0" priority filter; policy accept;\n'
               "ip saddr 10.0.0.1 drop\nvlan id 5 drop\n}\n}\n", ["ip saddr 10.0.0.1 counter drop", "vlan id 5 counter drop"]),
    "bridge": ("table bridge t { chain c { type filter hook prerouting priority filter; policy accept;\nip6 saddr ::1 drop\n}\n}\n",
               ["ip6 saddr ::1 counter drop"]),
}


@pytest.mark.parametrize("name", GOOD)
def test_files_load_in_both_and_print_what_they_mean(printer, nft, tmp_path, name):
    text, rules = GOOD[name]
    packets = some_packets(1, 400) if name not in ("netdev", "bridge", "one family", "ip") else []
    assert body(check_file(printer, nft, tmp_path, text, packets) or "") == rules


# What portier does not take: the text, where, and the word.
BAD = [
    (INET.format("jump other"), "2:1", "jump"), (INET.format("tcp dport 80 goto x"), "2:14", "goto"),
    (INET.format("tcp dport vmap { 80 : accept }"), "2:11", "vmap"), (INET.format("dnat to 10.0.0.1"), "2:1", "dnat"),
    (INET.format("ip ttl 5 drop"), "2:4", "ttl"), (INET.format("ip saddr 10.0.0.300 drop"), "2:10", "10"),
    (INET.format("ip saddr ::1 drop"), "2:10", "::1"), (INET.format("tcp dport 65536 drop"), "2:11", "65536"),
    (INET.format("tcp dport 80,443 drop"), "2:11", "80"), (INET.format("tcp dport 90-80 drop"), "2:11", "90"),
    (INET.format("tcp dport 80 udp sport 5 drop"), "2:14", "udp"), (INET.format("ip saddr 1.1.1.1 ip6 daddr ::1 drop"), "2:18", "ip6"),
    (INET.format("accept drop"), "2:8", "drop"), (INET.format("counter tcp dport 80 accept"), "2:9", "tcp"),
    (INET.format("tcp dport @none accept"), "2:12", "none"), (INET.format("tcp dport $none accept"), "2:12", "none"),
    (INET.format("tcp dport { } accept"), "2:13", "}"), (INET.format("tcp dport { 80, @s } accept"), "2:17", "@"),
    (INET.format("ip saddr . tcp dport { 1.1.1.1 . 80 } accept"), "2:10", "."), (INET.format("mark 5 accept"), "2:1", "mark"),
    (INET.format("log group 5"), "2:5", "group"), (INET.format("limit rate 5/fortnight"), "2:14", "fortnight"),
    (INET.format("reject with icmp nonsense"), "2:18", "nonsense"), (INET.format("tcp flags syn-ack"), "2:11", "syn-ack"),
    (INET.format("ip saddr 1.1.1.1 vlan id 5 drop"), "2:18", "vlan"), (INET.format("queue"), "2:1", "queue"),
    (INET.format('accept comment "' + 129 * "x" + '"'), "2:16", "xxx"), (INET.format("tcp dport 80 }"), "2:14", "}"),
    (INET.format('iifname "*" accept'), "2:9", "*"), (INET.format("tcp dport { 80, \n\n 90 } accept"), "3:1", "end of line"),
    ("table inet t { chain c { type filter hook input priority 0;\n} \n}\n", "1:22", "c"),
    ("table inet t { chain c { type nat hook prerouting priority 0; policy accept;\n}\n}\n", "1:31", "nat"),
    ("table inet t { chain c { type filter hook output priority 0; policy accept;\n}\n}\n", "1:43", "output"),
    ("table inet t { chain c { tcp dport 80 accept\n}\n}\n", "1:24", "{"),
    ("table inet t { map m { type ipv4_addr : verdict; }\n}\n", "1:16", "map"),
    ("table inet t { flags dormant; }\n", "1:16", "flags"), ("table arp t { }\n", "1:7", "arp"),
    ("table inet t { chain c { " + CHAIN + "\n}\nchain d { }\n}\n", "3:9", "{"),
    ("table inet t { chain c { " + CHAIN + "\n}\nchain d { type filter hook forward priority 0; policy drop; }\n}\n", "3:7", "d"),
    ("table inet t { chain c { " + CHAIN + "\n}\nchain d { type filter hook forward priority 0; tcp dport 80 accept\n}\n}\n",
     "3:7", "d"),
    ("table inet t { chain c { type filter hook input priority 0; policy accept;\n}\n"
     "chain d { type filter hook output priority 0; tcp dport 80 accept\n}\n}\n", "3:28", "output"),
    ("table inet t { chain c { type filter hook input priority 0;\n}\nchain d { type filter hook output priority 0; }\n}\n",
     "1:22", "c"),
    ("table inet t { chain c { " + CHAIN + " }\n}\nadd rule inet t d accept\n", "3:17", "d"),
    ("table inet t { chain c { " + CHAIN + "\n}\n}\ntable inet u { }\n", "4:12", "u"),
    ("table inet t { chain c { " + CHAIN + "\n}\n}\nflush ruleset\n", "4:7", "ruleset"),
    ("table inet t { set s { type ipv4_addr; elements = { 10.0.0.0/8 }; }\n chain c { " + CHAIN + "\n}\n}\n", "1:53", "10.0.0.0"),
    ("table inet t { set s { type inet_service; flags interval; elements = { 80-90, 85-95 }; }\n chain c { " + CHAIN + "\n}\n}\n",
     "1:20", "s"),
    ("table inet t { set s { type inet_service; flags dynamic; }\n}\n", "1:49", "dynamic"),
    ("table inet t { set s { type ether_addr; }\n}\n", "1:29", "ether_addr"), ("define a = 5\ndefine a = 6\n", "2:8", "a"),
    ("insert rule inet t c accept\n", "1:1", "insert"), ('include "none.nft"\n', "1:9", "none.nft"), ("table inet drop { }\n", "1:12", "drop"),
    (INET.format("tcp dport 80 accept # no end"), None, None), ("table inet t\n# no end", "2:1", "#"),
]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_errors_name_line_column_and_word(printer, tmp_path, number):
    text, place, word = BAD[number]
    file = write(tmp_path, "bad.nft", text)
    taken, said = printer.ask(file)
    if place is None:
        assert taken, said
        return
    assert not taken
    at, _, rest = said[len(file) + 1:].partition(": ")
    assert (at, word in rest.partition(", ")[0] or word in rest) == (place, True), said


def test_includes_are_found_beside_the_file_and_named_in_errors(printer, tmp_path):
    (tmp_path / "rules.d").mkdir()
    write(tmp_path / "rules.d", "1.nft", "tcp dport 80 accept\n")
    write(tmp_path / "rules.d", "2.nft", "tcp dport $port accept\n")
    write(tmp_path, "defines.nft", "define port = 90\n")
    main = write(tmp_path, "main.nft", 'include "defines.nft"\n' + INET.format('include "rules.d/*.nft"\ntcp dport 22 accept'))
    taken, listed = printer.ask(main)
    assert taken, listed
    assert body(listed) == ["tcp dport 80 counter accept", "tcp dport 90 counter accept", "tcp dport 22 counter accept"]
    inner = write(tmp_path / "rules.d", "2.nft", "# first\ntcp dport nope accept\n")
    taken, said = printer.ask(main)
    assert not taken and said.startswith(f"{inner}:2:11: got 'nope'"), said


def test_includes_in_a_circle_are_an_error(printer, tmp_path):
    write(tmp_path, "a.nft", 'include "./b.nft"\n')
    write(tmp_path, "b.nft", '\ninclude "a.nft"\n')
    taken, said = printer.ask(str(tmp_path / "a.nft"))
    assert not taken and said.startswith(f"{tmp_path}/./b.nft:2:9: ") and "includes itself" in said, said


def taken_rules(printer, folder, maker, rules):
    return [rule for rule in rules if printer.ask(write(folder, "one.nft", maker.table([rule])))[0]]


def in_batches(cases, size=50):
    for first in range(0, cases, size):
        yield nft_rules.Maker(random.Random(f"{SEED} {first}")), min(size, cases - first)


def test_generated_rule_sets_mean_what_they_print(printer, nft, tmp_path):
    """Several sets at once, as nft takes its time to begin."""
    taken = 0
    for maker, count in in_batches(CASES):
        rules = taken_rules(printer, tmp_path, maker, [maker.rule() for _ in range(6 * count)])
        assert check_file(printer, nft, tmp_path, maker.table(rules), [maker.packet() for _ in range(80)]) is not None
        taken += len(rules)
    assert taken > 3 * CASES, "most of what is generated is to be taken"


def mutate(maker, rule):
    """A word away, twice, or in another's place."""
    words = rule.split()
    at, other = maker.random.randrange(len(words)), maker.random.randrange(len(words))
    kind = maker.random.randrange(3)
    if kind == 0:
        del words[at]
    elif kind == 1:
        words.insert(at, words[other])
    else:
        words[at], words[other] = words[other], words[at]
    return " ".join(words)


def test_whatever_portier_takes_nft_takes(printer, nft, tmp_path):
    """Rules with words astray: most are nonsense to both."""
    taken = 0
    for maker, count in in_batches(CASES):
        rules = taken_rules(printer, tmp_path, maker, [mutate(maker, maker.rule()) for _ in range(8 * count)])
        if rules:
            assert check_file(printer, nft, tmp_path, maker.table(rules), [maker.packet() for _ in range(20)]) is not None
        taken += len(rules)
    assert taken > CASES / 2
