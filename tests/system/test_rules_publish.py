# SPDX-License-Identifier: BSD-3-Clause
"""Rules published as fast as control can, for a while, with traffic that never rests: nothing is lost or judged by halves,
memory does not grow, and the sanitizers, in a build that has them, report nothing."""
import json
import os
import re
import socket
import time

import pytest
import world

ALLOWED, DENIED = 53, 54
WARM_UP, MEASURED = 2.0, 5.0 # seconds
GROWTH = 12 << 20 # bytes that may come and go by chance


def nft_rules(number):
    """Set 0 and set 1 share neither the rules that matter, nor their places, nor the policy; both judge alike."""
    rules = [f"tcp dport {1 + place * 7 + number} ip saddr 192.0.{place % 250}.0/24 counter drop" for place in range(58)]
    rules.insert(10 + 20 * number, f"udp dport {DENIED} ip saddr 10.0.0.0/{15 - number} counter drop")
    rules.insert(40 + 10 * number, f"udp dport {{ {ALLOWED}, 60000-6000{number} }} ip saddr 10.0.0.0/8 counter accept")
    rules.append("udp dport 1000 limit rate 10/second counter accept")
    rules.append(f"tcp flags & (syn | ack) == syn ip6 saddr 2001:db8:{number}::/48 counter reject")
    body = "\n".join("\t\t" + rule for rule in rules)
    policy = ("drop", "accept")[number]
    return f"table inet filter {{\n\tchain input {{\n\t\ttype filter hook input priority 0; policy {policy};\n{body}\n\t}}\n}}\n"


class Control:
    """The control socket itself: a program started for each request would be the slowest part."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.replies = self.socket.makefile("r", encoding="utf-8")

    def ask(self, command, **arguments):
        request = {"version": 1, "command": command, "arguments": arguments}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        reply = json.loads(self.replies.readline())
        assert reply["ok"], reply
        return reply["result"]

    def close(self):
        self.replies.close()
        self.socket.close()


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"^VmRSS:\s+(\d+) kB", file.read(), re.MULTILINE)[1]) << 10


@pytest.fixture
def load(daemon, tmp_path, monkeypatch):
    """A thousand flows to an allowed and a denied port in turn, over and over."""
    # The address sanitizer keeps what was freed for later checks: as much as it keeps would look like growth.
    monkeypatch.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=4")
    packets = [world.udp_frame("10.1.0.1", "10.2.0.1", 1024 + number // 2, (ALLOWED, DENIED)[number % 2])
               for number in range(2048)]
    return daemon(world.endless_config(world.write_capture(tmp_path / "load.pcap", packets)), nft_rules(0))


def publish_for(control, seconds, number):
    """Whole sets in turn, and single rules between them."""
    end, published = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        number = 1 - number
        control.ask("rules load", text=nft_rules(number), file=f"{number}.nft")
        added = control.ask("rules insert", text=f"tcp dport {published % 60000 + 1} counter reject")
        replaced = control.ask("rules replace", id=added["id"], text="ip saddr 198.51.100.0/24 drop")
        control.ask("rules delete", id=replaced["id"])
        published += 4
    return published, number


def test_publishing_without_rest_loses_nothing_and_keeps_its_size(load):
    control = Control(load.socket)
    _, number = publish_for(control, WARM_UP, 0)
    before, generation = resident(load.process.pid), control.ask("status")["generation"]
    published, _ = publish_for(control, MEASURED, number)
    after = resident(load.process.pid)
    print(f"{published} publications, {before >> 10} KiB before, {after >> 10} KiB after")
    assert control.ask("status")["generation"] - generation == published > 8 # even with sanitizers, on a busy machine
    control.close()
    assert after - before < GROWTH
    drops = world.drops(load.ask("stats"))
    assert set(drops) == {"rule_drop"}, drops
    text = load.stop() # a sanitizer's report would be an exit status
    assert world.balanced(text), text
    received, handed, dropped = (world.printed(text, name) for name in ("received", "handed", "dropped"))
    assert received > 100000, "there was no load"
    assert received == handed + dropped and abs(handed - dropped) <= 1, text
