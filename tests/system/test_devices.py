# SPDX-License-Identifier: BSD-3-Clause
"""Devices of handlers under traffic from both sides, and replays whose workers must agree."""
import signal
import struct

import pytest
import world

BOTH_SIDES = """
interfaces:
  - {{name: near, device: "net_pcap0,rx_pcap={capture},infinite_rx=1", queues: 1}}
workers: {{cpus: {workers}, share_cpus: true, spare_buffers: 8192}}
handlers:
  - {{name: far, kind: device, device: "net_pcap1,rx_pcap={capture},infinite_rx=1"}}
default_handler: far
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_stopping_while_a_handlers_device_sends_balances_the_ledger(daemon, small_capture, workers):
    one = daemon(BOTH_SIDES.format(capture=small_capture, workers=workers))
    world.wait_for("traffic back", lambda: one.ledger()["returned"]["packets"] > 1000)
    text = one.stop(signal.SIGTERM)
    assert one.process.returncode == 0, text
    assert world.balanced(text), text


def ipv6_fragment(offset, more, payload, next_header=60, identification=7):
    """A fragment of a datagram behind a destination options header."""
    address = bytes.fromhex("20010db8000000000000000000000000")
    source, destination = address[:-1] + b"\x01", address[:-1] + b"\x02"
    fragment = struct.pack("!BBHI", next_header, 0, offset | more, identification)
    ip = struct.pack("!IHBB", 6 << 28, len(fragment) + len(payload), 44, 64) + source + destination
    return b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x86\xdd" + ip + fragment + payload


def fragmented_udp(port, identification):
    options = struct.pack("!BB", 17, 0) + b"\x01\x04" + bytes(4)
    udp = struct.pack("!HHHH", port, 53, 8 + 56, 0) + bytes(56)
    whole = options + udp
    return [ipv6_fragment(0, 1, whole[:40], identification=identification),
            ipv6_fragment(40, 0, whole[40:], identification=identification)]


def test_fragments_behind_extension_headers_are_of_one_flow_for_any_number_of_workers(portier, tmp_path):
    capture = tmp_path / "fragments.pcap"
    world.write_capture(capture, [frame for i in range(16) for frame in fragmented_udp(1000 + i, i)])
    flows = []
    for workers in "123":
        out = tmp_path / workers
        world.must(portier, "replay", "--quiet", "--workers", workers, "--flows", out, capture)
        flows.append(out.read_text())
    assert flows[0] == flows[1] == flows[2]
    assert len(flows[0].splitlines()) == 1 + 16


def test_an_earlier_capture_does_not_spoil_a_later_one_of_older_date(portier, tmp_path):
    late, early = tmp_path / "late.pcap", tmp_path / "early.pcap"
    world.write_capture(late, [fragmented_udp(2000, i)[0] for i in range(100)])
    world.write_capture(early, [fragmented_udp(3000, i)[1] for i in range(100)])
    raw = bytearray(late.read_bytes())
    at = 24
    while at < len(raw):  # a day later
        seconds, _, length, _ = struct.unpack_from("<IIII", raw, at)
        struct.pack_into("<I", raw, at, seconds + 86400)
        at += 16 + length
    late.write_bytes(raw)
    packets = tmp_path / "packets"
    world.must(portier, "replay", "--quiet", "--packets", packets, late, early)
    reasons = [line.split("\t")[11] for line in packets.read_text().splitlines()[1:]]
    assert reasons == ["-"] * 100 + ["fragment_unknown"] * 100


def test_more_flows_than_a_table_holds_by_default_are_the_same_for_any_number_of_workers(portier, tmp_path):
    frame, capture = world.udp_frame("10.1.0.1", "10.2.0.1", 0, 53), tmp_path / "many.pcap"
    count = 270000  # none of them answered
    world.write_capture(capture, (frame[:26] + struct.pack("!I", number) + frame[30:]
                                  for number in range(0x0a010000, 0x0a010000 + count)))
    flows = []
    for workers in "12":
        out = tmp_path / workers
        world.must(portier, "replay", "--quiet", "--workers", workers, "--flows", out, capture)
        flows.append(out.read_text())
    assert flows[0] == flows[1]
    assert len(flows[0].splitlines()) == 1 + count


def two_queues(tmp_path, second_queue=True):
    """Sixteen flows, both ways, on each queue of a device whose steering is trusted."""
    captures = [world.write_capture(tmp_path / f"{first}.pcap", [
        frame for port in range(first, first + 16) for frame in (
            world.udp_frame("10.1.0.1", "10.2.0.1", port, 53), world.udp_frame("10.2.0.1", "10.1.0.1", 53, port))])
        for first in (1000, 2000)]
    queues = "".join(f",rx_pcap={capture}" for capture in captures[:1 + second_queue])
    return f"""
interfaces:
  - {{name: near, device: "net_pcap0{queues},infinite_rx=1"}}
workers: {{cpus: 2, share_cpus: true, spare_buffers: 8192, steering: device}}
handlers:
  - {{name: all, kind: count}}
default_handler: all
"""


def test_workers_keep_what_their_queues_bring_where_the_device_is_trusted_to_steer(daemon, tmp_path):
    one = daemon(two_queues(tmp_path))
    world.wait_for("both queues", lambda: one.ask("stats")["flows"]["live"] == 32)
    world.wait_for("traffic", lambda: one.ledger()["received"]["packets"] > 10000)
    assert [interface["steering"] for interface in one.ask("interfaces")] == ["device"]
    workers = one.ask("workers")
    assert [worker["flows"] for worker in workers] == [16, 16]
    assert all(worker["passed_out"]["packets"] == 0 for worker in workers)
    for port, holder in ((1003, 0), (2003, 1)):
        for ends in (f"10.1.0.1:{port} 10.2.0.1:53", f"10.2.0.1:53 10.1.0.1:{port}"):
            told = one.ask("explain", "udp", *ends.split())
            assert told["queue"]["worker"] == told["queue"]["queue"] == holder and told["flow"]["state"] == "REPLIED", told
    stranger = one.ask("explain", "udp", "10.1.0.1:3000", "10.2.0.1:53")
    assert stranger["queue"]["queue"] is None and stranger["flow"] is None, stranger
    text = one.stop(signal.SIGTERM)
    assert world.balanced(text), text


def test_devices_that_steer_have_a_queue_for_each_worker(daemon, tmp_path):
    near, far = (f"net_memif{side},id={side},socket={tmp_path}/{side}.sock,role=server" for side in (0, 1))
    one = daemon(f"""
interfaces: [{{name: near, device: "{near}"}}]
workers: {{cpus: 2, share_cpus: true, steering: device}}
handlers: [{{name: far, kind: device, device: "{far}"}}]
default_handler: far
""")
    shown = one.ask("interfaces")
    assert [(interface["queues"], interface["tx_queues"], interface["steering"]) for interface in shown] == [(2, 2, "device")] * 2


def test_a_device_with_fewer_queues_than_workers_cant_be_trusted_to_steer(portier, tmp_path):
    config = tmp_path / "portier.yaml"
    config.write_text(two_queues(tmp_path, second_queue=False))
    ended = world.run([portier, "run", "-c", str(config)])
    assert ended.returncode == 1, ended
    assert f"{config}:3:5: near:" in ended.stderr and "1 rx queue, expected one for each of 2 workers" in ended.stderr
