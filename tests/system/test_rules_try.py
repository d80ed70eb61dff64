# SPDX-License-Identifier: BSD-3-Clause
"""Rules are tried on live traffic, and nothing changes."""
import signal
import subprocess
import time

import pytest
import world

ALLOWED, DENIED = 53, 54
RULES = f"allow udp {ALLOWED}\ndefault deny\n"
OTHER_WAY = f"table inet t {{ chain c {{ type filter hook input priority 0; policy drop; udp dport {DENIED} accept; }}; }}\n"


@pytest.fixture
def load(daemon, tmp_path):
    """Packets that pass and packets that are dropped, in turn, of 64 flows each."""
    packets = [world.udp_frame("10.1.0.1", "10.2.0.1", 1024 + number // 2, (ALLOWED, DENIED)[number % 2])
               for number in range(128)]
    return daemon(world.endless_config(world.write_capture(tmp_path / "load.pcap", packets)), RULES)


def try_rules(one, folder, rules, *options):
    file = folder / "try.rules"
    file.write_text(rules)
    return one.ask("rules", "try", *options, str(file))


def check_untouched(one, generation):
    assert one.ask("status")["generation"] == generation
    drops = world.drops(one.ask("stats"))
    assert set(drops) == {"default_drop"}, drops
    text = one.stop()
    assert world.balanced(text)
    handed, dropped = world.printed(text, "handed"), world.printed(text, "dropped")
    assert abs(handed - dropped) <= 64


def test_what_would_change_is_counted_and_nothing_changes(load, tmp_path):
    generation = load.ask("status")["generation"]
    report = try_rules(load, tmp_path, OTHER_WAY, "--for", "1s")
    assert not report["running"] and 0.9 < report["elapsed_seconds"] < 30
    judged, drop, passed = (report[key] for key in ("judged", "would_drop", "would_pass"))
    assert judged["packets"] > 1000
    assert abs(drop["packets"] - passed["packets"]) <= 64
    assert drop["packets"] + passed["packets"] == judged["packets"]
    assert drop["flows"] == 64
    assert {rule["text"]: rule["packets"] for rule in report["rules"]} == {
        f"udp dport {DENIED} counter accept": passed["packets"], "policy drop": drop["packets"]}
    changes = {(sample["destination_port"], sample["verdict"], sample["trial_verdict"]) for sample in report["samples"]}
    assert changes == {(ALLOWED, "accept", "drop"), (DENIED, "drop", "accept")}
    check_untouched(load, generation)


def test_rules_that_mean_the_same_change_nothing(load, tmp_path):
    report = try_rules(load, tmp_path, f"-P INPUT DROP\n-A INPUT -p udp --dport {ALLOWED} -j ACCEPT\n", "--for", "500ms")
    assert report["judged"]["packets"] > 1000
    assert report["would_drop"]["packets"] == report["would_pass"]["packets"] == 0
    assert report["samples"] == []


def test_the_daemon_answers_others_meanwhile_and_one_trial_is_enough(load, tmp_path):
    file = tmp_path / "try.rules"
    file.write_text(OTHER_WAY)
    trial = subprocess.Popen([load.portierctl, "--socket", load.socket, "rules", "try", "--for", "60s", str(file)],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        time.sleep(1)
        assert load.ask("status")["running"]
        load.tell("rules", "add", "deny", "tcp", "1")  # rules may change meanwhile
        refused = load.ctl("rules", "try", "--for", "1s", str(file))
        assert refused.returncode == 1 and "already" in refused.stderr
        trial.send_signal(signal.SIGINT)  # Ctrl-C ends it early, and shows what there is
        out, err = trial.communicate(timeout=20)
    finally:
        trial.kill()
    assert trial.returncode == 0, err
    assert "would not" in out and f"udp dport {DENIED} counter accept" in out, out
    assert load.tell("rules", "try", "--for", "200ms", str(file))


def test_a_trial_whose_client_is_gone_ends_by_itself(load, tmp_path):
    file = tmp_path / "try.rules"
    file.write_text(OTHER_WAY)
    trial = subprocess.Popen([load.portierctl, "--socket", load.socket, "rules", "try", "--for", "2s", str(file)],
                             stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    trial.kill()
    trial.wait()
    world.wait_for("another trial", lambda: load.ctl("rules", "try", "--for", "100ms", str(file)).returncode == 0, 20)


def test_a_daemon_that_stops_in_the_middle_of_a_trial_stops_well(load, tmp_path):
    file = tmp_path / "try.rules"
    file.write_text(OTHER_WAY)
    trial = subprocess.Popen([load.portierctl, "--socket", load.socket, "rules", "try", "--for", "60s", str(file)],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    assert world.balanced(load.stop())
    assert trial.wait(20) == 1


@pytest.mark.parametrize("rules, said", [("alow tcp 1\n", "try.rules:1:"), ("iptables -A INPUT -o no0 -j DROP\n", "try.rules:1:")])
def test_rules_that_are_wrong_are_not_tried(load, tmp_path, rules, said):
    file = tmp_path / "try.rules"
    file.write_text(rules)
    done = load.ctl("rules", "try", "--for", "1s", str(file))
    assert done.returncode == 1 and said in done.stderr, done.stderr
    done = load.ctl("rules", "try", "--for", "soon", str(file))
    assert done.returncode == 1 and "soon" in done.stderr
