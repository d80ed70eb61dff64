# SPDX-License-Identifier: BSD-3-Clause
"""Start, signals, end, and several at once."""
import json
import os
import signal
import socket
import stat
import subprocess
import time

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


def test_service_manager_is_told(daemon, small_capture, tmp_path, monkeypatch):
    """sd_notify(3): a reload carries the time at which it began."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        one = daemon(world.endless_config(small_capture))
        assert manager.recv(4096) == b"READY=1"
        before = time.monotonic_ns() // 1000
        one.send(signal.SIGHUP)
        told = dict(line.split("=") for line in manager.recv(4096).decode().splitlines())
        assert told["RELOADING"] == "1"
        assert before <= int(told["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
        assert manager.recv(4096) == b"READY=1"
        one.send(signal.SIGTERM)
        assert manager.recv(4096) == b"STOPPING=1"


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
    assert [rule["text"] for rule in one.ask("rules")] == ["policy accept"]
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


def test_more_workers_than_cpus_take_seconds(portier, tmp_path):
    """They sleep while they have nothing to do, and share one pool of buffers."""
    capture = world.write_capture(tmp_path / "many.pcap", [
        world.udp_frame(f"10.1.{number // 250}.{number % 250 + 1}", "10.2.0.1", 1000 + number, 53)
        for number in range(2000)])
    outputs = []
    for workers in ("1", "64"):
        packets = tmp_path / f"{workers}.tsv"
        done = world.run([portier, "replay", "--workers", workers, "--packets", str(packets), str(capture)], timeout=60)
        assert done.returncode == 0, done.stderr
        assert world.balanced(done.stdout), done.stdout
        outputs.append(packets.read_bytes())
    assert outputs[0] == outputs[1]


def test_interrupted_replay_tells_how_far_it_came(portier, small_capture, tmp_path):
    packets = [world.udp_frame("10.1.0.1", "10.2.0.1", 1000, 53)] * 300000
    large, report = world.write_capture(tmp_path / "large.pcap", packets), tmp_path / "report.json"
    log = tmp_path / "packets.fifo" # nobody reads it on: the replay stands still
    os.mkfifo(log)
    process = subprocess.Popen([portier, "replay", "-q", "--json", str(report), "--packets", str(log), str(large),
                                small_capture], stderr=subprocess.PIPE)
    with open(log, "rb") as reader:
        reader.readline(), reader.readline()
        process.send_signal(signal.SIGINT)
        while reader.read(1 << 20):
            pass
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    told = json.loads(report.read_text())
    assert told["interrupted"] is True
    first, second = told["captures"]
    assert first["packets"] == 300000 and second["packets"] == 16
    # All of it may have been read by then, and only the log be waiting.
    assert 0 < first["replayed"] <= 300000 and second["replayed"] in (0, 16)
    assert told["ledger"]["received"]["packets"] == first["replayed"] + second["replayed"]


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
