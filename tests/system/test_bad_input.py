# SPDX-License-Identifier: BSD-3-Clause
"""Each kind of bad input gets a clear error and a non-zero exit, and disturbs nothing that runs."""
import json
import os
import re
import socket
import struct
import subprocess

import pytest
import world

GOOD = """
interfaces:
  - {name: wire, device: "net_null0"}
workers: {cpus: 1, share_cpus: true}
handlers:
  - {name: all, kind: count}
default_handler: all
"""

# (what is appended or replaced in GOOD, where the error stands: line or None, words that it must say)
BAD_CONFIGS = {
    "unknown_key": ("colour: blue\n", 8, ["colour"]),
    "unknown_key_inside": ("policy: {unbuond: drop}\n", 8, ["unbuond"]),
    "wrong_type": ("flows: [1, 2]\n", 8, ["flows"]),
    "wrong_scalar": ("flows: {capacity: many}\n", 8, ["many"]),
    "port_70000": ("listeners:\n  - {protocol: tcp, port: 70000, handler: all}\n", 9, ["70000", "65535"]),
    "backward_range": ("listeners:\n  - {protocol: tcp, port: 90-80, handler: all}\n", 9, ["90-80"]),
    "unknown_service": ("listeners:\n  - {protocol: tcp, port: htpt, handler: all}\n", 9, ["htpt"]),
    "unknown_handler": ("listeners:\n  - {protocol: tcp, port: 80, handler: al}\n", 9, ["al"]),
    "equal_listeners": ("listeners:\n  - {protocol: tcp, port: 80, handler: all}\n"
                        "  - {protocol: tcp, port: http, handler: all}\n", 10, ["80"]),
    "host_bits": ("listeners:\n  - {protocol: tcp, address: 192.0.2.1/24, port: 80, handler: all}\n", 9,
                  ["192.0.2.1/24"]),
    "unknown_word": ("policy: {unbound: maybe}\n", 8, ["maybe", "drop", "reject"]),
    "not_yaml": ("policy: {unbound: drop\n", None, []),
    "second_document": ("---\nflows: {}\n", None, []),
}


def write_config(folder, text):
    path = folder / "bad.yaml"
    path.write_text(text.lstrip("\n"))
    return str(path)


def clear_error(done, *words):
    """It failed, on purpose, and says why in a few lines."""
    assert done.returncode not in (0, None), done.stdout
    assert done.returncode > 0 and done.returncode < 128, f"died of a signal: {done.returncode}\n{done.stderr}"
    for word in words:
        assert word in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) <= 12, done.stderr
    return done.stderr


@pytest.mark.parametrize("command", ["check", "run", "replay"])
@pytest.mark.parametrize("case", BAD_CONFIGS)
def test_bad_config_names_file_line_and_column(portier, small_capture, tmp_path, command, case):
    added, line, words = BAD_CONFIGS[case]
    path = write_config(tmp_path, GOOD + added)
    arguments = [small_capture] if command == "replay" else []
    said = clear_error(world.run([portier, command, "-c", path, *arguments]), path, *words)
    place = re.search(re.escape(path) + r":(\d+):(\d+):", said)
    assert place, said
    if line:
        assert int(place[1]) == line - 1, said  # GOOD's first line break is stripped


@pytest.mark.parametrize("bad, words", [
    ("allow tcp 70000", ["70000"]),
    ("alow tcp 80", ["alow", "allow"]),
    ("allow tcp 80 from 10.0.0.0/33", ["10.0.0.0/33"]),
    ("allow tcp 80 fro 10.0.0.0/8", ["fro"]),
    ("allow xyz 80", ["xyz"]),
    ("default", ["default"]),
    ("allow gre 80", ["80", "no port"]),
])
def test_bad_rules_name_file_line_and_column(portier, small_capture, tmp_path, bad, words):
    path = tmp_path / "bad.rules"
    path.write_text(f"# first\nallow tcp 22\n{bad}\n")
    for arguments in (["check", "--rules", str(path)], ["replay", "--rules", str(path), small_capture]):
        said = clear_error(world.run([portier, *arguments]), *words)
        assert re.search(r"bad\.rules:3:\d+:", said), said


def test_check_says_what_would_run(portier, tmp_path):
    done = world.run([portier, "check", "-c", write_config(tmp_path, GOOD)])
    assert done.returncode == 0, done.stderr
    assert "worker" in done.stdout and "wire" in done.stdout, done.stdout


@pytest.mark.parametrize("command", [["run", "-c"], ["check", "-c"]])
def test_missing_config(portier, tmp_path, command):
    clear_error(world.run([portier, *command, str(tmp_path / "none.yaml")]), "none.yaml", "No such file")


def test_missing_capture(portier, tmp_path):
    clear_error(world.run([portier, "replay", str(tmp_path / "none.pcap")]), "none.pcap", "No such file")


@pytest.mark.skipif(os.geteuid() == 0 and not os.path.exists("/usr/bin/setpriv"), reason="root may read everything")
def test_unreadable_capture(portier, small_capture, tmp_path):
    path = tmp_path / "secret.pcap"
    path.write_bytes(open(small_capture, "rb").read())
    path.chmod(0)
    as_nobody = []
    if os.geteuid() == 0:
        as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        for folder in (tmp_path, *tmp_path.parents):
            if folder.stat().st_uid == os.geteuid() and folder != folder.parent:
                folder.chmod(folder.stat().st_mode | 0o055)
    clear_error(world.run([*as_nobody, portier, "replay", str(path)]), "secret.pcap", "ermission denied")


def test_capture_that_is_a_directory(portier, tmp_path):
    clear_error(world.run([portier, "replay", str(tmp_path)]), str(tmp_path))


@pytest.mark.parametrize("content", [b"", b"\xd4\xc3", b"not a capture at all, but a text\n" * 20],
                         ids=["empty", "two_bytes", "text"])
def test_capture_that_is_none(portier, tmp_path, content):
    path = tmp_path / "text.pcap"
    path.write_bytes(content)
    clear_error(world.run([portier, "replay", str(path)]), "text.pcap")


def test_link_type_that_is_not_ethernet(portier, tmp_path):
    path = world.write_capture(tmp_path / "raw.pcap", [b"\x45" + bytes(40)], link_type=101)
    clear_error(world.run([portier, "replay", str(path)]), "raw.pcap", "Ethernet")


def test_capture_that_breaks_off_is_reported_and_then_an_error(portier, small_capture, tmp_path):
    path, packets = tmp_path / "cut.pcap", tmp_path / "packets.tsv"
    path.write_bytes(open(small_capture, "rb").read()[:-20])
    done = world.run([portier, "replay", "--packets", str(packets), str(path)])
    clear_error(done, "cut.pcap", "15")
    assert world.balanced(done.stdout), done.stdout
    assert len(packets.read_text().splitlines()) == 16


def test_good_capture_after_a_broken_one_is_replayed(portier, small_capture, tmp_path):
    path, packets = tmp_path / "cut.pcap", tmp_path / "packets.tsv"
    path.write_bytes(open(small_capture, "rb").read()[:-20])
    done = world.run([portier, "replay", "--packets", str(packets), str(path), small_capture])
    clear_error(done, "cut.pcap")
    assert len(packets.read_text().splitlines()) == 1 + 15 + 16


def test_capture_of_no_packets(portier, tmp_path):
    path = world.write_capture(tmp_path / "none.pcap", [])
    done = world.run([portier, "replay", str(path)])
    assert done.returncode == 0, done.stderr
    assert world.balanced(done.stdout), done.stdout


def test_pcapng_is_read(portier, tmp_path):
    packets = [world.udp_frame("10.1.0.1", "10.2.0.1", 1000 + number, 53) for number in range(5)]
    path, output = world.write_pcapng(tmp_path / "new.pcapng", packets), tmp_path / "packets.tsv"
    done = world.run([portier, "replay", "--packets", str(output), str(path)])
    assert done.returncode == 0, done.stderr
    assert len(output.read_text().splitlines()) == 6


def test_pcapng_record_that_is_too_long_breaks_the_capture_off(portier, tmp_path):
    packets = [world.udp_frame("10.1.0.1", "10.2.0.1", 1000, 53, b"x" * size) for size in (18, 8)]
    packets.insert(1, packets[0] + bytes(270000))
    path, output = world.write_pcapng(tmp_path / "long.pcapng", packets, snap=400000), tmp_path / "packets.tsv"
    done = world.run([portier, "replay", "--packets", str(output), str(path)])
    clear_error(done, "long.pcapng", "packet 2 holds", "262144")
    assert len(output.read_text().splitlines()) == 2


def test_tags_are_counted_beyond_255(portier, tmp_path):
    frame, output = world.udp_frame("10.1.0.1", "10.2.0.1", 1000, 53), tmp_path / "packets.tsv"
    path = world.write_capture(tmp_path / "tags.pcap", [frame[:12] + b"\x81\x00\x00\x01" * 300 + frame[12:]])
    done = world.run([portier, "replay", "--packets", str(output), str(path)])
    assert done.returncode == 0, done.stderr
    fields = output.read_text().splitlines()[1].split("\t")
    assert fields[2] == "300" and fields[4] == "10.1.0.1" and fields[11] == "vlan_depth"


@pytest.mark.parametrize("option", ["--packets", "--flows", "--json"])
def test_full_disk(portier, small_capture, option):
    clear_error(world.run([portier, "replay", option, "/dev/full", small_capture]), "/dev/full", "No space left")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"], ["check"], ["replay", "CAPTURE"]],
                         ids=" ".join)
def test_standard_output_on_a_full_disk(portier, small_capture, arguments):
    arguments = [small_capture if word == "CAPTURE" else word for word in arguments]
    with open("/dev/full", "w") as full:
        done = subprocess.run([portier, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1, done.stderr
    assert "No space left" in done.stderr, done.stderr


@pytest.mark.parametrize("option", ["--packets", "--flows", "--json"])
def test_output_that_cannot_be_made(portier, small_capture, option):
    clear_error(world.run([portier, "replay", option, "/nonexistent/file", small_capture]), "/nonexistent/file")


def test_run_without_interfaces(portier, tmp_path):
    path = write_config(tmp_path, GOOD.replace("interfaces:\n  - {name: wire, device: \"net_null0\"}\n", ""))
    assert "portier run needs one" in world.run([portier, "check", "-c", path]).stdout
    clear_error(world.run([portier, "run", "-c", path]), path, "no interfaces", "portier run needs one")


def test_standard_input_is_no_capture(portier):
    clear_error(world.run([portier, "replay", "-"]), "standard input can't be read twice")


def test_note_about_one_packet(portier, tmp_path):
    frame = world.udp_frame("10.1.0.1", "10.2.0.1", 1000, 53)
    for count, words in ((1, "1 packet cut by the capture was"), (2, "2 packets cut by the capture were")):
        path = world.write_capture(tmp_path / "cut.pcap", [frame[:-4]] * count)
        assert words in world.run([portier, "replay", str(path)]).stdout


@pytest.mark.parametrize("device, word", [("net_af_packet0,iface=nosuchdev0", "net_af_packet0"),
                                          ("0000:ff:1f.7", "hugepages"), ("net_nonsense0", "net_nonsense0"),
                                          ("eth0 or so", "eth0 or so")])
def test_device_that_does_not_exist(portier, tmp_path, device, word):
    path = write_config(tmp_path, GOOD.replace("net_null0", device) + f"control: {{socket: {tmp_path}/control.sock}}\n")
    said = clear_error(world.run([portier, "run", "-c", path]))
    assert word in said or device in said, said


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["replay"], ["replay", "--nonsense"], ["run", "--nonsense"],
                                       ["replay", "--workers", "0", "x"], ["replay", "--workers", "many", "x"]])
def test_bad_command_line(portier, arguments):
    clear_error(world.run([portier, *arguments]))


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["replay", "--help"], ["check", "--help"],
                                       ["--version"]])
def test_help(portier, arguments):
    done = world.run([portier, *arguments])
    assert done.returncode == 0 and "portier" in done.stdout, done.stderr


@pytest.fixture
def one(daemon, small_capture):
    return daemon(world.endless_config(small_capture))


def send_raw(one, *pieces, shut=True):
    """What the daemon answers to these bytes, until it ends the connection or a second has passed."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(5)
        client.connect(one.socket)
        answer = b""
        try:
            for piece in pieces:
                client.sendall(piece)
            if shut:
                client.shutdown(socket.SHUT_WR)
            while data := client.recv(65536):
                answer += data
                if answer.endswith(b"\n") and not shut:
                    break
        except (BrokenPipeError, ConnectionResetError):
            pass
        return answer


@pytest.mark.parametrize("garbage", [
    b"garbage\n", b"\0\1\2\xff\xfe\n", b"{}\n", b"[]\n", b"null\n", b'{"version": 1}\n',
    b'{"version": 99, "command": "status"}\n', b'{"version": 1, "command": "nonsense"}\n',
    b'{"version": 1, "command": 7}\n', b'{"version": 1, "command": "status", "arguments": []}\n',
    b'{"version": 1, "command": "rules", "arguments": {"action": 7}}\n', b"[" * 100000 + b"\n", b"\n",
    b'{"version": 1, "command": "' + b"a" * 1000000 + b'"}\n',
], ids=lambda garbage: garbage[:12].decode("latin-1").strip().encode("unicode_escape").decode())
def test_garbage_on_the_socket_is_answered_with_an_error(one, garbage):
    answer = send_raw(one, garbage, shut=False) if garbage != b"\n" else send_raw(one, garbage)
    if answer:
        said = json.loads(answer.splitlines()[0])
        assert said["ok"] is False and said["error"], said
    assert one.process.poll() is None
    assert one.ctl("status").returncode == 0


def test_half_a_request_disturbs_nobody(one):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(one.socket)
        client.sendall(b'{"version": 1, "comm')
        assert one.ctl("status").returncode == 0
    assert one.ctl("status").returncode == 0
    said = json.loads(send_raw(one, b'{"version": 1, "comm'))
    assert said["ok"] is False and "middle of a request" in said["error"], said
    assert one.ctl("status").returncode == 0


def test_request_in_single_bytes_is_answered(one):
    request = b'{"version": 1, "command": "status", "arguments": {}}\n'
    answer = send_raw(one, *(struct.pack("B", byte) for byte in request), shut=False)
    assert json.loads(answer)["ok"] is True


def test_request_without_an_end_is_cut_off(one):
    before = one.ledger()["received"]["packets"]
    answer = send_raw(one, *([b"a" * (1 << 20)] * 12))
    assert not answer or json.loads(answer.splitlines()[0])["ok"] is False
    assert one.ledger()["received"]["packets"] > before


def test_a_hundred_clients_that_say_nothing(one):
    clients = []
    try:
        for _ in range(100):
            client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            client.settimeout(1)
            clients.append(client)
            try:
                client.connect(one.socket)
            except (BlockingIOError, TimeoutError, ConnectionRefusedError):
                break
    finally:
        for client in clients:
            client.close()
    world.wait_for("answer", lambda: one.ctl("status").returncode == 0)


@pytest.mark.parametrize("arguments", [["allow", "tcp", "70000"], ["deny", "xyz", "80"], ["deny", "tcp", "80", "from", "x"],
                                       ["rules", "delete", "999999"], ["rules", "delete", "x"], ["rules", "add"],
                                       ["rules", "load", "/nonexistent"], ["nonsense"], ["log", "louder"], []])
def test_client_says_what_is_wrong(one, arguments):
    generation = one.ask("status")["generation"]
    done = one.ctl(*arguments)
    assert 0 < done.returncode < 128 and done.stderr.strip(), done.stdout
    assert one.ask("status")["generation"] == generation


@pytest.mark.parametrize("arguments, status, words", [
    (["flows", "limit", "-1"], 2, ["below 0", "-1"]),
    (["rules", "foo"], 2, ["list", "load FILE", "add", "delete ID"]),
    (["rules", "--help"], 0, ["list", "load FILE", "add", "delete ID"]),
    (["deny", "--help"], 0, ["to CIDR", "port PORT"]),
    (["reject", "--help"], 0, ["prohibited"]),
    (["log", "info", "nosuch.type"], 1, ["no log has a name like"]),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_client_tells_what_it_takes(one, arguments, status, words):
    done = one.ctl(*arguments)
    assert done.returncode == status, done.stderr
    for word in words:
        assert word in done.stdout + done.stderr, done.stdout + done.stderr


def test_client_without_a_daemon(portierctl, tmp_path):
    done = world.run([portierctl, "--socket", str(tmp_path / "none.sock"), "status"])
    assert 0 < done.returncode < 128 and "none.sock" in done.stderr, done.stderr
