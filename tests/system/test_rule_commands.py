# SPDX-License-Identifier: BSD-3-Clause
"""Rules by command: each change whole or not at all, warnings beside it, listings that load again."""
import subprocess

import pytest
import world

NFT = """table inet filter {
	set trusted { type ipv4_addr; flags interval; elements = { 192.168.1.0/24, 10.0.0.1 } }
	chain input {
		type filter hook input priority 0; policy drop;
		ip saddr @trusted tcp dport 22 accept
		tcp dport { 80, 443 } counter accept
		icmp type echo-request limit rate 10/second accept
		ip6 saddr 2001:db8::/32 udp dport 53 accept
		tcp dport 23 reject with tcp reset
	}
}
"""


@pytest.fixture
def idle(daemon, small_capture):
    return daemon(world.endless_config(small_capture))


def texts(one):
    return [rule["text"] for rule in one.ask("rules")]


def test_rules_are_added_inserted_replaced_and_deleted(idle):
    idle.tell("rules", "add", "tcp dport 1 accept")
    idle.tell("rules", "insert", "-p", "tcp", "--dport", "2", "-j", "ACCEPT")
    idle.tell("rules", "add", "--at", "2", "allow", "tcp", "3")
    assert texts(idle)[:3] == ["meta nfproto ipv4 tcp dport 2 counter accept", "tcp dport 3 counter accept",
                               "tcp dport 1 counter accept"]
    ids = [rule["id"] for rule in idle.ask("rules")]
    done = idle.ask("rules", "replace", str(ids[1]), "udp dport 3 drop")
    assert done["position"] == 2 and done["id"] not in ids
    idle.tell("rules", "delete", str(ids[0]))
    assert texts(idle)[:2] == ["udp dport 3 counter drop", "tcp dport 1 counter accept"]


@pytest.mark.parametrize("command, said", [
    (["add", "tcp dprt 1 accept"], "dprt"),
    (["insert", "-p", "tcp", "--dprt", "1", "-j", "ACCEPT"], "--dprt"),
    (["add", "alow", "tcp", "1"], "alow"),
    (["replace", "99", "tcp dport 1 accept"], "99"),
    (["delete", "99"], "99"),
    (["add", "--at", "7", "tcp dport 1 accept"], "no place 7"),
], ids=lambda value: value if isinstance(value, str) else "-".join(value[:1]))
def test_what_fails_changes_nothing(idle, command, said):
    idle.tell("rules", "add", "tcp dport 80 accept")
    before, generation = texts(idle), idle.ask("status")["generation"]
    done = idle.ctl("rules", *command)
    assert done.returncode == 1 and said in done.stderr, done.stderr
    assert texts(idle) == before and idle.ask("status")["generation"] == generation


def test_native_listing_loads_again_with_its_ids_and_in_nft(idle, tmp_path):
    file = tmp_path / "nft.rules"
    file.write_text(NFT)
    idle.tell("rules", "load", str(file))
    ids = [rule["id"] for rule in idle.ask("rules")]
    listing = tmp_path / "listing.rules"
    listing.write_text(idle.tell("rules", "list", "--native"))
    idle.tell("rules", "load", str(listing))
    assert [rule["id"] for rule in idle.ask("rules")] == ids
    if world.can_make_namespaces():
        checked = world.run(["unshare", "--net", "nft", "-c", "-f", str(listing)])
        assert checked.returncode == 0, checked.stderr


def test_a_load_warns_of_rules_that_can_never_match(idle, tmp_path):
    file = tmp_path / "my.rules"
    file.write_text("iptables -A INPUT -j DROP\niptables -A INPUT -p tcp -s 192.168.1.0/24 --dport 22 -j ACCEPT\n")
    done = idle.ctl("rules", "load", str(file))
    assert done.returncode == 0
    assert "my.rules:2: " in done.stderr and "can never match" in done.stderr and "my.rules:1: " in done.stderr
    warnings = idle.ask("rules", "load", str(file))["warnings"]
    assert [warning["kind"] for warning in warnings] == ["shadowed"]
    assert "can never match" in idle.output()  # the daemon's log has it too


def test_check_warns_and_fails_only_if_told_to(portier, tmp_path):
    file = tmp_path / "my.rules"
    file.write_text("-A INPUT -j DROP\n-A INPUT -p tcp -s 192.168.1.0/24 --dport 22 -j ACCEPT\n")
    done = world.run([portier, "check", "--rules", str(file)])
    assert done.returncode == 0 and f"{file}:2: " in done.stderr and f"{file}:1: " in done.stderr, done.stderr
    assert world.run([portier, "check", "--rules", str(file), "--strict"]).returncode == 1


def test_a_counter_survives_a_reload_for_rules_whose_text_stays(idle, tmp_path):
    rules = "udp dport 53 accept\n"
    idle.tell("rules", "add", rules.strip())
    world.wait_for("packets", lambda: idle.ask("rules")[0]["packets"] > 0)
    before = idle.ask("rules")[0]
    file = tmp_path / "again.rules"
    file.write_text("deny tcp 1\nallow udp domain\ndefault allow\n")
    idle.tell("rules", "load", str(file))
    after = idle.ask("rules")[1]
    assert after["id"] == before["id"] and after["packets"] >= before["packets"]


def test_help_tells_of_every_command(portierctl):
    text = subprocess.run([portierctl, "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
    for command in ("rules insert", "rules replace", "rules try", "explain"):
        assert command in text
