# SPDX-License-Identifier: BSD-3-Clause
"""portier run --latency: how many packets are measured, and where it is told."""
import json

import pytest
import world


def measured(daemon, packets=10000):
    """What is told once so many packets were measured."""
    return world.wait_for("packets are measured",
                          lambda: (told := daemon.ask("latency")) and told["handlers"][0]["packets"] > packets and told)


def test_one_packet_in_so_many_is_measured(daemon, small_capture):
    running = daemon(world.endless_config(small_capture), options=("--latency=8",))
    told = measured(running)
    handed = running.ask("handlers")[0]["handed"]["packets"]
    assert told["one_in"] == 8
    later = running.ask("latency")["handlers"][0]["packets"]
    assert told["handlers"][0]["packets"] < handed / 8 * 1.05
    assert later > handed / 8 * 0.95


def test_quantiles_follow_from_the_distribution(daemon, small_capture):
    handler = measured(daemon(world.endless_config(small_capture), options=("--latency",)))["handlers"][0]
    assert handler["name"] == "all"
    assert 0 < handler["p50_ns"] <= handler["p99_ns"] <= handler["p999_ns"] <= handler["max_ns"]
    times = [time for time, _ in handler["distribution"]]
    assert times == sorted(times) and len(set(times)) == len(times)
    assert sum(packets for _, packets in handler["distribution"]) == handler["packets"]
    seen = 0
    for time, packets in handler["distribution"]:
        seen += packets
        if seen * 100 >= handler["packets"] * 99:
            assert handler["p99_ns"] == min(time, handler["max_ns"])
            break


def test_latency_is_told_at_the_end_as_text_and_as_json(daemon, small_capture, tmp_path):
    report = tmp_path / "report.json"
    running = daemon(world.endless_config(small_capture), options=("--latency", "--json", str(report)))
    measured(running)
    assert "P99.9" in running.tell("latency") and "one packet in 64" in running.tell("latency")
    text = running.stop()
    assert "Latency" in text and "P99.9" in text
    told = json.loads(report.read_text())
    assert told["ledger"]["balanced"] and told["latency"]["one_in"] == 64
    assert told["latency"]["handlers"][0]["packets"] > 10000


def test_nothing_is_measured_unless_it_is_asked_for(daemon, small_capture):
    running = daemon(world.endless_config(small_capture))
    assert running.ask("latency") == {"one_in": None, "handlers": [], "forwarded": None}
    assert "not measured" in running.tell("latency")
    assert "Latency" not in running.stop()


def test_configuration_switches_it_on_and_the_option_takes_precedence(daemon, small_capture):
    config = world.endless_config(small_capture) + "latency: 500\n"
    assert daemon(config).ask("latency")["one_in"] == 500
    assert daemon(config, options=("--latency=7",)).ask("latency")["one_in"] == 7


def test_reload_does_not_change_it(daemon, small_capture):
    running = daemon(world.endless_config(small_capture))
    running.config.write_text(running.config.read_text() + "latency: 64\n")
    done = running.ctl("reload")
    assert done.returncode == 1 and "latency has changed: restart" in done.stderr


@pytest.mark.parametrize("value", ("0", "x", "-1", "1000001", ""))
def test_wrong_value_is_an_error(portier, value):
    done = world.run([portier, "run", "-c", "none.yaml", f"--latency={value}"])
    assert done.returncode == 2 and "expected a number from 1 to 1000000" in done.stderr
