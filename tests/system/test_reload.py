# SPDX-License-Identifier: BSD-3-Clause
"""A thousand rules, a hundred times, under load: no packet lost, none judged by half a rule set."""
import re
import signal

import pytest
import world

ALLOWED, DENIED = 53, 54


def rule_set(number):
    """A thousand rules. Set 0 and set 1 share no rule that matters, nor its place, nor the default: half of either judges
    one of the two kinds of packet otherwise than the whole does."""
    rules = [f"deny tcp {1 + place * 7 + number} from 192.0.{place % 250}.0/24" for place in range(998)]
    rules.insert(200 + 300 * number, f"deny udp {DENIED} from 10.0.0.0/{15 - number}")
    rules.insert(600 + 300 * number, f"allow udp {ALLOWED} from 10.0.0.0/{15 - number}")
    return "\n".join(rules + [f"default {('deny', 'allow')[number]}"]) + "\n"


@pytest.fixture
def load(daemon, tmp_path):
    """A source that never ends: allowed and denied packets in turn, of a thousand flows."""
    packets = [world.udp_frame("10.1.0.1", "10.2.0.1", 1024 + number // 2, (ALLOWED, DENIED)[number % 2])
               for number in range(2048)]
    capture = world.write_capture(tmp_path / "load.pcap", packets)
    return daemon(world.endless_config(capture), rule_set(0))


def end_and_check(one, at_least):
    """Every second packet was handed over, every other one dropped by a rule, none for any other reason."""
    drops = world.wait_for("the first packets", lambda: world.drops(one.ask("stats")))
    assert set(drops) == {"rule_drop"}, drops
    text = one.stop()
    assert world.balanced(text), text
    received, handed, dropped = (world.printed(text, name) for name in ("received", "handed", "dropped"))
    assert received > at_least, "there was no load"
    assert received == handed + dropped and abs(handed - dropped) <= 1, text
    assert re.search(r"^Drops\n.*\n +rule_drop .*\n\n", text, re.MULTILINE), text  # and no other reason


@pytest.mark.parametrize("how, times", [("load", 20), pytest.param("load", 100, marks=pytest.mark.meaning), ("signal", 20)])
def test_a_thousand_rules_again_and_again(load, tmp_path, how, times):
    one, files = load, [tmp_path / "0.rules", tmp_path / "1.rules"]
    for number, file in enumerate(files):
        file.write_text(rule_set(number))
    generation = one.ask("status")["generation"]
    before = one.ledger()["received"]["packets"]
    for number in range(1, times + 1):
        if how == "load":
            one.tell("rules", "load", str(files[number % 2]))
        else:
            one.rules.write_text(rule_set(number % 2))
            one.send(signal.SIGHUP)
            world.wait_for("reload", lambda: one.ask("status")["generation"] >= generation + number)
    assert one.ask("status")["generation"] >= generation + times
    assert len(one.ask("rules")) == 1001
    end_and_check(one, before + 1000 * times)


def test_a_broken_rule_file_changes_nothing(load, tmp_path):
    one = load
    generation = one.ask("status")["generation"]
    broken = tmp_path / "broken.rules"
    broken.write_text(rule_set(1).replace("allow udp", "alow udp", 1))
    done = one.ctl("rules", "load", str(broken))
    assert done.returncode != 0
    assert "broken.rules:" in done.stderr and "alow" in done.stderr, done.stderr
    assert one.ask("status")["generation"] == generation
    end_and_check(one, 0)
