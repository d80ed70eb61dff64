#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs burst_bench for a moment: does it measure every stage of every input, do its counters agree?

usage: burst_bench_smoke.py PROGRAM. No figure is looked at beyond its sanity.
"""
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

INPUTS = ["ip4 udp", "ip4 tcp", "ip6 udp", "ip6 tcp", "vlan tcp", "mixed", "new 1 percent", "new flood",
          "denied flood", "hostile"]
STAGES = ["parse", "look up", "attach", "hand over", "depart", "age", "whole"]
KEYS = "input flows stage cycles cycles_min cycles_max ns share_percent rounds disturbed".split()


def run(program, *arguments):
    return subprocess.run([program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)


def check_rows(rows):
    for row in rows:
        assert list(row) == KEYS, row
        assert 0 < row["cycles_min"] <= row["cycles"] <= row["cycles_max"], row
        assert row["rounds"] == 1, row
    assert [(row["flows"], row["input"], row["stage"]) for row in rows] == \
        list(itertools.product([64, 1024], INPUTS, STAGES)), "rows that are missing, or there twice"
    for at in range(0, len(rows), len(STAGES)):
        shares = sum(row["share_percent"] for row in rows[at:at + len(STAGES) - 1])
        assert abs(shares - 100) < 1, shares


def check_refusals(program):
    for arguments in (["--sizes", "100"], ["--sizes", "32M"], ["--sizes", "64K,"], ["--only", "ip5"], ["--nonsense"], ["more"]):
        refused = run(program, *arguments)
        assert refused.returncode == 2 and refused.stderr, arguments


def main(program):
    with tempfile.TemporaryDirectory() as folder:
        table = pathlib.Path(folder, "rows.json")
        done = run(program, "--smoke", "--json", str(table))
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]  # the counters agree
        check_rows(json.loads(table.read_text()))
    counted = run(program, "--count", "--only", "ip4", "--sizes", "64")
    assert counted.returncode == 0 and counted.stdout.count("65536 packets") == 2, counted.stdout + counted.stderr
    check_refusals(program)


if __name__ == "__main__":
    main(sys.argv[1])
