# SPDX-License-Identifier: BSD-3-Clause
"""How long packets took, over a stretch in which nothing was stopped."""
import collections

SHARES = (0.5, 0.9, 0.99, 0.999, 0.9999)  # of the packets, which were no slower


def difference(before, after):
    """Of two distributions of one histogram, [[nanoseconds, packets], ...]: what came in between."""
    between = collections.Counter()  # several narrow buckets may be of the same nanosecond
    for sign, distribution in ((-1, before), (+1, after)):
        for ns, packets in distribution:
            between[ns] += sign * packets
    return sorted((ns, packets) for ns, packets in between.items() if packets > 0)


def quantile(distribution, share):
    """Nanoseconds that so many of the packets took at most; None: there are none."""
    wanted, seen = share * sum(packets for _, packets in distribution), 0
    for ns, packets in sorted(distribution):
        seen += packets
        if seen >= wanted:
            return ns
    return None


def summary(distribution):
    """What a row of the results says of it."""
    return {"packets": sum(packets for _, packets in distribution),
            **{f"p{100 * share:g}_ns": quantile(distribution, share) for share in SHARES},
            "max_ns": max((ns for ns, _ in distribution), default=None)}
