# SPDX-License-Identifier: BSD-3-Clause
"""The generator at one end, portier at the other, flows that come and go, and rules that change all the while: every packet
that was sent has one end, and a name. A moment here; PORTIER_SOAK_SECONDS=600 is for who has the time."""
import json
import os
import subprocess
import threading

import pytest
import world

SECONDS = int(os.environ.get("PORTIER_SOAK_SECONDS", 4))
RATE = os.environ.get("PORTIER_SOAK_RATE", "20Kpps")
DEVICES = {  # portier's, the generator's
    "memif": ("net_memif0,role=server,socket={folder}/wire.sock", "net_memif0,role=client,socket={folder}/wire.sock"),
    "vhost": ("net_vhost0,iface={folder}/wire.sock,queues=1", "net_virtio_user0,path={folder}/wire.sock,queues=1"),
}
TARGET = """
interfaces:
  - {{name: wire, device: "{device}", checksum: verify}}
workers: {{cpus: 1, share_cpus: true}}
flows: {{capacity: 128K, timeouts: lab}}
handlers:
  - {{name: web, kind: count}}
  - {{name: names, kind: count}}
listeners:
  - {{protocol: tcp, port: http, handler: web}}
  - {{protocol: udp, port: domain, handler: names}}
policy: {{unbound: reject}}
eal: {memory}
"""
SENDER = """
interfaces:
  - {{name: out, device: "{device}"}}
workers: {{cpus: 1, share_cpus: true}}
rate: {rate}
duration: {seconds}s
settle: 2s
streams:
  - {{name: web, kind: tcp, weight: 4, sources: 10.0.0.0/16, destinations: 198.18.0.0/24, ports: http, flows: 2000,
     allocation: rfc6056_3, packets_per_flow: 5, sizes: 72-600}}
  - {{name: web6, kind: tcp, weight: 2, sources: "2001:db8:1::/64", destinations: "2001:db8:2::1", ports: http, flows: 500,
     allocation: rfc6056_4, packets_per_flow: 9, sizes: imix, vlan: 7}}
  - {{name: names, kind: udp, weight: 2, sources: 10.1.0.0/24, destinations: 198.18.1.53, ports: domain, flows: 500,
     new_flows: 1000, allocation: random, order: zipf}}
  - {{name: flood, kind: syn_flood, sources: 100.64.0.0/10, destinations: 198.18.2.0/24, ports: 1-1023}}
  - {{name: scan, kind: scan, sources: 10.2.0.1, destinations: 198.18.3.0/24, ports: 1-1023}}
eal: {memory}
"""


def rules(number):
    """Lists that deny other clients each, at other places, by tables and by rte_acl."""
    lines = [f"deny tcp {2000 + place} from 192.0.{place % 250}.0/24" for place in range(100)]
    lines.insert(20 + 50 * number, f"deny tcp 80 from 10.0.{64 * number}.0/18")
    lines.insert(60 - 50 * number, f"reject udp 53 from 10.1.0.{128 * number}/25")
    lines += [f"deny tcp {23 + number}", "default allow"]
    return "\n".join(lines) + "\n"


def change_rules(one, files, over, changes):
    while not over.wait(0.02):
        one.tell("rules", "load", str(files[len(changes) % 2]))
        changes.append("load")


@pytest.mark.parametrize("wire", DEVICES)
def test_every_packet_has_one_end_while_flows_come_and_go_and_rules_change(portier, daemon, tmp_path, wire):
    here, there = (device.format(folder=tmp_path) for device in DEVICES[wire])
    one = daemon(TARGET.format(device=here, memory=world.NO_HUGEPAGES), rules(0))
    files, over, changes = [tmp_path / "0.rules", tmp_path / "1.rules"], threading.Event(), []
    for number, file in enumerate(files):
        file.write_text(rules(number))
    config, report = tmp_path / "sender.yaml", tmp_path / "sent.json"
    config.write_text(SENDER.format(device=there, memory=world.NO_HUGEPAGES, rate=RATE, seconds=SECONDS))
    changer = threading.Thread(target=change_rules, args=(one, files, over, changes))
    changer.start()
    try:
        done = subprocess.run([portier, "generate", "-q", "-c", config, "--json", report], timeout=SECONDS + 100, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    finally:
        over.set()
        changer.join()
    assert done.returncode == 0, done.stdout
    sent = json.loads(report.read_text())
    stats = one.ask("stats")
    ledger, drops, flows = stats["ledger"], world.drops(stats), stats["flows"]
    print(f"{wire}: {sent['sent']['packets']} packets, {flows['opened']} flows, {len(changes)} lists of rules, drops {drops}")
    assert len(changes) > SECONDS
    assert sent["sent"]["packets"] > 1000 * SECONDS and flows["opened"] > 100 * SECONDS
    assert ledger["received"] == sent["sent"]  # what the device refused, the sender has counted apart
    assert set(drops) <= {"rule_drop", "reject_unanswered", "no_listener"} and drops["rule_drop"] > 0, drops
    ends = sum(ledger[end]["packets"] for end in ("handed", "answered", "dropped"))
    assert ledger["received"]["packets"] == ends
    assert flows["table_full"] == 0
    assert world.balanced(one.stop())
