# SPDX-License-Identifier: BSD-3-Clause
"""What portier says of a packet is what becomes of it."""
import json

import pytest
import world

CONFIG = """
interfaces:
  - {{name: source, device: "net_pcap0,rx_pcap={capture},infinite_rx=1"}}
workers: {workers}
handlers:
  - {{name: web, kind: count}}
  - {{name: low, kind: count}}
  - {{name: rest, kind: count}}
listeners:
  - {{protocol: tcp, address: 203.0.113.0/24, port: 80, handler: web}}
  - {{protocol: tcp, port: 80, handler: low}}
  - {{protocol: tcp, port: 1-1023, handler: rest}}
"""
RULES = """table inet filter {
	chain input {
		type filter hook input priority 0; policy drop;
		ip saddr 198.51.100.66 drop
		tcp dport { 80, 443 } accept
		tcp dport 22 ip saddr 192.168.1.0/24 accept
		tcp dport 23 reject
		udp dport 53 accept
		ip6 saddr 2001:db8::/32 icmpv6 type echo-request accept
	}
}
"""


@pytest.fixture
def one(daemon, small_capture):
    return daemon(CONFIG.format(capture=small_capture, workers="{cpus: 1, share_cpus: true}"), RULES)


def explain(one, words):
    return one.ask("explain", *words.split())


@pytest.mark.parametrize("words, outcome, rule, handler", [
    ("tcp 192.168.1.100:54321 203.0.113.50:80", "handed over", 2, "web"),
    ("tcp 192.168.1.100:54321 203.0.114.50:80 syn", "handed over", 2, "low"),
    ("tcp 192.168.1.100:54321 203.0.114.50:443", "handed over", 2, "rest"),
    ("tcp 198.51.100.66:1 203.0.113.50:80", "dropped", 1, None),
    ("tcp 10.0.0.1:1 203.0.113.50:22", "dropped", "default", None),
    ("tcp 10.0.0.1:1 203.0.113.50:23 syn", "rejected", 4, None),
    ("tcp [2001:db8::1]:4000 [2001:db8::2]:443", "handed over", 2, "rest"),
    ("icmpv6 2001:db8::1 2001:db8::2 echo-request", "dropped", 6, None),
    ("udp 10.0.0.1:999 10.0.0.2:domain vlan 7 in source", "dropped", 5, None),
])
def test_verdict_and_handler(one, words, outcome, rule, handler):
    told = explain(one, words)
    assert told["outcome"] == outcome
    assert told["verdict"]["rule"] == rule
    assert told["matcher"]["agrees"]
    assert told.get("handler") == handler


def test_each_rule_is_told_until_one_decides_and_what_failed(one):
    rules = explain(one, "tcp 10.0.0.1:1 203.0.113.50:22")["rules"]
    assert [rule["failed"] for rule in rules] == ["source address", "destination port", "source address",
                                                  "destination port", "protocol", "family"]
    rules = explain(one, "tcp 10.0.0.1:1 203.0.113.50:80")["rules"]
    assert [rule["matches"] for rule in rules] == [False, True]


def test_listeners_are_ranked_and_the_winner_says_why(one):
    listeners = explain(one, "tcp 10.0.0.1:1 203.0.113.50:80")["listeners"]
    assert [(listener["handler"], listener["rank"], listener["won"]) for listener in listeners] == [
        ("web", 1, True), ("low", 2, False), ("rest", 3, False)]
    assert [listener["before_next"] for listener in listeners] == [
        "its address prefix is longer", "its range of ports is narrower", None]


def test_answers_and_reasons_are_told(one):
    told = explain(one, "tcp 10.0.0.1:1 203.0.113.50:23 syn")
    assert told["answer"] == "TCP RST"
    told = explain(one, "udp 10.0.0.1:1 10.0.0.2:53")
    assert told["reason"] == "no_listener"
    told = explain(one, "tcp 10.0.0.1:5 10.0.0.1:5")
    assert told["outcome"] == "dropped" and told["reason"].startswith("martian")


def test_text_for_people(one):
    text = one.tell("explain", "tcp", "192.168.1.100:54321", "203.0.113.50:80", "syn")
    for part in ("worker 0", "flow       none", "no: source address", "matches", "accept, by rule 2", "say the same",
                 "wins: its address prefix is longer", "handed over to handler web"):
        assert part in text, text


@pytest.mark.parametrize("words, said", [
    ("tcp 10.0.0.1 10.0.0.2:80", "port"), ("tpc 10.0.0.1:1 10.0.0.2:80", "tpc"), ("tcp 10.0.0.1:1 [::1]:80", "family"),
    ("tcp 10.0.0.1:1 10.0.0.2:80 sin", "sin"), ("tcp 10.0.0.1:1 10.0.0.2:80 vlan 5000", "4094"),
    ("tcp 10.0.0.1:1 10.0.0.2:80 in lan9", "lan9"), ("icmp 10.0.0.1 10.0.0.2 9x", "9x"),
    ("udp 10.0.0.1:1 10.0.0.2:70000", "70000"), ("icmp ::1 ::2", "icmpv6"),
])
def test_what_is_no_packet_is_refused(one, words, said):
    done = one.ctl("explain", *words.split())
    assert done.returncode == 1 and said in done.stderr, done.stderr


def test_a_live_flow_is_told_with_its_rule(daemon, tmp_path):
    capture = world.write_capture(tmp_path / "dns.pcap", [world.udp_frame("10.1.0.1", "10.2.0.1", 1000, 53)])
    one = daemon(world.endless_config(capture), RULES)
    world.wait_for("flow", lambda: one.ask("stats")["flows"]["live"] == 1)
    told = explain(one, "udp 10.1.0.1:1000 10.2.0.1:53")
    assert told["flow"]["rule"] == 5 and told["flow"]["current"] and told["flow"]["state"] == "UNREPLIED"
    assert not told["rules_asked"] and told["outcome"] == "handed over"
    reply = explain(one, "udp 10.2.0.1:53 10.1.0.1:1000")
    assert reply["flow"]["id"] == told["flow"]["id"] and reply["outcome"] == "handed over"


def test_worker_of_a_flow_is_that_of_its_reply(daemon, small_capture):
    one = daemon(CONFIG.format(capture=small_capture, workers="{cpus: 2, share_cpus: true}"), RULES)
    workers = set()
    for port in range(1000, 1032):
        there = explain(one, f"tcp 10.0.0.1:{port} 203.0.113.50:80")["queue"]["worker"]
        back = explain(one, f"tcp 203.0.113.50:80 10.0.0.1:{port} syn-ack")["queue"]["worker"]
        assert there == back
        workers.add(there)
    assert workers == {0, 1}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    import make_demo_capture
    capture = str(tmp_path_factory.mktemp("demo") / "demo.pcap")
    world.must("/usr/bin/python3", make_demo_capture.__file__, capture)
    return capture


def test_replay_explains_what_it_does_with_each_packet(portier, demo, tmp_path):
    """Verdict, rule and handler of packets all over a capture, beside what --packets says became of them."""
    config = str(world.pathlib.Path(world.__file__).resolve().parents[2] / "conf" / "demo.yaml")
    log = tmp_path / "packets.tsv"
    world.must(portier, "replay", "-q", "-c", config, "--packets", str(log), demo)
    lines = [line.split("\t") for line in log.read_text().splitlines()]
    packets = {int(line[0]): dict(zip(lines[0], line)) for line in lines[1:]}
    for number in [1, 2, 4, 100, 530, 534, 535, 536] + list(range(7, len(packets), 499)):
        out = tmp_path / "explained.json"
        world.must(portier, "replay", "-q", "-c", config, "--explain", str(number), "--json", str(out), demo)
        told, packet = json.loads(out.read_text()), packets[number]
        verdict = {"handed over": "accept", "dropped": "drop", "rejected": "reject"}[told["outcome"]]
        assert verdict == packet["verdict"], (number, told)
        if verdict == "accept":
            assert told["handler"] == packet["handler"], (number, told)
        if "verdict" in told:
            assert str(told["verdict"]["rule"]) == packet["rule"], (number, told)
            assert told["matcher"]["agrees"]
        if packet["flow"] != "-" and told["flow"]:
            assert str(told["flow"]["id"]) == packet["flow"], (number, told)


def test_replay_has_no_packet_beyond_the_last(portier, demo):
    done = world.run([portier, "replay", "--explain", "1000000", demo])
    assert done.returncode == 1 and "no packet 1000000" in done.stderr
    done = world.run([portier, "replay", "--explain", "1", "--packets", "-", demo])
    assert done.returncode == 1 and "--explain" in done.stderr
