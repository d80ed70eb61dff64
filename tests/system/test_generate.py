# SPDX-License-Identifier: BSD-3-Clause
"""portier generate: what it says it sent is what a receiver counts, and what it says of replies is so."""
import json
import signal
import subprocess
import time
import xml.etree.ElementTree

import pytest
import world

EAL = '["--no-huge", "-m", "300", "--no-pci", "--no-shconf", "--no-telemetry"]'


def target_config(folder, kind, more=""):
    """A portier behind a memif socket; its flows outlive the test."""
    return f"""
interfaces:
  - {{name: wire, device: "net_memif0,role=server,socket={folder}/memif.sock", checksum: verify}}
workers: {{cpus: 1, share_cpus: true}}
flows: {{capacity: 64K}}
handlers:
  - {{name: web, kind: {kind}}}
  - {{name: names, kind: {kind}}}
  - {{name: rest, kind: {kind}}}
listeners:
  - {{protocol: tcp, port: http, handler: web}}
  - {{protocol: udp, port: domain, handler: names}}
default_handler: rest
{more}
eal: {EAL}
"""


def sender_config(device, streams, **values):
    """Top-level keys besides devices and streams come from values."""
    lines = "\n".join(f"{key}: {value}" for key, value in values.items())
    return f"""
interfaces:
  - {{name: out, device: "{device}"}}
workers: {{cpus: 1, share_cpus: true}}
{lines}
streams:
{streams}
eal: {EAL}
"""


def memif(folder):
    return f"net_memif0,role=client,socket={folder}/memif.sock"


def generate(portier, folder, config):
    """Runs to its end and returns its report."""
    file, report = folder / "generate.yaml", folder / "report.json"
    file.write_text(config)
    done = world.run([portier, "generate", "-c", str(file), "--json", str(report)], 120)
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(report.read_text())


WEB = """
  - {name: web, kind: tcp, weight: 3, sources: 10.0.0.0/16, destinations: 198.18.0.0/24, ports: http, flows: 300,
     allocation: rfc6056_3, packets_per_flow: 6, sizes: 72-600}
"""
WEB6 = """
  - {name: web6, kind: tcp, sources: "2001:db8:1::/64", destinations: "2001:db8:2::1", ports: http, flows: 50,
     allocation: rfc6056_4, order: sequential, packets_per_flow: 4, sizes: imix, vlan: 7}
"""
NAMES = """
  - {name: names, kind: udp, sources: 10.1.0.0/24, destinations: 198.18.1.53, ports: domain, flows: 200, new_flows: 400,
     allocation: random, order: zipf}
"""
FLOOD = """
  - {name: flood, kind: syn_flood, sources: 100.64.0.0/10, destinations: 198.18.2.0/24, ports: 1-1023}
"""


def stream(report, name):
    return next(one for one in report["streams"] if one["name"] == name)


def test_what_was_sent_is_what_the_receiver_counts(portier, daemon, tmp_path):
    one = daemon(target_config(tmp_path, "count"))
    report = generate(portier, tmp_path, sender_config(memif(tmp_path), WEB + WEB6 + NAMES + FLOOD, rate="50Kpps",
                                                       duration="2s", settle="500ms"))
    stats = one.ask("stats")
    assert report["refused"]["packets"] == 0
    assert stats["ledger"]["received"] == report["sent"]
    assert stats["ledger"]["dropped"]["packets"] == 0, stats["drops"]
    handed = {handler["name"]: handler["handed"]["packets"] for handler in stats["handlers"]}
    flood_to_80 = handed["web"] - stream(report, "web")["sent"]["packets"] - stream(report, "web6")["sent"]["packets"]
    assert handed["names"] == stream(report, "names")["sent"]["packets"]
    assert 0 <= flood_to_80 <= stream(report, "flood")["sent"]["packets"] // 100
    assert handed["rest"] == stream(report, "flood")["sent"]["packets"] - flood_to_80


def test_flows_are_as_many_as_were_opened_and_the_rate_is_kept(portier, daemon, tmp_path):
    one = daemon(target_config(tmp_path, "count"))
    report = generate(portier, tmp_path, sender_config(memif(tmp_path), WEB + NAMES, rate="20Kpps", duration="2s",
                                                       settle="500ms"))
    flows = one.ask("stats")["flows"]
    # A tuple may come again: a host's random port is that of an earlier conversation now and then.
    assert flows["opened"] <= report["flows_opened"]
    assert flows["opened"] >= report["flows_opened"] * 0.95
    assert flows["table_full"] == 0
    assert 10000 <= report["sent"]["packets"] <= 40500  # never more than was asked for; less where the CPU is shared
    names = stream(report, "names")
    assert 400 <= names["opened"] <= 1000  # 400 a second, and 200 at first
    assert names["opened"] - names["closed"] <= 200


def test_replies_are_known_by_their_stamps(portier, daemon, tmp_path):
    one = daemon(target_config(tmp_path, "reflect", "policy: {tcp_pickup: loose}"))
    busy = WEB.replace("flows: 300", "flows: 2").replace("72-600", "72-100")  # many packets of a flow in one burst
    report = generate(portier, tmp_path, sender_config(memif(tmp_path), NAMES + busy, rate="20Kpps", duration="1s",
                                                       settle="1s", replies="check"))
    replies, ledger = report["replies"], one.ask("stats")
    assert ledger["ledger"]["handed"] == report["sent"]
    back = sum(handler["transmitted"]["packets"] for handler in ledger["handlers"])
    assert replies["returned"] + replies["unstamped"] == report["received"]["packets"] == back
    assert replies["lost"] <= report["sent"]["packets"] - back  # the far ring may be full where a CPU is shared
    assert replies["latency"]["samples"] == replies["returned"] > 1000
    assert replies["duplicates"] == replies["reordered"] == replies["malformed"] == 0
    latency = replies["latency"]
    order = [latency[name] for name in ("min_ns", "p50_ns", "p90_ns", "p99_ns", "p99_9_ns", "max_ns")]
    assert order == sorted(order) and order[0] > 0


def test_a_ring_gives_back_all_that_was_sent(portier, tmp_path):
    report = generate(portier, tmp_path, sender_config("net_ring0", NAMES, rate="20Kpps", duration="500ms", replies="check"))
    assert report["refused"]["packets"] == 0
    assert report["replies"]["returned"] == report["received"]["packets"] == report["sent"]["packets"] > 0
    assert report["replies"]["lost"] == 0


def test_what_stands_between_its_two_sides_passes_both_directions_on(portier, daemon, tmp_path):
    """Clients on one device, servers on another; what is between counts the same packets, and whole connections."""
    near, far = (f"net_memif{side},id={side},socket={tmp_path}/{side}.sock,role=" for side in (0, 1))
    one = daemon(f"""
interfaces:
  - {{name: near, device: "{near}server", checksum: verify}}
workers: {{cpus: 1, share_cpus: true}}
flows: {{capacity: 64K}}
handlers:
  - {{name: servers, kind: device, device: "{far}server", checksum: verify}}
default_handler: servers
eal: {EAL}
""")
    config = sender_config(f"{near}client", WEB, rate="20Kpps", duration="1s", settle="1s", replies="check")
    report = generate(portier, tmp_path, config.replace("workers:", f'  - {{name: back, device: "{far}client"}}\nworkers:'))
    stats, replies = one.ask("stats"), report["replies"]
    ledger = stats["ledger"]
    assert ledger["received"]["packets"] + ledger["returned"]["packets"] == report["sent"]["packets"] > 1000
    assert ledger["handed"] == ledger["received"]
    through = sum(interface["sent"] for interface in one.ask("interfaces"))
    assert report["received"]["packets"] == through
    assert replies["lost"] <= report["sent"]["packets"] - through  # a ring may be full where a CPU is shared
    assert replies["malformed"] == replies["duplicates"] == 0
    web = stream(report, "web")
    assert 0 < web["closed"] <= web["opened"]
    assert web["opened"] * 0.95 <= stats["flows"]["opened"] <= web["opened"]


def test_lost_replies_are_counted_as_lost(portier, daemon, tmp_path):
    one = daemon(target_config(tmp_path, "reflect"), rules="deny udp from 10.1.0.0/25\ndefault allow\n")
    report = generate(portier, tmp_path, sender_config(memif(tmp_path), NAMES, rate="20Kpps", duration="1s",
                                                       settle="1s", replies="check"))
    stats = one.ask("stats")
    back = sum(handler["transmitted"]["packets"] for handler in stats["handlers"])
    assert world.drops(stats)["rule_drop"] > 0
    assert report["replies"]["returned"] == back > 0
    assert report["replies"]["lost"] == report["sent"]["packets"] - back


def test_what_is_captured_of_it_replays_as_whole_connections(portier, tmp_path):
    capture, flows = tmp_path / "sent.pcap", tmp_path / "flows"
    report = generate(portier, tmp_path, sender_config(f"net_pcap0,tx_pcap={capture}", WEB + WEB6, rate="10Kpps",
                                                       duration="1s"))
    replayed = tmp_path / "replayed.json"
    config = tmp_path / "verify.yaml"
    config.write_text("interfaces: [{name: all, device: net_null0, checksum: verify}]\n"
                      "handlers: [{name: all, kind: count}]\ndefault_handler: all\n")
    world.must(portier, "replay", "-q", "-c", config, "--json", replayed, "--flows", flows, capture)
    told = json.loads(replayed.read_text())
    assert told["ledger"]["received"] == told["ledger"]["handed"] == report["sent"]
    rows = [line.split("\t") for line in flows.read_text().splitlines()]
    states = [row[rows[0].index("state")] for row in rows[1:]]
    assert len(states) == report["flows_opened"]
    # Both FINs are there before the last ACK is.
    assert 100 < report["flows_closed"] <= states.count("TIME_WAIT") <= report["flows_closed"] + 350
    assert set(states) <= {"SYN_SENT", "SYN_RCVD", "ESTABLISHED", "FIN_WAIT_1", "CLOSE_WAIT", "TIME_WAIT"}


def test_the_same_seed_sends_the_same_packets(portier, tmp_path):
    captures = []
    for name in ("first", "second"):
        capture = tmp_path / f"{name}.pcap"
        generate(portier, tmp_path, sender_config(f"net_pcap0,tx_pcap={capture}", WEB + FLOOD, rate="2Kpps",
                                                  duration="200ms", seed=7))
        raw, at, packets = capture.read_bytes(), 24, []
        while at < len(raw) and len(packets) < 200:
            length = int.from_bytes(raw[at + 8:at + 12], "little")
            packets.append(raw[at + 16:at + 16 + length])
            at += 16 + length
        captures.append(packets)
    assert len(captures[0]) == 200
    assert captures[0] == captures[1]


def test_a_signal_ends_it_with_a_report(portier, tmp_path):
    config, report = tmp_path / "generate.yaml", tmp_path / "report.json"
    config.write_text(sender_config("net_null0", NAMES, rate="1Kpps", duration="1h"))
    with subprocess.Popen([portier, "generate", "-q", "-c", str(config), "--json", str(report)]) as process:
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    told = json.loads(report.read_text())
    assert told["interrupted"] and told["sent"]["packets"] > 0


@pytest.mark.parametrize("config, says", ids=["value", "device"], argvalues=[
    (sender_config("net_null0", NAMES, rate="fast"), "'fast' stands for 'rate', expected max"),
    (sender_config("net_memif0,role=client,socket=/nonexistent/x.sock", NAMES, rate="1Kpps", link_timeout="100ms"),
     "generate.yaml:3"),
])
def test_what_is_wrong_is_said_with_its_place(portier, tmp_path, config, says):
    file = tmp_path / "generate.yaml"
    file.write_text(config)
    done = world.run([portier, "generate", "-c", str(file)])
    assert done.returncode == 1
    assert says in done.stderr and str(file) in done.stderr


def test_the_highest_rate_without_loss_is_one_that_passed(portier, daemon, tmp_path):
    one = daemon(target_config(tmp_path, "reflect"))
    file, report = tmp_path / "ndr.yaml", tmp_path / "ndr.json"
    file.write_text(sender_config(memif(tmp_path), NAMES, rate="2Kpps", settle="300ms", replies="check",
                                  ndr="{trial: 500ms, loss: 1, precision: 20}"))
    done = world.run([portier, "ndr", "-c", str(file), "--json", str(report), "--svg", str(tmp_path / "ndr.svg")], 120)
    told = json.loads(report.read_text())
    assert told["complete"]
    assert done.returncode == (0 if told["found"] else 1), done.stderr
    offered = sum(trial["offered"] for trial in told["trials"])
    assert one.ledger()["received"]["packets"] == offered
    for trial in told["trials"]:
        assert trial["lost"] == trial["offered"] - trial["returned"]
        assert trial["passed"] == (trial["kept_up"] and trial["loss_percent"] <= 1)
    passed = [trial["rate"] for trial in told["trials"] if trial["passed"]]
    assert told["found"]["rate"] == max(passed)
    assert told["found"]["latency"]["samples"] == told["found"]["returned"]
    drawn = xml.etree.ElementTree.parse(tmp_path / "ndr.svg").getroot()
    assert len(drawn.findall("{*}circle")) == 3 * len(told["trials"])  # what came back, and two of how long it took


def test_a_device_that_sends_nothing_back_has_no_rate(portier, daemon, tmp_path):
    daemon(target_config(tmp_path, "count"))
    file = tmp_path / "ndr.yaml"
    file.write_text(sender_config(memif(tmp_path), NAMES, rate="1Kpps", replies="check", ndr="{trial: 200ms}"))
    done = world.run([portier, "ndr", "-c", str(file)], 60)
    assert done.returncode == 1
    assert "nothing came back" in done.stderr
