# SPDX-License-Identifier: BSD-3-Clause
"""A rule change meets live flows at their next packet."""
import subprocess

import pytest
import world
from world import SERVER, inside

ECHO_SERVER = """
import socket
listening = socket.create_server(("", 80))
print("ready", flush=True)
connection, _ = listening.accept()
while data := connection.recv(4096):
    connection.sendall(data)
"""
# Says each line that it is given to the server, and prints the echo, or "silence" after a second.
ECHO_CLIENT = """
import socket, sys
connection = socket.create_connection((sys.argv[1], 80), 10)
connection.settimeout(float(sys.argv[2]))
print("ready", flush=True)
for line in sys.stdin:
    try:
        if line.strip():
            connection.sendall(line.encode())
        print(connection.recv(4096).decode().strip(), flush=True)
    except TimeoutError:
        print("silence", flush=True)
"""


class Script:
    def __init__(self, namespace, text, *arguments):
        self.process = subprocess.Popen(inside(namespace, "/usr/bin/python3", "-c", text, *arguments), text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.hear() == "ready"

    def hear(self):
        return self.process.stdout.readline().strip()

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.hear()

    def end(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def conversation(namespaces, daemon):
    """A TCP connection through portier that is kept open: (daemon, client)."""
    one = daemon(world.through_config(), namespace=namespaces.middle)
    server = Script(namespaces.server, ECHO_SERVER)
    try:
        client = Script(namespaces.client, ECHO_CLIENT, SERVER, "1.5")
        try:
            yield one, client
        finally:
            client.end()
    finally:
        server.end()


def rule_id(one, text):
    """The id of the rule that starts with these words."""
    return next(rule["id"] for rule in one.ask("rules") if rule["text"].startswith(text))


def test_deny_stops_a_live_flow_at_its_next_packet_and_delete_gives_it_back(conversation):
    one, client = conversation
    assert client.say("one") == "one"
    one.tell("deny", "tcp", "80")
    assert client.say("two") == "silence"
    assert one.ask("rules")[0]["packets"] > 0
    one.tell("rules", "delete", str(rule_id(one, "tcp dport 80 ")))
    heard = [client.say("") for _ in range(4)]  # TCP sends it again by itself
    assert "two" in heard, heard
    assert client.say("three") == "three"
    assert world.balanced(one.stop())


@pytest.mark.parametrize("rule", [
    ["tcp dport 80 ip saddr 10.77.0.0/24 drop"],
    ["-p", "tcp", "-s", "10.77.0.0/24", "--dport", "80", "-j", "DROP"],
    ["iptables", "-A", "INPUT", "-s", "10.77.0.1", "-p", "tcp", "-m", "multiport", "--dports", "22,80", "-j", "DROP"],
    ["deny", "tcp", "http", "from", "10.77.0.0/24"],
], ids=["nft", "options", "iptables", "words"])
def test_a_rule_in_any_language_stops_a_live_flow(conversation, rule):
    one, client = conversation
    assert client.say("one") == "one"
    one.tell("rules", "insert", *rule)
    assert client.say("two") == "silence"
    number = str(one.ask("rules")[0]["id"])
    one.tell("rules", "replace", number, "tcp", "dport", "80", "accept")
    heard = [client.say("") for _ in range(4)]
    assert "two" in heard, heard
    assert world.balanced(one.stop())


def test_a_rule_for_another_port_leaves_a_live_flow_alone(conversation):
    one, client = conversation
    assert client.say("one") == "one"
    one.tell("deny", "tcp", "81")
    assert client.say("two") == "two"
    one.tell("reject", "udp", "80")
    assert client.say("three") == "three"
    assert world.balanced(one.stop())


def test_a_rule_by_source_takes_only_that_source(conversation):
    one, client = conversation
    one.tell("deny", "tcp", "80", "from", "192.0.2.0/24")
    assert client.say("one") == "one"
    one.tell("deny", "tcp", "80", "from", "10.77.0.0/24")
    assert client.say("two") == "silence"
