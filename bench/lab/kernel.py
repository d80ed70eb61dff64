# SPDX-License-Identifier: BSD-3-Clause
"""Linux's own packet path: a sender, a veth pair, routing, the rules in nft's forward chain, and a device that drops.

The sender shares the processor with what it feeds: veth hands a packet over within the sender's own call."""
import os
import shutil
import subprocess
import time

from lab.inputs import SERVER, rules
from lab.peer import Absent, Conversation, Peer

MAC = "02:00:00:00:00:02"  # where the captures' frames go to
MARKED = "ct mark 1 accept", "ct mark set 1"  # nobody answers, so that ct state is new for ever
LAST = "table ip bench_last { chain last { type filter hook postrouting priority 300; counter; }; }\n"
FIRST = "table netdev bench_first { chain first { type filter hook ingress device far priority -500; drop; }; }\n"


class Kernel(Peer):
    """way: nft (the rules as they are), nft ct (connections that were accepted pass first) or veth alone (what arrives at the
    far end is dropped there and then). passes: whether the rules let the input pass."""

    def __init__(self, place, captures, way, count=0, policy="accept", passes=True):
        self.name, self.way, self.passes, self.process = f"kernel {way}", way, passes, None
        for program in ("ip", "nft", "sysctl"):
            if shutil.which(program) is None:
                raise Absent(f"the program {program} is not installed")
        if os.geteuid():
            raise Absent("network namespaces want root")
        self.space = f"bench{os.getpid()}x{time.monotonic_ns() % 1000000}"
        self.run("ip", "netns", "add", self.space)
        with self.ended_if_it_fails():
            self.make_devices()
            self.load(count, policy)
            self.send(place, captures[0])

    def run(self, *command, **options):
        done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **options)
        if done.returncode:
            raise Absent(f"{' '.join(command)}: {done.stdout.strip()[-500:]}")
        return done.stdout

    def inside(self, *command):
        return ["ip", "netns", "exec", self.space, *command]

    def make_devices(self):
        """The sink's other end stays down: what is sent into it has no carrier, and is dropped."""
        for line in ("link add near type veth peer name far", "link add sink type veth peer name nowhere",
                     f"link set far address {MAC}", "link set sink arp off", "link set near up", "link set far up",
                     "link set sink up", "addr add 198.18.0.1/32 dev far", f"route add {SERVER}/32 dev sink",
                     "route add 10.0.0.0/8 dev sink"):
            self.run("ip", "-n", self.space, *line.split())
        self.run(*self.inside("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0",
                              "net.ipv4.conf.far.rp_filter=0"))

    def load(self, count, policy):
        first, last = ([MARKED[0]], [MARKED[1]]) if self.way == "nft ct" else ((), ())
        text = FIRST if self.way == "veth alone" else rules(count, policy, first, last) + LAST
        self.run(*self.inside("nft", "-f", "-"), input=text)

    def send(self, place, capture):
        program = place.build / "bench" / "send_endless"
        talk = Conversation(self.name, self.inside("taskset", "-c", str(place.cpus[0]), str(program), "near", str(capture)))
        self.process = talk.process
        talk.ask("", "sending", 60)

    def received(self):
        """What the far end has taken in goes its whole way before the sender sends on."""
        return int(self.run(*self.inside("cat", "/sys/class/net/far/statistics/rx_packets")))

    def passed(self):
        """Packets that came out of the rules, and were on their way to the sink."""
        shown = self.run(*self.inside("nft", "list", "table", "ip", "bench_last"))
        return int(shown.split("packets ")[1].split()[0])

    def audit(self):
        """The rules let all through, or nothing: else a rule, a route or a full connection table does what nobody meant."""
        if self.way == "veth alone":
            return []
        self.pause()
        passed, received = self.passed(), self.received()
        if passed >= 0.99 * received if self.passes else passed == 0:
            return []
        return [f"{self.name} received {received} packets, and {passed} came out of its chain"]

    def end(self):
        if self.process:
            super().end()
        subprocess.run(["ip", "netns", "delete", self.space], stderr=subprocess.DEVNULL, check=False)
