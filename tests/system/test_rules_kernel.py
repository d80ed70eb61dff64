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

SAMPLE = 60 # frames of each capture
IP_HEADER = ("no whole IP header", "IP length impossible", "IPv6 extension header cut off")


def lost_before_rules(kernel, packet, said, ours):
    """The bridge and nft's inet family drop what has no sound IP header before any rule; portier has reasons for some of
    that and lets rules judge the rest."""
    return said is None and packet.odd in IP_HEADER


def too_long(kernel, packet, said, ours):
    """No device takes a frame over 65,535 bytes (a capture of a segment that the card had yet to cut)."""
    return said is None and len(packet.data) > 65000


DIFFERENCES = [lost_before_rules, too_long]


def explanation(kernel, packet, said, ours):
    return next((one.__name__ for one in DIFFERENCES if one(kernel, packet, said, ours)), None)


def is_plain(packet):
    return not (packet.odd or packet.fragment or packet.more or packet.extensions)


@pytest.fixture(scope="module")
def path():
    why = kernel_path.missing("nft", "sysctl")
    if why:
        pytest.skip(why)
    made = kernel_path.KernelPath()
    yield made
    made.remove()


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
    ours, counters = portier.run(kernel.text, originals)
    named, unexplained = collections.Counter(), []
    for number, packet in enumerate(packets):
        if said[number] != ours[number]:
            name = explanation(kernel, packet, said[number], ours[number])
            named[name] += 1
            if name is None:
                unexplained.append((sample[number][:2], packet.odd, said[number], ours[number], packet.data[:60].hex()))
    print(f"{len(packets)} frames, of which these were judged otherwise: {dict(named)}")
    assert not unexplained, "\n".join(map(str, unexplained[:20]))
    assert sum(named.values()) < 0.15 * len(packets)
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
def test_nft_and_portier_agree(path, portier, sample, generated, tmp_path, name):
    policy, text = kernel_rules.NFT.get(name, ("drop", None))
    rules = kernel_rules.lines_of(text) if text else kernel_rules.generated_nft(generated)
    if name == "counting_alone": # what was counted on the way is not told of single packets
        sample = [one for one in sample if is_plain(kernel_captures.Packet(one[2]))]
    compare(kernel_compare.Nft(path, policy, rules), kernel_compare.Portier(portier, tmp_path), sample)


@pytest.mark.parametrize("name", [*kernel_rules.IPTABLES, "a_thousand_generated"])
def test_iptables_and_portier_agree(path, portier, sample, generated, tmp_path, name):
    why = kernel_path.missing("iptables-legacy", "ip6tables-legacy")
    if why:
        pytest.skip(why)
    policy, text = kernel_rules.IPTABLES.get(name, ("DROP", None))
    rules = kernel_rules.iptables_rules(text) if text else kernel_rules.generated_iptables(generated)
    compare(kernel_compare.Iptables(path, policy, rules), kernel_compare.Portier(portier, tmp_path), sample)
