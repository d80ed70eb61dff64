# SPDX-License-Identifier: BSD-3-Clause
"""The kernel as the truth for rules, with "state: packet": nft on a device's ingress and iptables-legacy on a bridge judge
an even sample of real captures by the same rule sets as portier. Every IP packet gets the same verdict, from the same
rule, or the difference has a name here."""
import collections

import kernel_captures
import kernel_compare
import kernel_path
import kernel_rules
import pytest

pytestmark = pytest.mark.meaning

SAMPLE = 2700 # frames of all captures
UNSOUND_IP = ("no whole IP header", "IP length impossible", "IPv6 extension header cut off")
UNSOUND_TRANSPORT = ("transport header cut off", "TCP data offset impossible", "UDP length impossible")
IP_REASONS = ("ip_version", "ip_header", "ip_length", "ip6_extension", "truncated")
TRANSPORT_REASONS = ("tcp_header", "udp_length", "l4_header", "fragment_tiny", "fragment_header_chain")


def lost_before_rules(kernel, packet, said, ours):
    """The bridge and nft's inet family drop what has no sound IP header before any rule; portier has reasons of its own for
    some of that and lets rules judge the rest."""
    return said is None and packet.odd in UNSOUND_IP


def portier_drops_unsound_ip(kernel, packet, said, ours):
    """nft's netdev family lets rules judge what it can't read: they see addresses but no protocol."""
    return packet.odd in UNSOUND_IP and ours.reason in IP_REASONS


def portier_drops_impossible_fragments(kernel, packet, said, ours):
    """Not the last and no multiple of 8 bytes, or past the 65,535th byte, or over another one: rules look at none of that."""
    return ours.reason in ("ip_length", "fragment_overlap") and (packet.more or packet.fragment)


def nft_sees_no_protocol(kernel, packet, said, ours):
    """Where the IP header promises more than the frame holds, nft's netdev family knows no protocol behind it; portier
    (truncated: steer) reads what is there."""
    return kernel.reads_payload_as_ports and packet.odd == "IP length impossible" and said is not None


def icmp_error_quotes_nothing(kernel, packet, said, ours):
    """An ICMP error whose quoted packet can't be read (RFC 792: its header and 8 bytes): portier drops it before any rule."""
    return ours.reason == "icmp_unrelated" and ours.rule == 0


def portier_drops_unsound_transport(kernel, packet, said, ours):
    """nft lets a rule that asks for more than is there not match; portier drops by a reason of its own."""
    return packet.odd in UNSOUND_TRANSPORT + UNSOUND_IP and ours.reason in TRANSPORT_REASONS


def iptables_drops_unsound_transport(kernel, packet, said, ours):
    """A match that finds its header cut off drops the packet at once ("hotdrop"), whatever rules say."""
    return packet.odd in UNSOUND_TRANSPORT and said is None


def nft_reads_payload_as_ports(kernel, packet, said, ours):
    """Later fragments have no ports. nft (up to Linux 6.18 at least) takes what stands there for them, iptables-legacy and
    portier let no rule about ports match."""
    return kernel.reads_payload_as_ports and packet.fragment and said is not None


DIFFERENCES = [lost_before_rules, portier_drops_unsound_ip, portier_drops_impossible_fragments,
               icmp_error_quotes_nothing, portier_drops_unsound_transport, iptables_drops_unsound_transport, nft_sees_no_protocol,
               nft_reads_payload_as_ports]


def explanation(kernel, packet, said, ours):
    return next((one.__name__ for one in DIFFERENCES if one(kernel, packet, said, ours)), None)


def is_plain(packet):
    return not (packet.odd or packet.fragment or packet.more or packet.extensions)


def suited(name, sample):
    """What is counted on the way is not told of single packets, and one packet more or less for a limit is one less or more
    behind it: such rules are given only frames that everybody reads alike."""
    if name not in ("counting_alone", "limits"):
        return sample
    return [one for one in sample if is_plain(kernel_captures.Packet(one[2]))]


@pytest.fixture(scope="module")
def path():
    made = kernel_path.make()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def nft(path):
    why = kernel_compare.Nft.lacks(path)
    return pytest.skip(why) if why else lambda policy, rules: kernel_compare.Nft(path, policy, rules)


@pytest.fixture(scope="module")
def iptables(path):
    why = kernel_compare.Iptables.lacks(path)
    return pytest.skip(why) if why else lambda policy, rules: kernel_compare.Iptables(path, policy, rules)


@pytest.fixture(scope="module")
def sample():
    found = kernel_captures.sample(SAMPLE)
    if not found:
        pytest.skip(f"no captures in {kernel_captures.FOLDER}: set PORTIER_CAPTURES")
    return found


@pytest.fixture(scope="module")
def generated(sample):
    return kernel_rules.generated([kernel_captures.Packet(frame) for _, _, frame in sample])


def compare(kernel, portier, sample):
    """All verdicts, then all counters."""
    originals = [frame for _, _, frame in sample]
    packets = [kernel_captures.Packet(frame) for frame in originals]
    frames = [kernel_captures.carried(frame) for frame in originals]
    said = kernel.find(frames)
    ours, counters = portier.run(kernel.text, originals, kernel.parts)
    named, unexplained = collections.Counter(), []
    for number, packet in enumerate(packets):
        if said[number] != ours[number]:
            name = explanation(kernel, packet, said[number], ours[number])
            named[name] += 1
            if name is None:
                unexplained.append((sample[number][:2], packet.odd, said[number], ours[number], packet.data[:60].hex()))
    print(f"{len(packets)} frames, of which these were judged otherwise: {dict(named)}")
    assert not unexplained, "\n".join(map(str, unexplained[:20]))
    assert sum(named.values()) < 0.2 * len(packets)
    agreed = [number for number in range(len(packets)) if said[number] == ours[number]]
    passed, kernels = kernel.run([frames[number] for number in agreed])
    assert {agreed[place] for place in passed} == {number for number in agreed if said[number].passes}
    assert len(kernels) == len(counters) == len(kernel.rules)
    compare_counters(kernel, packets, originals, said, ours, kernels, counters)


def compare_counters(kernel, packets, originals, said, ours, kernels, counters):
    """The kernel's are of those frames that it agreed about, portier's of all. portier counts bytes from the destination MAC
    on, the kernel from the IP header."""
    for rule, (theirs, mine) in enumerate(zip(kernels, counters), 1):
        words = kernel.rules[rule - 1]
        decided = [number for number in range(len(packets)) if ours[number].rule == rule]
        both = [number for number in decided if said[number] == ours[number]]
        assert mine.packets - len(decided) == theirs.packets - len(both), words
        if kernel.only_counts(rule):
            assert len(both) == len(decided) == 0
            continue
        assert theirs.packets == len(both), words
        assert theirs.bytes == sum(kernel.counted_bytes(packets[number]) for number in both), words
        assert mine.bytes == sum(len(originals[number]) for number in decided), words


@pytest.mark.parametrize("name", [*kernel_rules.NFT, "a_thousand_generated"])
def test_nft_and_portier_agree(nft, portier, sample, generated, tmp_path, name):
    policy, text = kernel_rules.NFT.get(name, ("drop", None))
    rules = kernel_rules.lines_of(text) if text else kernel_rules.generated_nft(generated)
    compare(nft(policy, rules), kernel_compare.Portier(portier, tmp_path), suited(name, sample))


@pytest.mark.parametrize("name", [*kernel_rules.IPTABLES, "a_thousand_generated"])
def test_iptables_and_portier_agree(iptables, portier, sample, generated, tmp_path, name):
    policy, text = kernel_rules.IPTABLES.get(name, ("DROP", None))
    rules = kernel_rules.iptables_rules(text) if text else kernel_rules.generated_iptables(generated)
    compare(iptables(policy, rules), kernel_compare.Portier(portier, tmp_path), suited(name, sample))
