# SPDX-License-Identifier: BSD-3-Clause
"""scripts/pktgen: what is planned against pktgen's rules carried out naively, and against portier."""
import ipaddress
import json
import pathlib
import random
import shutil
import struct

import pytest
import world

pytestmark = pytest.mark.meaning

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MOCK_PATH = f"LUA_PATH={ROOT}/tests/system/?.lua;{ROOT}/scripts/pktgen/?.lua"
PLAN = str(ROOT / "scripts/pktgen/plan.py")
VERIFY = str(ROOT / "scripts/pktgen/verify.py")
PYTHON = "/usr/bin/python3"


def plan(folder, mode, *arguments):
    """The finished process; its files are folder/run.*"""
    return world.run([PYTHON, PLAN, mode, str(folder / "run"), *arguments])


def planned(folder, mode, *arguments):
    done = plan(folder, mode, *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "run.expected.json").read_text())["expected"]


def verify(folder, stats, *arguments):
    (folder / "stats.json").write_text(json.dumps(stats))
    return world.run([PYTHON, VERIFY, str(folder / "run.expected.json"), str(folder / "stats.json"), *arguments])


def replayed(portier, folder, capture):
    done = world.run([portier, "replay", "-q", "--json", str(folder / "report.json"), str(capture)])
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "report.json").read_text())


def captured(path):
    """(protocol, source, destination, source port, destination port, size with FCS) of each packet."""
    data, at = path.read_bytes(), 24
    while at < len(data):
        length, = struct.unpack_from("<I", data, at + 8)
        packet = data[at + 16:at + 16 + length]
        source, destination, sport, dport = struct.unpack_from("!IIHH", packet, 26)
        yield {6: "tcp", 17: "udp"}[packet[23]], source, destination, sport, dport, length + 4
        at += 16 + length


class NaiveRange:
    """One field by pktgen's rules, from any state."""

    def __init__(self, low, high, step, state):
        self.low, self.high, self.step, self.state = low, high, step, state

    def advance(self):
        if self.step == 0:
            self.state = self.low
        else:
            self.state += self.step
            if self.state < self.low:
                self.state = self.high
            elif self.state > self.high:
                self.state = self.low
        return self.state


def naive_run(fields, pool_size, count):
    """The packets of a range run: a pool filled with standing ranges, one sent; filled with advancing ones, the rest sent."""
    still = [NaiveRange(low, high, 0, 777) for low, high, _ in fields]
    pool = [tuple(field.advance() for field in still) for _ in range(pool_size)]
    order = list(range(pool_size))
    sent = [pool[order[0]]]
    order = order[1:] + order[:1]
    moving = [NaiveRange(low, high, step if low != high else 0, field.state) for (low, high, step), field in zip(fields, still)]
    pool = [tuple(field.advance() for field in moving) for _ in range(pool_size)]
    return sent + [pool[order[i % pool_size]] for i in range(count - 1)]


def random_field(rng, least, most, steps):
    low, step, period = rng.randint(least, most), rng.choice(steps), rng.choice((1, 1, 2, 3, 4, 6, 7, 12, 30))
    high = low + (period - 1) * step
    return (low, high, step)


def as_text(field, ip=False):
    low, high, step = field
    name = (lambda number: str(ipaddress.IPv4Address(number))) if ip else str
    return f"{name(low)}-{name(high)}+{name(step)}"


def flows_of(packets):
    return len({frozenset(((source, sport), (destination, dport))) for source, destination, sport, dport, _ in packets})


def holds(bounds, number):
    return bounds["min"] <= number <= bounds["max"] if isinstance(bounds, dict) else bounds == number


@pytest.mark.parametrize("seed", range(12))
def test_plan_expects_what_advancing_ranges_send(tmp_path, seed):
    rng = random.Random(seed)
    fields = [random_field(rng, 0x0A000001, 0x0A00FFFF, (1, 3, 256)), random_field(rng, 0xC6120001, 0xC61200FF, (1, 2)),
              random_field(rng, 1000, 50000, (1, 5, 64)), random_field(rng, 1000, 40000, (1, 7)),
              random_field(rng, 64, 300, (1, 16))]
    pool, count = rng.choice((64, 100, 1000)), rng.choice((2, 50, 64, 65, 333, 3000))
    expected = planned(tmp_path, "range", "--src-ip", as_text(fields[0], ip=True), "--dst-ip", as_text(fields[1], ip=True),
                       "--src-port", as_text(fields[2]), "--dst-port", as_text(fields[3]), "--size", as_text(fields[4]),
                       "--pool", str(pool), "--count", str(count), "--capture")
    sent = naive_run(fields, pool, count)
    assert holds(expected["flows"]["opened"], flows_of(sent))
    assert expected["ledger"]["received"]["packets"] == count
    assert holds(expected["ledger"]["received"]["bytes"], sum(packet[4] - 4 for packet in sent))
    assert [packet[1:] for packet in captured(tmp_path / "run.pcap")] == sent


def test_plan_says_that_ranges_advance_together(tmp_path):
    done = plan(tmp_path, "range", "--src-ip", "10.0.0.1-10.0.0.64", "--src-port", "1024-2047", "--count", "100000")
    assert "1024 flows, not 65536" in done.stderr and "least common multiple" in done.stderr
    assert "1024 values" not in done.stderr and "63 values of src_ip" in done.stderr
    assert json.loads((tmp_path / "run.expected.json").read_text())["expected"]["flows"]["opened"] == 1024


def test_periods_without_common_factors_need_no_warning(tmp_path):
    done = plan(tmp_path, "range", "--src-ip", "10.0.0.1-10.0.0.23", "--src-port", "1024-2047", "--count", "100000")
    assert done.stderr == "" and "23552 flows" in done.stdout


@pytest.mark.parametrize("release, flows", (("23.03", "24577"), ("24.03", "24577"), ("24.07", "16385"),
                                            ("25.08", "32769")))
def test_plan_says_that_a_pool_holds_fewer_packets_than_the_ranges_make(tmp_path, release, flows):
    done = plan(tmp_path, "range", "--src-ip", "10.0.0.1-10.0.0.251", "--src-port", "1024-2047", "--count", "1000000",
                "--pktgen", release)
    assert f"{flows} flows, not 257024" in done.stderr


def test_ranges_that_pktgen_forgets_can_be_had_from_a_capture(tmp_path):
    assert "forgets its ranges" in plan(tmp_path, "range", "--count", "100", "--pktgen", "24.05").stderr
    assert plan(tmp_path, "pcap", "--src-port", "1-100", "--count", "100", "--pktgen", "24.05").returncode == 0


def test_later_pktgen_gets_bounds_instead_of_a_number_of_flows(tmp_path):
    arguments = ("--src-port", "1024-2023", "--count", "100000", "--pktgen", "26.02")
    done = plan(tmp_path, "range", *arguments)
    assert "up to 1000 flows" in done.stderr
    assert planned(tmp_path, "range", *arguments)["flows"]["opened"] == {"min": 1, "max": 1000}


def test_a_number_of_flows_that_is_not_made_is_refused(tmp_path):
    done = plan(tmp_path, "range", "--src-ip", "10.0.0.1-10.0.0.64", "--src-port", "1024-2047", "--flows", "65536",
                "--count", "100000")
    assert done.returncode == 1 and "--flows 65536: this makes 1024" in done.stderr
    assert not list(tmp_path.glob("run*"))
    assert plan(tmp_path, "pcap", "--src-ip", "10.0.0.1-10.0.0.64", "--src-port", "1024-2047", "--flows", "65536",
                "--count", "100000").returncode == 0


def test_seconds_are_as_many_packets_as_the_line_takes(tmp_path):
    expected = planned(tmp_path, "fixed", "--seconds", "2", "--gbps", "10")
    assert expected["ledger"]["received"]["packets"] == 29761905  # 14.88 million a second
    expected = planned(tmp_path, "fixed", "--seconds", "1", "--gbps", "25", "--size", "1518", "--rate", "50")
    assert expected["ledger"]["received"]["packets"] == 1015930


WRONG = [
    (("range", "--src-port", "1024-2047+65"), "step of more than 64"),
    (("range", "--src-port", "2047-1024"), "the lower end first"),
    (("range", "--src-port", "0-10"), "from 1 to 65535"),
    (("range", "--src-ip", "10.0.0"), "an IPv4 address was expected"),
    (("range", "--src-ip", "255.255.255.0-255.255.255.250+0.0.0.10"), "would pass 255.255.255.255"),
    (("range", "--src-ip", "223.255.255.255-224.0.0.1"), "multicast"),
    (("range", "--dst-port", "2000-2200"), "GTP-U"),
    (("range", "--size", "60-100"), "from 64 to 1518"),
    (("range", "--size", "imix"), "mode pcap was expected"),
    (("range", "--src-port", "ten"), "a number was expected"),
    (("range", "--pool", "1"), "at least 64 buffers"),
    (("fixed", "--src-port", "1-2"), "one packet over and over"),
    (("fixed", "--count", "1"), "2 to 4294967295"),
    (("fixed", "--count", "4294967296"), "2 to 4294967295"),
    (("fixed", "--rate", "0"), "1 to 100"),
    (("fixed", "--src-ip", "198.18.0.1", "--src-port", "53"), "same address and port"),
    (("pcap", "--src-ip", "10.0.0.1-10.1.0.0", "--src-port", "1-100", "--count", "5"), "at most 2000000"),
    (("fixed", "--count", "3000000", "--capture"), "at most 2000000"),
]


@pytest.mark.parametrize("arguments, text", WRONG)
def test_wrong_plans_are_refused_with_what_was_expected(tmp_path, arguments, text):
    done = plan(tmp_path, *arguments)
    assert done.returncode == 1 and text in done.stderr and "Traceback" not in done.stderr
    assert not list(tmp_path.glob("run*"))


@pytest.mark.parametrize("arguments", (("fixed", "--pktgen", "22.07"), ("fixed", "--src-mac", "02:00"), ("other",)))
def test_wrong_usage_has_status_2(tmp_path, arguments):
    assert plan(tmp_path, *arguments).returncode == 2


RUNS = [
    ("fixed", "--size", "64", "--count", "5000"),
    ("fixed", "--size", "1518", "--count", "100", "--proto", "tcp", "--dst-port", "443"),
    ("range", "--src-ip", "10.0.0.1-10.0.0.64", "--src-port", "1024-2047", "--count", "3000"),
    ("range", "--src-ip", "10.0.0.1-10.0.0.7", "--src-port", "1024-1123", "--dst-port", "1000-1046", "--count", "9000",
     "--proto", "tcp"),
    ("range", "--src-port", "1024-1033", "--size", "64-1518+2", "--count", "2000"),
    ("range", "--src-port", "1024-1200", "--size", "64-128+64", "--count", "1000", "--pool", "100"),
    ("pcap", "--src-ip", "10.0.0.1-10.0.0.16", "--src-port", "1024-1087", "--size", "imix", "--count", "7777"),
    ("pcap", "--src-port", "1-3000", "--dst-port", "50000-50001", "--size", "64", "--count", "20000"),
    # Both ends in one range: a packet and its answer are one flow, and its port is the first's.
    ("pcap", "--src-ip", "10.0.0.1-10.0.0.3", "--dst-ip", "10.0.0.4-10.0.0.6", "--src-port", "80", "--dst-port", "80",
     "--count", "30"),
    ("pcap", "--src-ip", "10.0.0.1-10.0.0.2", "--dst-ip", "10.0.0.1-10.0.0.2", "--src-port", "2000-2001",
     "--dst-port", "60000", "--count", "50"),
]


@pytest.mark.parametrize("arguments", RUNS)
def test_planned_packets_give_exactly_the_planned_counters(portier, tmp_path, arguments):
    planned(tmp_path, *arguments, "--capture", "--handler", "flows")
    done = verify(tmp_path, replayed(portier, tmp_path, tmp_path / "run.pcap"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "counters are as planned" in done.stdout


def test_a_capture_is_sent_round_and_round(tmp_path):
    expected = planned(tmp_path, "pcap", "--src-port", "1024-1026", "--size", "imix", "--count", "100000")
    packets = list(captured(tmp_path / "run.pcap"))
    assert len(packets) >= 4096 and len(packets) % 12 == 0
    sent = [packets[i % len(packets)] for i in range(100000)]
    assert expected["ledger"]["received"]["bytes"] == sum(size - 4 for *_, size in sent)
    assert sorted({size for *_, size in packets}) == [64, 594, 1518]


@pytest.mark.skipif(not shutil.which("lua5.4"), reason="needs lua5.4")
@pytest.mark.parametrize("arguments", [arguments for arguments in RUNS if arguments[0] != "pcap"])
def test_lua_script_makes_pktgen_send_the_planned_packets(tmp_path, arguments):
    planned(tmp_path, *arguments, "--capture")
    pool = arguments[arguments.index("--pool") + 1] if "--pool" in arguments else "24576"
    done = world.run(["env", f"MOCK_POOL={pool}", MOCK_PATH, "lua5.4", "-l", "pktgen_mock", str(tmp_path / "run.lua")])
    assert done.returncode == 0, done.stderr
    *lines, last = done.stdout.splitlines()
    assert [tuple(line.split()) for line in lines] == \
        [tuple(map(str, packet)) for packet in captured(tmp_path / "run.pcap")]
    assert f"{arguments[arguments.index('--count') + 1]} packets were sent" in last


@pytest.mark.skipif(not shutil.which("lua5.4"), reason="needs lua5.4")
@pytest.mark.parametrize("script", sorted(path.name for path in (ROOT / "scripts/pktgen").glob("*.lua")
                                          if path.name != "lab.lua"))
def test_ready_made_lua_scripts_run(script):
    done = world.run(["env", "MOCK_POOL=512", "LAB_COUNT=1000", MOCK_PATH, "lua5.4", "-l", "pktgen_mock",
                      str(ROOT / "scripts/pktgen" / script)])
    assert done.returncode == 0, done.stderr
    assert "packets were sent" in done.stdout


STATS = {
    "ledger": {"received": {"packets": 1000, "bytes": 60000}, "handed": {"packets": 1000, "bytes": 60000},
               "dropped": {"packets": 0, "bytes": 0}, "in_flight": 0, "balanced": True},
    "handlers": [{"name": "web", "handed": {"packets": 1000, "bytes": 60000}}],
    "flows": {"opened": 10},
    "port_classes": {"system": {"packets": 1000, "bytes": 60000}, "user": {"packets": 0, "bytes": 0},
                     "dynamic": {"packets": 0, "bytes": 0}},
    "drops": [],
}


@pytest.fixture
def run_of_ten_flows(tmp_path):
    planned(tmp_path, "range", "--src-port", "1024-1033", "--count", "1000", "--handler", "web")
    return tmp_path


def altered(path, value):
    stats = json.loads(json.dumps(STATS))
    part = stats
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return stats


def test_verify_is_content_where_all_is_as_planned(run_of_ten_flows):
    done = verify(run_of_ten_flows, STATS)
    assert done.returncode == 0, done.stdout + done.stderr


DIFFERENCES = [
    (("ledger", "received", "packets"), 999, "ledger.received.packets: 1000 expected, 999 found (-1)"),
    (("ledger", "received", "bytes"), 60004, "ledger.received.bytes: 60000 expected, 60004 found (+4)"),
    (("ledger", "handed", "packets"), 998, "ledger.handed.packets: 1000 expected, 998 found (-2)"),
    (("ledger", "dropped", "packets"), 2, "ledger.dropped.packets: 0 expected, 2 found (+2)"),
    (("ledger", "balanced"), False, "ledger.balanced: true expected"),
    (("flows", "opened"), 11, "flows.opened: 10 expected, 11 found (+1)"),
    (("port_classes", "dynamic", "packets"), 1, "port_classes.dynamic.packets: 0 expected, 1 found (+1)"),
    (("handlers",), [], "handlers.web.handed.packets: 1000 expected, there is no such counter"),
    (("handlers", 0, "handed", "packets"), 7, "handlers.web.handed.packets: 1000 expected, 7 found (-993)"),
    (("drops",), [{"reason": "rule_drop", "packets": 3, "text": "denied by a rule"}],
     "drops.rule_drop: 0 packets expected, 3 found (denied by a rule)"),
]


@pytest.mark.parametrize("path, value, text", DIFFERENCES)
def test_verify_names_each_difference(run_of_ten_flows, path, value, text):
    done = verify(run_of_ten_flows, altered(path, value))
    assert done.returncode == 1 and text in done.stdout, done.stdout + done.stderr


def test_verify_names_all_differences_at_once(run_of_ten_flows):
    done = verify(run_of_ten_flows, {**altered(("flows", "opened"), 12), "drops": [{"reason": "martian", "packets": 1}]})
    assert "flows.opened" in done.stdout and "drops.martian" in done.stdout and "2 differences" in done.stdout


def test_verify_looks_at_what_came_since_before(run_of_ten_flows):
    (run_of_ten_flows / "before.json").write_text(json.dumps(STATS))
    twice = json.loads(json.dumps(STATS), parse_int=lambda text: 2 * int(text))
    done = verify(run_of_ten_flows, twice, "--before", str(run_of_ten_flows / "before.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert verify(run_of_ten_flows, twice).returncode == 1


@pytest.mark.parametrize("content", ("", "[]", "{}", '{"ledger": 3}'))
def test_verify_refuses_what_are_no_counters(run_of_ten_flows, content):
    (run_of_ten_flows / "other.json").write_text(content)
    done = world.run([PYTHON, VERIFY, str(run_of_ten_flows / "run.expected.json"), str(run_of_ten_flows / "other.json")])
    assert done.returncode == 2 and "other.json" in done.stderr and "Traceback" not in done.stderr
