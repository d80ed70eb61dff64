#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Prints "passed failed skipped" of a meson testlog.json or a JUnit XML file, and shows failures on standard error.

usage: count_results.py FILE
"""
import json
import sys
import xml.etree.ElementTree

SHOWN_LINES = 80
MESON_PASSED = ("OK", "EXPECTEDFAIL")


def show(name, text):
    lines = text.rstrip().splitlines()
    print(f"---- {name}", *lines[-SHOWN_LINES:], sep="\n", file=sys.stderr)


def meson(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            test = json.loads(line)
            result = test["result"]
            kind = 0 if result in MESON_PASSED else 2 if result == "SKIP" else 1
            if kind == 1:
                show(f"{test['name']}: {result}", (test.get("stdout") or "") + (test.get("stderr") or ""))
            yield kind


def junit(path):
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        bad = [child for child in case if child.tag in ("failure", "error")]
        if bad:
            show(f"{case.get('classname')}.{case.get('name')}", bad[0].text or bad[0].get("message") or "")
        yield 1 if bad else 2 if case.find("skipped") is not None else 0


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip().splitlines()[-1])
    counts = [0, 0, 0]
    for kind in (junit if sys.argv[1].endswith(".xml") else meson)(sys.argv[1]):
        counts[kind] += 1
    print(*counts)


if __name__ == "__main__":
    main()
