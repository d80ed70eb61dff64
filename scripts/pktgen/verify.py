#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Holds portier's counters against what plan.py expected, and names every difference.

  verify.py run.expected.json after.json [--before before.json]

The counters are what "portierctl --json stats" printed, or the report of portier replay or run --json. With --before only
what came in between is looked at. Exit status: 0, 1 if anything differs, 2 if a file is not what it should be.
"""
import argparse
import json
import sys


class Unusable(Exception):
    pass


def load(path, key):
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except (OSError, ValueError) as why:
        raise Unusable(f"{path}: {why}") from None
    if not isinstance(content, dict) or not isinstance(content.get(key), dict):
        raise Unusable(f"{path}: an object with '{key}' was expected: "
                       + ("what plan.py wrote" if key == "expected" else "what \"portierctl --json stats\" prints"))
    return content


def by_name(stats):
    """Handlers as an object; all else as it is."""
    return {**stats, "handlers": {handler["name"]: handler for handler in stats.get("handlers", [])}}


def leaves(expected, path=()):
    """(path, number or bounds) of everything that was expected."""
    for key, value in expected.items():
        if isinstance(value, dict) and set(value) != {"min", "max"}:
            yield from leaves(value, path + (key,))
        else:
            yield path + (key,), value


def at(stats, path):
    for key in path:
        stats = stats.get(key) if isinstance(stats, dict) else None
    return stats if isinstance(stats, (int, float)) else None


def says(bounds):
    return f"{bounds['min']} to {bounds['max']}" if isinstance(bounds, dict) else str(bounds)


def fits(found, bounds):
    if isinstance(bounds, dict):
        return bounds["min"] <= found <= bounds["max"]
    return found == bounds


def differences(expected, before, after):
    for path, bounds in leaves(expected):
        found, start = at(after, path), at(before, path) if before else 0
        name = ".".join(path)
        if found is None or start is None:
            yield f"{name}: {says(bounds)} expected, there is no such counter"
        elif not fits(found - start, bounds):
            yield f"{name}: {says(bounds)} expected, {found - start} found" + \
                (f" ({found - start - bounds:+})" if isinstance(bounds, int) else "")


def drops(before, after):
    """Why packets went no further; nothing is expected here."""
    old = {drop["reason"]: drop["packets"] for drop in (before or {}).get("drops", [])}
    for drop in after.get("drops", []):
        if drop["packets"] != old.get(drop["reason"], 0):
            yield (f"drops.{drop['reason']}: 0 packets expected, {drop['packets'] - old.get(drop['reason'], 0)} found "
                   f"({drop.get('text', '')})")


def ledger(after):
    """At rest the ledger is balanced."""
    if after["ledger"].get("balanced") is not True:
        yield f"ledger.balanced: true expected, {after['ledger'].get('in_flight')} packets are in flight"


def main(argv):
    parser = argparse.ArgumentParser(prog="verify.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("expected")
    parser.add_argument("after")
    parser.add_argument("--before")
    given = parser.parse_args(argv)
    try:
        plan = load(given.expected, "expected")
        after = by_name(load(given.after, "ledger"))
        before = by_name(load(given.before, "ledger")) if given.before else None
    except Unusable as why:
        print(f"verify.py: {why}", file=sys.stderr)
        return 2
    found = [*differences(plan["expected"], before, after), *drops(before, after), *ledger(after)]
    for line in found:
        print(line)
    counters = sum(1 for _ in leaves(plan["expected"]))
    print(f"{len(found)} differences" if found else f"{counters} counters are as planned: {plan.get('run', '')}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
