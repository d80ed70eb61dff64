# SPDX-License-Identifier: BSD-3-Clause
"""portier replay over captures whose truth is known: every packet's tuple, the ledger, the same for any workers.

PORTIER_CAPTURES names the folder: captures, and in truth/ a table of packets and one of directed flows for each.
"""
import collections
import concurrent.futures
import csv
import gzip
import ipaddress
import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FOLDER = pathlib.Path(os.environ.get("PORTIER_CAPTURES", ROOT.parent / "shared" / "captures"))
CAPTURES = sorted(FOLDER.glob("*.pcap*")) if (FOLDER / "truth").is_dir() else []
PORTS = {6, 17, 33, 132, 136}
WORKERS = (1, 3)

Run = collections.namedtuple("Run", "status errors packets flows report packets_bytes flows_bytes")


def read_table(text):
    return list(csv.DictReader(text.splitlines(), delimiter="\t"))


def truth_table(capture, kind):
    path = FOLDER / "truth" / f"{capture.name}.{kind}"
    text = gzip.open(path, "rt").read() if path.suffix == ".gz" else path.read_text()
    return read_table(text.removeprefix("#"))


def replay(portier, capture, folder, workers):
    outputs = {kind: folder / f"{kind}.{workers}" for kind in ("packets", "flows", "json")}
    arguments = [text for kind, path in outputs.items() for text in (f"--{kind}", str(path))]
    done = subprocess.run([portier, "replay", "--quiet", "--workers", str(workers), *arguments, str(capture)],
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 or (done.returncode == 1 and "breaks off" in done.stderr), \
        f"{workers} workers, status {done.returncode}: {done.stderr}"
    packets, flows = outputs["packets"].read_bytes(), outputs["flows"].read_bytes()
    return Run(done.returncode, done.stderr, read_table(packets.decode()), read_table(flows.decode()),
               json.loads(outputs["json"].read_text()), packets, flows)


# One process has all tests of a capture, so that it is replayed once.
@pytest.fixture(scope="module", ids=lambda path: path.name if path else "none",
                params=[pytest.param(path, marks=pytest.mark.xdist_group(path.name)) for path in CAPTURES] or [None])
def capture(request):
    if request.param is None:
        pytest.skip(f"no captures with truth in {FOLDER}: set PORTIER_CAPTURES")
    return request.param


@pytest.fixture(scope="module")
def runs(portier, capture, tmp_path_factory):
    folder = tmp_path_factory.mktemp("replay")
    with concurrent.futures.ThreadPoolExecutor() as pool: # most of a short replay is DPDK's start, which waits
        return dict(zip(WORKERS, pool.map(lambda workers: replay(portier, capture, folder, workers), WORKERS)))


def tuple_of(row):
    if row["src"] == "-":
        return None
    return (int(row["proto"]), ipaddress.ip_address(row["src"]), int(row["sport"]),
            ipaddress.ip_address(row["dst"]), int(row["dport"]))


def test_every_packet_has_its_tuple_and_length(capture, runs):
    truth = truth_table(capture, "packets.tsv.gz")
    packets = runs[1].packets
    assert [row["no"] for row in packets] == [str(number) for number in range(1, len(truth) + 1)]
    wrong = [(row["no"], tuple_of(row), expected["flags"], tuple_of(expected))
             for row, expected in zip(packets, truth)
             if tuple_of(row) != tuple_of(expected) or row["caplen"] != expected["caplen"]]
    assert not wrong


def test_vlan_tags_are_counted(capture, runs):
    truth = truth_table(capture, "packets.tsv.gz")
    expected = [max([int(flag[4:]) for flag in row["flags"].split(",") if flag[:4] == "vlan"], default=0)
                for row in truth]
    found = [int(row["vlans"]) for row in runs[1].packets]
    runts = {index for index, row in enumerate(truth) if row["l2"] == "runt"}
    assert [(i + 1, a, b) for i, (a, b) in enumerate(zip(found, expected)) if a != b and i not in runts] == []


def test_broken_captures_are_told_and_others_are_not(capture, runs):
    truth = json.loads((FOLDER / "truth" / f"{capture.name}.json").read_text())
    for run in runs.values():
        assert run.status == (1 if truth["reader_error"] else 0), run.errors
        assert ("breaks off" in run.errors) == bool(truth["reader_error"])
        assert run.report["captures"][0]["packets"] == truth["packets"]
        assert run.report["captures"][0]["bytes"] == truth["cap_bytes"]


def test_ledger_is_balanced(capture, runs):
    truth = json.loads((FOLDER / "truth" / f"{capture.name}.json").read_text())
    for run in runs.values():
        ledger = run.report["ledger"]
        assert ledger["balanced"] is True
        assert ledger["received"] == {"packets": truth["packets"], "bytes": truth["cap_bytes"]}
        ends = [ledger[name] for name in ("handed", "answered", "forwarded", "dropped")]
        assert sum(end["packets"] for end in ends) == truth["packets"]
        assert sum(end["bytes"] for end in ends) == truth["cap_bytes"]
        assert sum(drop["packets"] for drop in run.report["drops"]) == ledger["dropped"]["packets"]
        assert sum(row["verdict"] != "accept" for row in run.packets) == ledger["dropped"]["packets"]


def test_any_number_of_workers_gives_the_same(capture, runs):
    for workers in WORKERS[1:]:
        assert runs[workers].packets_bytes == runs[1].packets_bytes, f"packets of {workers} workers"
        assert runs[workers].flows_bytes == runs[1].flows_bytes, f"flows of {workers} workers"


def test_flows_add_up_to_the_packets_that_were_counted_for_them(capture, runs):
    counted = collections.Counter()
    for row in runs[1].packets:
        if row["flow"] != "-":
            assert row["dir"] in "<>"
            counted[row["flow"], row["dir"], "packets"] += 1
            counted[row["flow"], row["dir"], "bytes"] += int(row["caplen"])
    ids = sorted({int(flow) for flow, _, _ in counted})
    assert len(ids) == len(runs[1].flows)
    for flow, row in zip(ids, runs[1].flows): # a flow's id is the number of the packet that opened it
        for direction, end in ((">", "orig"), ("<", "resp")):
            for unit in ("packets", "bytes"):
                assert counted[str(flow), direction, unit] == int(row[f"{unit}_{end}"]), (flow, row)


def is_plain(row):
    """What has a flow of its own tuple: ports and no fragment."""
    flags = row["flags"].split(",")
    return int(row["proto"]) in PORTS and "fragrest" not in flags and "fragfirst" not in flags


def test_directed_flows_are_those_of_the_truth(capture, runs):
    """Of packets that were accepted and have ports of their own: fragments and ICMP errors are counted for the flows
    that they belong to."""
    truth = truth_table(capture, "packets.tsv.gz")
    plain = [(row, expected) for row, expected in zip(runs[1].packets, truth)
             if row["verdict"] == "accept" and expected["src"] != "-" and is_plain(expected)]
    expected = collections.Counter(tuple_of(row) for _, row in plain)
    assert collections.Counter(tuple_of(row) for row, _ in plain if row["flow"] != "-") == expected
    flows = {(int(row["proto"]), frozenset([(ipaddress.ip_address(row["orig_addr"]), int(row["orig_port"])),
                                            (ipaddress.ip_address(row["resp_addr"]), int(row["resp_port"]))]))
             for row in runs[1].flows}
    for proto, source, sport, destination, dport in expected:
        assert (proto, frozenset([(source, sport), (destination, dport)])) in flows
