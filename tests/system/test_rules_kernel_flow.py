# SPDX-License-Identifier: BSD-3-Clause
"""The kernel's conntrack as the truth for "state: flow": an nft chain with "ct state established,related accept" in front,
in the FORWARD hook of a bridge, judges whole conversations as portier does by the rules behind that line. Accepted packets
are also compared by the rule that opened their flow (the kernel keeps it as the connection's mark), dropped ones by
counters."""
import collections
import re

import kernel_captures
import kernel_compare
import kernel_path
import kernel_rules
import pytest

pytestmark = pytest.mark.meaning

FRAMES = 20000 # of all captures
SYN, RST, ACK = 0x02, 0x04, 0x10
FRONT = "ct state established,related counter accept"
RULES = {
    "web_server": ("drop", """
        tcp dport { 80, 443 } counter accept
    """),
    "from_the_lan": ("drop", """
        ip saddr { 192.168.0.0/16, 10.0.0.0/8, 172.16.0.0/12 } counter accept
        udp dport { 53, 443, 4789 } counter accept
        sctp dport 1-100 counter accept
    """),
    "some_ports_shut": ("accept", """
        tcp dport { 22, 80, 445 } counter drop
        udp sport 443 counter drop
        udp dport 53 ip daddr != 192.168.0.0/16 counter drop
        ip6 saddr fe80::/10 counter drop
    """),
    "only_syn_opens": ("drop", """
        tcp flags & (fin | syn | rst | ack) == syn counter accept
        meta l4proto udp ip6 daddr != ff00::/8 counter accept
        icmp type echo-request counter accept
        icmpv6 type echo-request counter accept
    """),
    "nothing_but_udp_queries": ("drop", """
        udp dport 1-1023 udp sport 1024-65535 counter accept
        icmp type destination-unreachable counter drop
    """),
}


class Conntrack:
    """nft in the FORWARD hook of the bridge, with connections followed."""

    def __init__(self, path, policy, rules):
        self.path, self.policy, self.rules = path, policy, rules

    def text(self, marks=False):
        """The rules behind the line that lets known flows pass; marks: what is accepted tells which rule opened its flow."""
        rules, front = self.rules, FRONT
        if marks:
            front = front.replace("accept", "meta mark set ct mark accept")
            rules = [re.sub("accept$", f"ct mark set {number} meta mark set {number} accept", rule)
                     for number, rule in enumerate(rules, 1)]
        return kernel_rules.nft_file(self.policy, [front, *rules], "forward").replace("table netdev", "table inet")

    def find(self, frames):
        """{number: rule that opened its flow} of what passes, and the counters."""
        assert self.path.bridge_calls(True)
        done = self.path.feed(self.text(True), "nft", "-f", "-")
        assert done.returncode == 0, done.stderr
        if not self.path.sysctl("net.netfilter.nf_conntrack_tcp_be_liberal=1", "net.netfilter.nf_conntrack_tcp_loose=1",
                                "net.netfilter.nf_conntrack_checksum=0"):
            pytest.skip("this kernel follows no connections")
        passed, _ = self.path.judge(frames)
        return passed, kernel_compare.nft_counters(self.path)[1:]


def datagrams(packets):
    """The numbers of the frames of each datagram that came in fragments: conntrack puts them together, and the bridge sends
    them on in pieces that all look like one of them."""
    groups = collections.defaultdict(list)
    for number, packet in enumerate(packets):
        if packet.fragment or packet.more:
            groups[packet.source, packet.destination, packet.protocol, packet.identification].append(number)
    return list(groups.values())


def conversation(packet):
    ports = packet.ports()
    return packet.protocol, frozenset(((packet.source, ports[0]), (packet.destination, ports[1])))


def whole_conversations(found):
    """Without what has no sound headers (test_rules_kernel.py tells of that), and without TCP conversations whose beginning is
    not there: conntrack takes up none by a SYN-ACK, FIN or RST, and none that goes on without having been answered;
    portier does by any segment."""
    packets = [(one, kernel_captures.Packet(one[2])) for one in found]
    torn = torn_conversations([packet for _, packet in packets])
    return [one for one, packet in packets if not packet.odd and not (is_tcp(packet) and conversation(packet) in torn)]


def is_tcp(packet):
    return packet.protocol == kernel_captures.TCP and packet.ports()


def torn_conversations(packets):
    torn, opener, answered = set(), {}, set()
    for packet in packets:
        if packet.odd or not is_tcp(packet):
            continue
        name, flags, end = conversation(packet), packet.tcp_flags() & 0x17, (packet.source, packet.ports()[0])
        if name not in opener:
            opener[name] = end
            first_is_right = flags == SYN
        elif name not in answered and end != opener[name]:
            answered.add(name)
            first_is_right = flags == SYN | ACK or flags & RST
        else:
            continue
        if not first_is_right:
            torn.add(name)
    return torn


def icmp_unrelated(packet, said, ours):
    """An ICMP error about no known flow: invalid to conntrack, and then up to the rules; portier drops it by a reason of its
    own before any rule."""
    return ours.reason == "icmp_unrelated"


def datagram_not_whole(packet, said, ours):
    """Conntrack waits for all fragments of a datagram, portier judges each that comes."""
    return said is None and (packet.fragment or packet.more)


def impossible_fragment(packet, said, ours):
    """Not the last and no multiple of 8 bytes, or over another one: portier drops it, conntrack may leave it alone."""
    return ours.reason in ("ip_length", "fragment_overlap") and (packet.more or packet.fragment)


DIFFERENCES = [icmp_unrelated, datagram_not_whole, impossible_fragment]


@pytest.fixture(scope="module")
def found():
    chosen = whole_conversations(kernel_captures.conversations(FRAMES))
    if not chosen:
        pytest.skip(f"no captures in {kernel_captures.FOLDER}: set PORTIER_CAPTURES")
    return chosen


@pytest.fixture
def path():
    """A namespace for each rule set: connections of the one before are not known."""
    made = kernel_path.make()
    if not made.bridge_calls(True):
        made.remove()
        pytest.skip("this kernel has no br_netfilter")
    yield made
    made.remove()


@pytest.mark.parametrize("front", [False, True], ids=["rules_alone", "ct_state_written_too"])
@pytest.mark.parametrize("name", RULES)
def test_conntrack_and_portier_agree(path, portier, found, tmp_path, name, front):
    policy, text = RULES[name]
    kernel = Conntrack(path, policy, kernel_rules.lines_of(text))
    originals = [frame for _, _, frame in found]
    packets = [kernel_captures.Packet(frame) for frame in originals]
    passed, kernels = kernel.find([kernel_captures.carried(frame) for frame in originals])
    for group in datagrams(packets):
        rules = [passed[number] for number in group if number in passed]
        passed.update({number: rules[0] for number in group if rules})
    written = kernel.text() if front else kernel_rules.nft_file(policy, kernel.rules, "forward").replace("netdev", "inet")
    ours, counters = kernel_compare.Portier(portier, tmp_path, "flow").run(written, originals)
    named, unexplained = collections.Counter(), []
    for number, packet in enumerate(packets):
        said, mine = passed.get(number), ours[number].rule if ours[number].passes else None
        if said != mine and not (front and said is not None and mine is not None):
            name = next((one.__name__ for one in DIFFERENCES if one(packet, said, ours[number])), None)
            named[name] += 1
            if name is None:
                unexplained.append((found[number][:2], said, ours[number], packet.data[:60].hex()))
    print(f"{len(packets)} frames, of which these were judged otherwise: {dict(named)}")
    assert not unexplained, "\n".join(map(str, unexplained[:20]))
    assert sum(named.values()) < 0.05 * len(packets)
    apart = sum(one.reason is not None for one in ours) + sum(named.values())
    for words, theirs, mine in zip(kernel.rules, kernels, counters[1:] if front else counters):
        if words.endswith("drop"):
            assert abs(mine.packets - theirs.packets) <= apart, words
