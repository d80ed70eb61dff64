# SPDX-License-Identifier: BSD-3-Clause
"""Two hosts that reach each other only through portier: net_af_packet on both sides."""
import json
import re
import subprocess

import pytest
import world
from world import SERVER, SERVER6, inside, run

SCAN_RULES = """
allow tcp 80-81
allow udp 5353
deny tcp 22
reject tcp 23
reject udp 161
deny udp 162
allow icmp
allow icmpv6
default deny
"""


@pytest.fixture(scope="module")
def web_server(namespaces, tmp_path_factory):
    """python's http.server in the far namespace, over both IP versions."""
    folder = tmp_path_factory.mktemp("web")
    (folder / "data").write_bytes(bytes(range(256)) * 4096)
    process = subprocess.Popen(inside(namespaces.server, "/usr/bin/python3", "-m", "http.server", "80", "--bind", "::"),
                               cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    probe = inside(namespaces.server, "curl", "-s", "-o", "/dev/null", "http://127.0.0.1/")
    try:
        world.wait_for("web server", lambda: run(probe).returncode == 0)
        yield folder
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def through(daemon, namespaces):
    """through(rules) starts portier between the two ends."""
    return lambda rules="default allow\n": daemon(world.through_config(), rules, namespace=namespaces.middle)


def test_nothing_passes_without_portier(namespaces):
    assert run(inside(namespaces.client, "ping", "-c", "1", "-W", "1", SERVER)).returncode != 0
    world.must("ip", "-n", namespaces.client, "neigh", "flush", "all")  # or the next test meets a search that failed


@pytest.mark.parametrize("address", [SERVER, SERVER6])
def test_ping(namespaces, through, address):
    one = through()
    ping = run(inside(namespaces.client, "ping", "-c", "5", "-i", "0.2", "-W", "2", address))
    assert " 0% packet loss" in ping.stdout, ping.stdout + one.output()
    assert world.balanced(one.stop())


@pytest.mark.parametrize("address", [SERVER, f"[{SERVER6}]"])
def test_curl_fetches_a_megabyte_unharmed(namespaces, through, web_server, tmp_path, address):
    one = through()
    got = tmp_path / "got"
    curl = run(inside(namespaces.client, "curl", "-sS", "-g", "-m", "20", "-o", str(got), f"http://{address}/data"))
    assert curl.returncode == 0, curl.stderr + one.output()
    assert got.read_bytes() == (web_server / "data").read_bytes()
    listed = one.ask("flows")["flows"]
    assert any(flow["proto"] == "tcp" and flow["resp_port"] == 80 for flow in listed), listed
    assert world.balanced(one.stop())


def test_recipe_at_the_head_of_the_configuration(namespaces_allowed, portier, portierctl, tmp_path):
    """Word for word, but for the program's path and the socket's, in a mount namespace that has /run/netns to itself."""
    root = world.pathlib.Path(world.frames.__file__).parent.parent
    text = (root / "conf/namespace.yaml").read_text()
    commands = re.findall(r"^#   (.*)$", text, re.MULTILINE)
    start = commands.index("portier run -c conf/namespace.yaml")
    config = tmp_path / "namespace.yaml"
    config.write_text(re.sub(r"socket: \S+", f"socket: {tmp_path}/control.sock", text))
    script = tmp_path / "recipe.sh"
    script.write_text("\n".join([
        "set -e", "mkdir -p /run/netns", "mount -t tmpfs none /run/netns", "mount --make-shared /run/netns",
        *commands[:start],
        commands[start].replace("portier", portier, 1).replace("conf/namespace.yaml", str(config)) + " &",
        f"for i in $(seq 100); do {portierctl} -s {tmp_path}/control.sock status && break; sleep 0.3; done",
        "result=0",
        *(command.replace("ping", "ping -c 5 -i 0.3 -W 3") + " || result=$?" for command in commands[start + 1:]),
        "kill %1; wait %1; exit $result"]))
    done = run(["unshare", "--net", "--mount", "bash", str(script)], 120)
    assert done.returncode == 0 and " 0% packet loss" in done.stdout, done.stdout + done.stderr
    assert world.balanced(done.stdout), done.stdout
    assert "puts IPv4 fragments together" in done.stderr, done.stderr


@pytest.mark.parametrize("direction", [[], ["-R"]], ids=["upload", "download"])
def test_iperf3(namespaces, through, direction):
    one = through()
    server = subprocess.Popen(inside(namespaces.server, "iperf3", "-s", "-1"), stdout=subprocess.PIPE, text=True)
    try:
        listening = inside(namespaces.server, "ss", "-Hltn", "sport", "=", ":5201")
        world.wait_for("iperf3 server", lambda: run(listening).stdout)
        client = run(inside(namespaces.client, "iperf3", "-c", SERVER, "-t", "3", "-J", *direction), 30)
        result = json.loads(client.stdout)
        assert "error" not in result, result["error"] + one.output()
        assert result["end"]["sum_received"]["bits_per_second"] > 10e6
    finally:
        server.kill()
        server.wait()
    assert world.balanced(one.stop())


def scan(namespaces, kind, ports):
    """nmap's word for each port."""
    done = run(inside(namespaces.client, "nmap", "-n", "-Pn", "--max-retries", "1", "--host-timeout", "40s", kind,
                      "-p", ports, "-oG", "-", SERVER))
    assert done.returncode == 0, done.stderr
    return {int(port): state for port, state in re.findall(r"(\d+)/([a-z|]+)/", done.stdout)}, done.stdout


@pytest.mark.parametrize("kind", ["-sS", "-sT"])
def test_nmap_sees_allowed_denied_and_rejected_tcp_ports(namespaces, through, web_server, kind):
    one = through(SCAN_RULES)
    states, text = scan(namespaces, kind, "22,23,80,81,9999")
    assert states == {22: "filtered", 23: "closed", 80: "open", 81: "closed", 9999: "filtered"}, text
    ledger = one.ledger()
    assert ledger["answered"]["packets"] >= 1
    assert world.balanced(one.stop())


def test_nmap_sees_rejected_and_denied_udp_ports(namespaces, through):
    one = through(SCAN_RULES)
    states, text = scan(namespaces, "-sU", "161,162,5353")
    assert states == {161: "closed", 162: "open|filtered", 5353: "closed"}, text
    assert world.balanced(one.stop())


def test_two_workers_share_what_one_queue_brings(daemon, namespaces, web_server, tmp_path):
    """A packet socket has one queue: the flow's hash distributes, and both directions meet."""
    one = daemon(world.through_config("{cpus: 2, share_cpus: true}"), namespace=namespaces.middle)
    ports = set()
    for _ in range(12):
        curl = run(inside(namespaces.client, "curl", "-sS", "-m", "20", "-o", "/dev/null", "-w", "%{local_port}",
                          f"http://{SERVER}/data"))
        assert curl.returncode == 0, curl.stderr + one.output()
        ports.add(int(curl.stdout))
    # What an earlier test's conversations still send, a SYN-ACK again or a FIN, makes flows too.
    web = [flow for flow in one.ask("flows")["flows"] if flow["proto"] == "tcp" and flow["orig_port"] in ports]
    assert len(web) == 12 and {flow["worker"] for flow in web} == {0, 1}, web
    assert all(flow["packets_orig"] > 3 and flow["packets_resp"] > 3 for flow in web), web
    assert world.balanced(one.stop())
