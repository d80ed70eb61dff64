# SPDX-License-Identifier: BSD-3-Clause
"""A thousand rules, a hundred times, under load: no packet lost, none judged by half a rule set."""
import signal

import pytest
import world

ALLOWED, DENIED = 53, 54


def rule_set(offset):
    """A thousand rules whose ids and order differ by offset; the verdict for both ports never does."""
    rules = [f"deny tcp {1 + (number * 7 + offset) % 60000} from 192.0.{number % 250}.0/24" for number in range(996)]
    rules.insert(200 + offset % 300, f"deny udp {DENIED} from 10.{offset % 2}.0.0/15" if offset % 2 == 0 else
                 f"deny udp {DENIED} from 10.0.0.0/14")
    rules.insert(600 + offset % 300, f"allow udp {ALLOWED} from 10.{offset % 2}.0.0/15" if offset % 2 == 0 else
                 f"allow udp {ALLOWED} from 10.0.0.0/14")
    # Without both of these, the default's verdict would be the wrong one for one of the two.
    rules += [f"allow udp {ALLOWED + 2} from 172.16.{offset % 2}.0/24", f"default {'allow' if offset % 2 else 'deny'}"]
    return "\n".join(rules) + "\n"


@pytest.fixture
def load(daemon, tmp_path):
    """A source that never ends: allowed and denied packets in turn, of a thousand flows."""
    packets = [world.udp_frame("10.1.0.1", "10.2.0.1", 1024 + number // 2, (ALLOWED, DENIED)[number % 2])
               for number in range(2048)]
    capture = world.write_capture(tmp_path / "load.pcap", packets)
    return daemon(world.endless_config(capture), rule_set(0))


def check(one, before):
    """Nothing lost, nothing judged otherwise than both rule sets say."""
    stats = one.ask("stats")
    ledger, drops = stats["ledger"], world.drops(stats)
    assert ledger["received"]["packets"] > before + 100000, "there was no load"
    assert set(drops) == {"rule_drop"}, drops
    # The source alternates: in any stretch both kinds differ by what one reading of the counters can miss.
    difference = abs(ledger["handed"]["packets"] - drops["rule_drop"])
    assert difference <= 256, (ledger, drops)


@pytest.mark.parametrize("how", ["load", "signal"])
def test_a_thousand_rules_a_hundred_times(load, tmp_path, how):
    one, files = load, []
    for offset in range(2):
        files.append(tmp_path / f"set{offset}.rules")
        files[offset].write_text(rule_set(offset))
    generation = one.ask("status")["generation"]
    before = one.ledger()["received"]["packets"]
    for number in range(1, 101):
        if how == "load":
            one.tell("rules", "load", str(files[number % 2]))
        else:
            one.rules.write_text(rule_set(number % 2))
            one.send(signal.SIGHUP)
            world.wait_for("reload", lambda: one.ask("status")["generation"] >= generation + number)
    assert one.ask("status")["generation"] >= generation + 100
    check(one, before)
    assert len(one.ask("rules")) >= 998
    assert world.balanced(one.stop())


def test_a_broken_rule_file_changes_nothing(load, tmp_path):
    one = load
    generation = one.ask("status")["generation"]
    broken = tmp_path / "broken.rules"
    broken.write_text(rule_set(1).replace("allow udp", "alow udp", 1))
    done = one.ctl("rules", "load", str(broken))
    assert done.returncode != 0
    assert "broken.rules:" in done.stderr and "alow" in done.stderr, done.stderr
    assert one.ask("status")["generation"] == generation
    check(one, 0)
