# SPDX-License-Identifier: BSD-3-Clause
"""Start, signals, end, and several at once."""
import os
import signal
import stat
import subprocess

import pytest
import world


@pytest.fixture
def one(daemon, small_capture):
    return daemon(world.endless_config(small_capture))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_drains_and_prints_a_balanced_ledger(one, number):
    assert world.wait_for("traffic", lambda: one.ledger()["received"]["packets"] > 1000)
    text = one.stop(number)
    assert world.balanced(text), text
    assert "portier: 1 worker, 1 interface, 0 rules, 0 listeners;" in text, text
    assert "Captures" not in text, text
    assert not os.path.exists(one.socket)


def test_socket_is_its_owners_alone(one):
    assert stat.S_IMODE(os.stat(one.socket).st_mode) == 0o600


def test_hangup_reloads_the_rules(one):
    generation = one.ask("status")["generation"]
    one.rules.write_text("deny udp 53\ndefault allow\n")
    one.send(signal.SIGHUP)
    world.wait_for("new generation", lambda: one.ask("status")["generation"] > generation)
    world.wait_for("drops", lambda: world.drops(one.ask("stats")).get("rule_drop", 0) > 0)


def test_hangup_with_a_broken_file_keeps_the_old_rules(one):
    generation = one.ask("status")["generation"]
    one.rules.write_text("deny udp 70000\n")
    one.send(signal.SIGHUP)
    world.wait_for("complaint", lambda: "70000" in one.output())
    assert one.ask("status")["generation"] == generation
    assert one.process.poll() is None


def rewrite(one, change):
    """The configuration anew."""
    before = one.config.read_text()
    after = change(before)
    assert after != before
    one.config.write_text(after)


def test_reload_without_a_rules_file_allows_everything(one):
    one.rules.write_text("deny udp 53\ndefault deny\n")
    one.tell("reload")
    one.tell("deny", "tcp", "23")
    assert len(one.ask("rules")) == 3
    rewrite(one, lambda text: text.replace(f"rules: {one.rules}\n", ""))
    one.tell("reload")
    assert [rule["text"] for rule in one.ask("rules")] == ["default allow"]
    assert one.ask("status")["rules_file"] == ""


@pytest.mark.parametrize("before, after, words", [
    ("infinite_rx=1\"}", "infinite_rx=1\", mtu: 1400}", "mtu of interface 1 ('source')"),
    ("default_handler:", "flows: {capacity: 1K}\ndefault_handler:", "flows.capacity has changed"),
    ("default_handler:", "policy: {tcp_pickup: strict, martians: accept}\ndefault_handler:", "policy.martians"),
])
def test_reload_refuses_what_takes_a_restart(one, before, after, words):
    generation = one.ask("status")["generation"]
    rewrite(one, lambda text: text.replace(before, after))
    done = one.ctl("reload")
    assert done.returncode == 1 and words in done.stderr and "restart portier" in done.stderr, done.stderr
    assert one.ask("status")["generation"] == generation
    assert str(one.config) in done.stderr


def test_reload_takes_what_stands_in_the_policy(one):
    rewrite(one, lambda text: text.replace("default_handler: all", "default_handler: none"))
    one.tell("reload")
    world.wait_for("drops", lambda: world.drops(one.ask("stats")).get("no_listener", 0) > 0)


def test_second_daemon_on_the_same_socket_is_refused(one, portier):
    second = world.run([portier, "run", "-c", str(one.config)])
    assert second.returncode != 0
    assert "another portier" in second.stderr and one.socket in second.stderr, second.stderr
    assert one.ctl("status").returncode == 0


def test_socket_left_behind_by_a_killed_daemon_is_replaced(one, portier):
    one.process.kill()
    one.process.wait()
    assert os.path.exists(one.socket)
    again = subprocess.Popen([portier, "run", "-c", str(one.config)], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    try:
        world.wait_for("second life", lambda: one.ctl("status").returncode == 0, 30)
    finally:
        again.terminate()
        assert again.wait(30) == 0


def test_several_replays_at_once(portier, small_capture, tmp_path):
    """Each with its own files; none knows of the others, and none of the daemon."""
    running = [subprocess.Popen([portier, "replay", "--packets", str(tmp_path / f"{number}.tsv"), small_capture],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for number in range(4)]
    for number, process in enumerate(running):
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        assert world.balanced(output), output
        assert len((tmp_path / f"{number}.tsv").read_text().splitlines()) == 17


def test_three_clients_of_one_server_are_three_flows_on_one_listener(portier, tmp_path):
    flows = tmp_path / "flows.tsv"
    capture = tmp_path / "demo.pcap"
    world.must("/usr/bin/python3", str(world.pathlib.Path(world.frames.__file__)), str(capture))
    root = world.pathlib.Path(world.frames.__file__).parent.parent
    done = world.run([portier, "replay", "-c", str(root / "conf/demo.yaml"), "--rules", str(root / "conf/demo.rules"),
                      "--flows", str(flows), str(capture)])
    assert done.returncode == 0, done.stderr
    assert world.balanced(done.stdout), done.stdout
    header, *lines = [line.split("\t") for line in flows.read_text().splitlines()]
    table = [dict(zip(header, line)) for line in lines]
    found = {(flow["orig_addr"], flow["orig_port"]): flow for flow in table
             if flow["orig_port"] in ("54321", "54322") and (flow["resp_addr"], flow["resp_port"]) == ("203.0.113.50", "80")}
    assert set(found) == {("192.168.1.100", "54321"), ("192.168.1.100", "54322"), ("192.168.1.101", "54321")}
    assert len({flow["handler"] for flow in found.values()}) == 1
    assert all(int(flow["packets_orig"]) > 5 and int(flow["packets_resp"]) > 5 for flow in found.values())
