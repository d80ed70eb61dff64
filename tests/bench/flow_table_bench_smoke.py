#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs flow_table_bench for a moment: does it measure every cell, and say so in the form that it promises?

usage: flow_table_bench_smoke.py PROGRAM. No figure is looked at beyond its sanity.
"""
import collections
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

KEYS = "table family flows hit_percent access touch churned operation cores mops mops_min mops_max".split()
FILLING_KEYS = ["load_from_percent", "load_percent"]
INSERT_KEYS = ["bytes_per_flow", "worst_insert_us", "first_failure_percent"]
FLOWS = [2048 * 87 // 100, 8192 * 87 // 100]
FILLED = ["portier", "rte_hash", "rte_hash_lf"]
LOOKED_UP = FILLED + ["rte_hash_lf_prehashed", "limit_dependent"]


def check_row(row):
    expected = list(KEYS)
    if row["operation"] != "lookup":
        expected += FILLING_KEYS
    if row["operation"] == "insert":
        expected += INSERT_KEYS
    assert list(row) == expected, f"keys of {row}"
    assert 0 <= row["mops_min"] <= row["mops"] <= row["mops_max"], row  # 0: disturbed to the last sample, and told so
    assert isinstance(row["flows"], int) and isinstance(row["cores"], int), row
    assert isinstance(row["touch"], bool) and isinstance(row["churned"], bool), row


def lookups_expected(cores):
    for table, family, flows, hits, access, touch, churned, count in itertools.product(
            LOOKED_UP + ["limit_lines"], ["ip4", "ip6"], FLOWS, [100, 90, 0], ["uniform", "zipf"], [False, True],
            [False, True], cores):
        if table != "limit_lines" or not touch:  # it has no record
            yield table, family, flows, hits, access, touch, churned, "lookup", count


def check_rows(rows):
    for row in rows:
        check_row(row)
    cores = sorted({row["cores"] for row in rows})
    assert cores[0] == 1 and len(cores) <= 2, cores
    lookups = collections.Counter(tuple(row[key] for key in KEYS[:9]) for row in rows if row["operation"] == "lookup")
    assert lookups == collections.Counter(lookups_expected(cores)), "lookups that are missing, or there twice"
    windows = collections.Counter((row["table"], row["family"], row["flows"], row["operation"], row["load_from_percent"],
                                   row["load_percent"]) for row in rows if row["operation"] != "lookup")
    assert windows == collections.Counter(
        (table, family, flows, operation, *window) for table, family, flows, operation, window in itertools.product(
            FILLED, ["ip4", "ip6"], FLOWS, ["insert", "delete"], [(0, 50), (50, 75), (75, 87), (87, 95)])), windows


def check_picture(path):
    root = xml.etree.ElementTree.parse(path).getroot()
    text = " ".join(root.itertext())
    assert root.tag.endswith("svg") and "portier" in text and "IPv6" in text
    assert len(root.findall(".//{*}circle")) > 6 * 5, "points of six panels"


def run(program, *arguments):
    return subprocess.run([program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)


def check_refusals(program):
    for arguments in (["--form", "neon"], ["--sizes", "12"], ["--sizes", "57k,"], ["--nonsense"], ["more"]):
        refused = run(program, *arguments)
        assert refused.returncode == 2 and refused.stderr, arguments


def main(program):
    with tempfile.TemporaryDirectory() as folder:
        table, picture = pathlib.Path(folder, "rows.json"), pathlib.Path(folder, "picture.svg")
        done = run(program, "--smoke", "--json", str(table), "--svg", str(picture))
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        assert "targets" in done.stdout and "rte_hash" in done.stdout
        check_rows(json.loads(table.read_text()))
        check_picture(picture)
    check_refusals(program)


if __name__ == "__main__":
    main(sys.argv[1])
