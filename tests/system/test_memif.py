# SPDX-License-Identifier: BSD-3-Clause
"""The other end of a memif socket comes and goes in the midst of traffic."""
import time

import memif_peer
import pytest
import world

SECONDS = 4
FRAME = world.udp_frame("10.1.0.1", "10.2.0.1", 1000, 53)
ECHO = """
interfaces:
  - {{name: wire, device: "net_memif0,role=server,socket={folder}/wire.sock", checksum: ignore}}
workers: {{cpus: {workers}, share_cpus: true}}
handlers:
  - {{name: echo, kind: reflect}}
default_handler: echo
eal: {eal}
"""
FAR = """
interfaces:
  - {{name: near, device: "net_pcap0,rx_pcap={capture},infinite_rx=1", queues: 1}}
workers: {{cpus: {workers}, share_cpus: true, spare_buffers: 4096}}
handlers:
  - {{name: far, kind: device, device: "net_memif0,role=server,socket={folder}/wire.sock"}}
default_handler: far
eal: {eal}
"""


def come(one, folder):
    """Once portier knows that the last one is gone: it may hear of it late."""
    def connected():
        assert one.process.poll() is None, f"portier ended with {one.process.returncode}:\n{one.output()}"
        try:
            return memif_peer.Peer(folder / "wire.sock", FRAME)
        except OSError:
            return None
    return connected() or world.wait_for("portier listens", connected)


def come_and_go(one, folder, sends):
    """Again and again, sent to and sending; returns what all of them sent and got."""
    taken = given = rounds = 0
    until = time.monotonic() + SECONDS
    gone = None
    while time.monotonic() < until or rounds < 20:
        peer = come(one, folder)
        if gone:  # now that the next is there, nobody touches its memory any more
            taken, given = taken + gone.taken(), given + gone.given()
            gone.forget()
        peer.fill()
        count = peer.taken if sends else peer.given
        end = time.monotonic() + 5
        while not count() and time.monotonic() < end:
            pass
        assert count(), one.output()
        peer.leave()
        gone, rounds = peer, rounds + 1
    come(one, folder).leave()
    print(f"{rounds} rounds, {taken} frames taken, {given} given")
    return taken + gone.taken(), given + gone.given()


@pytest.mark.parametrize("workers", [1, 2])
def test_peers_that_go_while_they_are_received_from_and_sent_to_leave_portier_and_its_ledger_whole(daemon, tmp_path, workers):
    one = daemon(ECHO.format(folder=tmp_path, workers=workers, eal=world.NO_HUGEPAGES))
    taken, given = come_and_go(one, tmp_path, sends=True)
    ledger = one.ledger()
    assert ledger["received"]["packets"] == taken > 0
    echo = next(handler for handler in one.ask("handlers") if handler["name"] == "echo")
    assert echo["transmitted"]["packets"] == given > 0, echo
    assert world.balanced(one.stop())


@pytest.mark.parametrize("workers", [1, 2])
def test_peers_that_come_and_go_at_a_handlers_busy_device_leave_portier_and_its_ledger_whole(daemon, small_capture, tmp_path,
                                                                                          workers):
    one = daemon(FAR.format(capture=small_capture, folder=tmp_path, workers=workers, eal=world.NO_HUGEPAGES))
    returned, given = come_and_go(one, tmp_path, sends=False)
    assert given > 0
    assert one.ledger()["returned"]["packets"] == returned
    assert world.balanced(one.stop())
