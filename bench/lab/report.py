# SPDX-License-Identifier: BSD-3-Clause
"""Rows of results, and the tables that people read."""
import json
import statistics

from lab.plan import AGAIN, ONE_WORKER

KEYS = "what peer flows workers mpps peer_mpps ratio ratio_min ratio_max pairs".split()


def row(cell, peer, pairs, hz, huge):
    """The keys of KEYS, and more. Times and cycles are of a packet and of one worker."""
    ratios, quartiles = pairs.ratios(), pairs.quartiles()
    mine, other = statistics.median(pairs.mine), statistics.median(pairs.other)
    one = 1 if peer == ONE_WORKER else cell.workers
    ns, peer_ns = 1e9 * cell.workers / mine, 1e9 * one / other if other else None
    made = dict(zip(KEYS, (cell.what, peer, cell.input.flows, cell.workers, mine / 1e6, other / 1e6,
                           statistics.median(ratios), min(ratios), max(ratios), len(ratios))))
    made.update(ratio_quartiles=[quartiles[0], quartiles[2]], rules=cell.rules, ns=ns, peer_ns=peer_ns,
                cycles=ns * hz / 1e9 if hz else None, peer_cycles=peer_ns * hz / 1e9 if hz and peer_ns else None,
                hugepages=huge, dropped_pairs=dict(pairs.dropped))
    return {key: rounded(value) for key, value in made.items()}


def rounded(value):
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def amount(number):
    for size, unit in ((1 << 20, " M"), (1 << 10, " K")):
        if number >= size and number % size == 0:
            return f"{number // size}{unit}"
    return f"{number:,}"


def cell_text(value, form):
    return "-" if value is None else form.format(value)


def results_table(rows):
    head = ("input", "flows", "rules", "workers", "Mpps", "ns", "cycles", "beside", "Mpps", "ns", "cycles", "ratio",
            "min to max", "pairs")
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * 6 + "---|" + "---:|" * 6]
    for one in rows:
        values = (one["what"], amount(one["flows"]), f"{one['rules']:,}", one["workers"], f"{one['mpps']:.2f}",
                  f"{one['ns']:.1f}", cell_text(one["cycles"], "{:.0f}"), one["peer"], f"{one['peer_mpps']:.2f}",
                  cell_text(one["peer_ns"], "{:.1f}"), cell_text(one["peer_cycles"], "{:.0f}"), f"**{one['ratio']:.3g}**",
                  f"{one['ratio_min']:.3g} to {one['ratio_max']:.3g}", one["pairs"])
        lines.append("| " + " | ".join(map(str, values)) + " |")
    return lines


def latency_table(rows):
    """Nanoseconds from the device to the handler's end."""
    measured = [one for one in rows if "latency" in one]
    if not measured:
        return []
    keys = [key for key in measured[0]["latency"] if key.endswith("_ns")]
    names = [key.replace("_ns", "").replace("p", "p ") for key in keys]
    lines = ["", "| latency of flows | " + " | ".join(names) + " | packets |", "|---:|" + "---:|" * (len(keys) + 1)]
    for one in measured:
        values = [f"{one['latency'][key]:,} ns" for key in keys]
        lines.append(f"| {amount(one['flows'])} | " + " | ".join(values) + f" | {one['latency']['packets']:,} |")
    return lines


def ground_table(facts):
    return ["| of the machine | | not ideal |", "|---|---|---|"] + \
        [f"| {fact.name} | {fact.value} | {fact.complaint or '-'} |" for fact in facts]


def noise(rows):
    """The widest that portier came out beside itself, in percent, or None."""
    again = [one for one in rows if one["peer"] == AGAIN]
    return max((100 * max(one["ratio_max"] - 1, 1 - one["ratio_min"]) for one in again), default=None)


EXPLAINED = """\
portier's rates and times stand left, the other program's right; *ratio* is the median of the ratios of neighbouring windows,
portier's rate over the other's. A packet has 60 bytes (64 with the checksum on a wire). Times are of a packet and of one worker,
source and sink included; cycles are ticks of the time stamp counter.\
"""


def markdown(rows, facts, notes, command):
    floor = noise(rows)
    lines = ["# portier beside other programs", "", "Made by", "", "```", command, "```", "", EXPLAINED, ""]
    if floor is not None:
        lines += [f"Noise floor: portier beside a second portier of the same kind came out up to {floor:.1f} % apart.", ""]
    lines += results_table(rows) + latency_table(rows) + [""] + ground_table(facts) + [""]
    lines += ["What was left out, dropped or wrong, and how steady the machine was:", "", *(f"- {note}" for note in notes), ""] if notes else []
    return "\n".join(lines)


def write_json(path, rows):
    path.write_text("[\n" + ",\n".join(json.dumps(one) for one in rows) + "\n]\n", encoding="utf-8")
