# SPDX-License-Identifier: BSD-3-Clause
"""The comparison with other programs: inputs, windows and reports, and everything once for a moment. No time is asserted."""
import json
import os
import pathlib
import struct
import sys
import xml.etree.ElementTree

import pytest
import world

ROOT = pathlib.Path(world.frames.__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench"))
from lab import ground, inputs, latency, peer, picture, plan, probe, report, windows  # noqa: E402

pytestmark = pytest.mark.meaning

KEYS = "what peer flows workers mpps peer_mpps ratio ratio_min ratio_max pairs".split()


def decoded(frame):
    """(source, destination, protocol, sport, dport); both checksums have to be right."""
    assert len(frame) == 60 and world.frames.internet_sum(frame[14:34]) == 0
    length = struct.unpack_from("!H", frame, 16)[0]
    segment = frame[34:14 + length]
    pseudo = frame[26:34] + struct.pack("!BBH", 0, frame[23], len(segment))
    assert world.frames.internet_sum(pseudo + segment) == 0
    return frame[26:30], frame[30:34], frame[23], *struct.unpack_from("!HH", frame, 34)


def test_steady_input_has_each_flow_once_half_of_them_tcp():
    made = [decoded(frame) for frame in inputs.steady_frames(inputs.steady(1024))]
    assert len(set(made)) == len(made) == 1024
    assert sum(one[2] == 6 for one in made) == 512
    assert {one[4] for one in made} == set(inputs.PORTS)


def test_mixed_input_has_the_share_of_newcomers_that_was_asked_for_and_known_flows_go_both_ways():
    what = inputs.Input("mixed", 256, 10000, new_share=0.01)
    made = [decoded(frame) for frame in inputs.mixed_frames(what)]
    new = [one for one in made if one[2] == 6]
    assert len(made) == 10000 and abs(len(new) - 100) <= 1 and len({one[0] for one in new}) == len(new)
    ends = {frozenset({(one[0], one[3]), (one[1], one[4])}) for one in made if one[2] == 17}
    assert len(ends) == 256


def test_denied_input_is_denied_by_some_rule(portier, tmp_path):
    what, rules = inputs.Input("denied", 0, 500, rules=7), tmp_path / "bench.rules"
    rules.write_text(inputs.rules(7))
    capture = inputs.write(what, tmp_path)[0]
    world.must(portier, "replay", "--quiet", "--rules", rules, "--json", tmp_path / "report", capture)
    said = json.loads((tmp_path / "report").read_text())
    assert world.drops(said) == {"rule_drop": 500}
    assert all(rule["packets"] for rule in said["rules"][:7]) and len(said["rules"]) == 8


def test_parts_of_an_input_are_the_whole_of_it(tmp_path):
    what = inputs.steady(64)
    whole = inputs.write(what, tmp_path)[0].read_bytes()[24:]
    assert b"".join(part.read_bytes()[24:] for part in inputs.write(what, tmp_path, 3)) == whole


class Scripted:
    """A program whose windows are known beforehand."""

    def __init__(self, *rates):
        self.rates, self.process = list(rates), type("process", (), {"pid": os.getpid()})

    def window(self, _):
        return self.rates.pop(0)


QUIET = {"compute_ns": 1.0, "memory_ns": 100.0, "stolen": 0.0}


class Readings:
    """A probe that says what it is told to: changes to QUIET, and then QUIET."""
    cpu = 0

    def __init__(self, *changes):
        self.changes = list(changes)

    def read(self):
        return probe.Reading(**{**QUIET, **(self.changes.pop(0) if self.changes else {})})


def test_disturbed_pairs_are_dropped_counted_and_measured_again():
    mine, other = Scripted(1, 10, 20, 30), Scripted(1, 5, 10, 10)
    pairs = windows.alternate(mine, other, 2, 1.0, Readings({}, {}, {}, {}, {"memory_ns": 140}))
    assert (pairs.mine, pairs.other, dict(pairs.dropped)) == ([10, 30], [5, 10], {"memory speed changed": 1})


def test_a_machine_that_is_never_quiet_ends_the_comparison():
    mine, other = Scripted(*range(1, 9)), Scripted(*range(1, 9))
    pairs = windows.alternate(mine, other, 3, 1.0, Readings(*[{}, {"compute_ns": 1.2}] * 12))
    assert not pairs.mine and pairs.dropped["computing speed changed"] == 6


@pytest.mark.parametrize("stolen, waited, reason", [
    (0, 0, None), (0.1, 0, "stolen by the hypervisor"), (0, 0.1, "another thread on the CPU"),
])
def test_a_window_counts_if_nothing_was_taken_away(stolen, waited, reason):
    before, after = probe.Reading(**QUIET), probe.Reading(**{**QUIET, "stolen": stolen})
    assert probe.taken_away(before, after, 1.0, waited) == reason


def test_a_machine_that_is_slow_throughout_can_be_compared_on():
    slow = probe.Reading(**{**QUIET, "compute_ns": 2.0, "memory_ns": 300.0})
    assert probe.differ([slow] * 4) is None
    assert probe.differ([slow, slow, probe.Reading(**QUIET), slow]) == "computing speed changed"


def test_rows_have_the_keys_that_were_promised_and_medians_of_the_pairs():
    pairs = windows.Pairs([10e6, 20e6, 30e6], [10e6, 10e6, 10e6])
    made = report.row(plan.Cell("flows", inputs.steady(1024), ()), "testpmd io", pairs, 2e9, False)
    assert list(made)[:len(KEYS)] == KEYS
    assert [made[key] for key in KEYS] == ["flows", "testpmd io", 1024, 1, 20.0, 10.0, 2.0, 1.0, 3.0, 3]
    assert (made["ns"], made["cycles"], made["peer_ns"]) == (50.0, 100.0, 100.0)


def test_pictures_are_drawn_of_zero_rules_and_of_single_points_too(tmp_path):
    rows = [dict(what=what, peer="testpmd 5tswap", flows=65536, rules=rules, workers=workers, mpps=rate, peer_mpps=3.0)
            for what, rules, workers, rate in (("flows", 0, 1, 20.0), ("rules", 0, 1, 20.0), ("rules", 10000, 1, 19.0),
                                               ("denied flood", 100, 1, 9.0), ("workers", 0, 2, 38.0))]
    assert picture.write_all(tmp_path, rows) == ["flows.svg", "rules.svg", "workers.svg"]
    for name, lines in (("flows", 2), ("rules", 4), ("workers", 2)):
        root = xml.etree.ElementTree.parse(tmp_path / f"{name}.svg").getroot()
        assert len(root.findall("{*}polyline")) == lines
        assert all("nan" not in one.get("points") for one in root.findall("{*}polyline"))


def test_latency_is_that_of_the_packets_in_between():
    before, after = [[100, 7], [200, 1]], [[100, 17], [200, 1], [300, 990]]
    between = latency.difference(before, after)
    assert between == [(100, 10), (300, 990)]
    assert [latency.quantile(between, share) for share in (0.01, 0.02, 1.0)] == [100, 300, 300]
    assert latency.summary(between)["packets"] == 1000 and latency.quantile([], 0.5) is None


def test_latency_is_drawn_by_the_share_of_packets_that_took_longer(tmp_path):
    rows = [dict(what="latency", peer="portier, latency not measured", flows=flows, rules=0, workers=1, mpps=20.0, peer_mpps=20.0,
                 latency=dict(distribution=[(1000 * share, 10)])) for share, flows in enumerate((1024, 65536), 1)]
    assert picture.write_all(tmp_path, rows) == ["latency.svg"]
    drawn = (tmp_path / "latency.svg").read_text()
    assert all(f">{share} %<" in drawn for share in ("50", "90", "99", "99.9", "99.99"))
    assert ">1 K flows<" in drawn and ">64 K flows<" in drawn


def test_the_ground_names_what_is_not_ideal(monkeypatch):
    facts = {"/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor": "powersave", "/sys/devices/system/cpu/isolated": "1",
             "/sys/devices/system/cpu/nohz_full": ""}
    monkeypatch.setattr(ground, "first_line", facts.get)
    assert "performance" in ground.governor(1).complaint
    assert "nohz_full" in ground.isolation(1).complaint
    assert ground.isolation(1).value == "CPU 1: isolcpus"


def needs(program):
    """Skips with what is missing: a program of the build, or of Debian."""
    if not pathlib.Path(program).exists():
        pytest.skip(f"{program} is not there")


@pytest.fixture(scope="module")
def build(portier):
    folder = pathlib.Path(portier).parent.parent
    needs(folder / "bench" / "send_endless")
    needs("/usr/bin/dpdk-testpmd")
    return folder


def test_everything_runs_for_a_moment_its_counters_agree_and_results_are_written(build, tmp_path):
    done = world.run([ROOT / "bench/side_by_side.py", "smoke", "--build", build, "--out", tmp_path], 500)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads((tmp_path / "results.json").read_text())
    assert all(list(row)[:len(KEYS)] == KEYS and row["pairs"] == 1 and row["mpps"] > 0 for row in rows)
    table = (tmp_path / "results.md").read_text()
    met = {row["peer"] for row in rows}
    for absent in {"portier again", "testpmd io", "testpmd 5tswap", *plan.OVS, *plan.KERNEL} - met:
        assert f"left out: {absent}" in table or f"beside {absent}: a window without packets" in table, \
            f"{absent} is neither there nor told to be left out"
    for what in ("flows", "rules being loaded", "denied flood", "latency", "1 % new flows", "99 % new flows"):
        assert what in {row["what"] for row in rows} or f"no result: {what}" in done.stdout, done.stdout
    assert all(row["latency"]["packets"] > 0 for row in rows if row["what"] == "latency")
    assert {"flows.svg", "rules.svg"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("way", ["nft", "nft ct"])
def test_the_kernels_rules_pass_what_portiers_pass(build, namespaces_allowed, tmp_path, way):
    from lab import kernel, place
    at = place.Place(build, tmp_path, [max(os.sched_getaffinity(0))], 0, 0, [])
    one = kernel.Kernel(at, inputs.write(inputs.steady(64), tmp_path), way, 10)
    try:
        world.wait_for("packets", lambda: one.passed() > 1000)
        assert one.audit() == []
    finally:
        one.end()


def test_a_peer_that_is_missing_is_named_and_left_out(build, tmp_path, monkeypatch):
    from lab import kernel, ovs
    monkeypatch.setattr(ovs, "SWITCH", "/nowhere")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(peer.Absent, match="openvswitch-switch-dpdk is not installed"):
        ovs.OpenVSwitch(None, [], "ct")
    with pytest.raises(peer.Absent, match="ip is not installed"):
        kernel.Kernel(None, [], "nft")


@pytest.mark.parametrize("command", (("side_by_side.py", "quick"), ("pps_vs_testpmd.py",)))
def test_a_build_without_its_programs_is_refused_by_name(tmp_path, command):
    done = world.run([ROOT / "bench" / command[0], *command[1:], "--build", tmp_path])
    assert done.returncode == 2 and "portier is missing" in done.stderr


def test_a_portier_that_can_not_be_asked_is_not_left_running(tmp_path):
    from lab import place
    program = tmp_path / "control" / "portier"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nfolder=$(dirname "$3")\necho $$ >"$folder/pid"\n: >"$folder/control.sock"\nexec sleep 60\n')
    program.chmod(0o755)
    with pytest.raises(FileNotFoundError):  # there is no portierctl
        peer.Portier(place.Place(tmp_path, tmp_path, [0], 0, 64, []), ["none.pcap"], 64)
    pid, = tmp_path.glob("portier*/pid")
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
