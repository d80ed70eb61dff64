# SPDX-License-Identifier: BSD-3-Clause
"""Two programs in alternating windows: pairs of rates, and what was thrown away."""
import collections
import dataclasses
import statistics
import time

from lab.probe import differ, taken_away, waited_seconds


@dataclasses.dataclass
class Pairs:
    """Rates in packets a second, in the order in which they were measured."""
    mine: list = dataclasses.field(default_factory=list)
    other: list = dataclasses.field(default_factory=list)
    dropped: collections.Counter = dataclasses.field(default_factory=collections.Counter)  # pairs by reason

    def ratios(self):
        return [mine / other for mine, other in zip(self.mine, self.other)]

    def quartiles(self):
        ratios = self.ratios()
        return statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3


def judged_window(peer, seconds, probe):
    """(rate, why it does not count or None, readings before and after)."""
    waited, before = waited_seconds(peer.process.pid, probe.cpu), probe.read()
    start = time.monotonic()
    rate = peer.window(seconds)
    took = max(seconds, time.monotonic() - start)  # longer where the counters' owner was busy
    after = probe.read()
    return rate, taken_away(before, after, took, waited_seconds(peer.process.pid, probe.cpu) - waited), [before, after]


def pair(order, seconds, probe):
    """(rates by peer, why the pair does not count or None)."""
    if probe is None:
        return {peer: peer.window(seconds) for peer in order}, None
    windows = {peer: judged_window(peer, seconds, probe) for peer in order}
    reasons = [reason for _, reason, _ in windows.values() if reason]
    readings = [reading for _, _, both in windows.values() for reading in both]
    return {peer: rate for peer, (rate, _, _) in windows.items()}, reasons[0] if reasons else differ(readings)


def alternate(mine, other, count, seconds, probe=None, told=None):
    """So many pairs of windows that count. One that was disturbed is dropped and measured again, until twice as many were
    measured as are wanted."""
    pairs = Pairs()
    for peer in (mine, other):
        peer.window(seconds)  # makes the flows; does not count
    for number in range(2 * count):
        order = (mine, other) if number % 2 else (other, mine)  # no one is always first
        rates, reason = pair(order, seconds, probe)
        if reason:
            pairs.dropped[reason] += 1
            continue
        pairs.mine.append(rates[mine])
        pairs.other.append(rates[other])
        if told:
            told(pairs)
        if len(pairs.mine) == count:
            break
    return pairs
