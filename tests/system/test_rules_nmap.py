# SPDX-License-Identifier: BSD-3-Clause
"""What nmap sees through portier: accept is open, or closed as the host says; drop is filtered; reject is closed."""
import re
import shutil
import subprocess

import pytest
import world
from world import SERVER, SERVER6, inside, run

pytestmark = pytest.mark.meaning

RULES = """
define open = { 80, 81 }
table inet filter {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established,related accept
		tcp dport $open counter accept
		tcp dport 22 counter drop
		tcp dport 23 counter reject
		tcp dport 24 counter reject with tcp reset
		tcp dport 25 counter reject with icmpx admin-prohibited
		udp dport 5353 accept
		udp dport 161 counter reject
		udp dport 162 counter drop
		udp dport 163 counter reject with icmpx host-unreachable
		meta l4proto { icmp, ipv6-icmp } accept
	}
}
"""


@pytest.fixture(scope="module")
def web_server(namespaces):
    """Something that listens on port 80 of the far namespace, over both IP versions."""
    process = subprocess.Popen(inside(namespaces.server, "/usr/bin/python3", "-m", "http.server", "80", "--bind", "::"),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        listening = inside(namespaces.server, "ss", "-Hltn", "sport", "=", ":80")
        world.wait_for("web server", lambda: run(listening).stdout)
        yield
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def through(daemon, namespaces, web_server):
    if not shutil.which("nmap"):
        pytest.skip("not installed: nmap")
    return daemon(world.through_config(), RULES, namespace=namespaces.middle)


def scan(namespaces, address, kind, ports):
    """nmap's word for each port, and all that it said."""
    family = ["-6"] if ":" in address else []
    done = run(inside(namespaces.client, "nmap", "-n", "-Pn", "--max-retries", "1", "--host-timeout", "40s", *family, kind,
                      "-p", ports, "--reason", "-oG", "-", address))
    assert done.returncode == 0, done.stderr
    return {int(port): state for port, state in re.findall(r"(\d+)/([a-z|]+)/", done.stdout)}, done.stdout


@pytest.mark.parametrize("address", [SERVER, SERVER6])
@pytest.mark.parametrize("kind", ["-sS", "-sT"])
def test_nmap_sees_accepted_dropped_and_rejected_tcp_ports(namespaces, through, address, kind):
    states, text = scan(namespaces, address, kind, "22-25,80,81,9999")
    assert states == {22: "filtered", 23: "closed", 24: "closed", 25: "filtered", 80: "open", 81: "closed",
                      9999: "filtered"}, text
    assert through.ledger()["answered"]["packets"] >= 3
    assert world.balanced(through.stop())


@pytest.mark.parametrize("address", [SERVER, SERVER6])
def test_nmap_sees_rejected_and_dropped_udp_ports(namespaces, through, address):
    states, text = scan(namespaces, address, "-sU", "161-163,5353")
    assert states == {161: "closed", 162: "open|filtered", 163: "filtered", 5353: "closed"}, text
    assert world.balanced(through.stop())
