# SPDX-License-Identifier: BSD-3-Clause
"""Limits count by the capture's clock, and begin anew where it goes back."""
import json
import pathlib
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import make_demo_capture as frames  # noqa: E402

RULES = """table netdev t {
    chain c {
        type filter hook ingress device "eth0" priority 0; policy drop;
        udp dport 53 limit rate 10/second burst 5 packets accept
    }
}
"""
CONFIG = """handlers: [{name: all, kind: count}]
default_handler: all
policy: {state: packet}
rules: limit.rules
"""
HOUR = 3600


def write_queries(path, begin, count, apart):
    """Queries from one client; begin and apart in seconds."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number in range(count):
            way = ("192.0.2.1", "192.0.2.2")
            frame = frames.ethernet(frames.ipv4(*way, frames.UDP, frames.udp(*way, 40000, 53, b"x" * 18)))
            time = round((begin + number * apart) * 1e6)
            file.write(struct.pack("<IIII", *divmod(time, 1000000), len(frame), len(frame)) + frame)


def accepted(portier, folder, *captures):
    (folder / "limit.rules").write_text(RULES)
    (folder / "conf.yaml").write_text(CONFIG)
    out = folder / "report.json"
    subprocess.run([portier, "replay", "-q", "-c", folder / "conf.yaml", "--json", out, *captures], check=True, timeout=60)
    return json.loads(out.read_text())["ledger"]["handed"]["packets"]


def test_burst_passes_at_once_and_then_the_rate(portier, tmp_path):
    write_queries(tmp_path / "burst.pcap", HOUR, 100, 0)
    assert accepted(portier, tmp_path, tmp_path / "burst.pcap") == 5
    write_queries(tmp_path / "twice.pcap", HOUR, 200, 0.05)  # 20 a second for 10 seconds
    assert 100 <= accepted(portier, tmp_path, tmp_path / "twice.pcap") <= 106


def test_limit_begins_anew_where_the_clock_goes_back(portier, tmp_path):
    write_queries(tmp_path / "later.pcap", 2 * HOUR, 100, 0)
    write_queries(tmp_path / "earlier.pcap", HOUR, 100, 0)
    assert accepted(portier, tmp_path, tmp_path / "later.pcap", tmp_path / "earlier.pcap") == 10
