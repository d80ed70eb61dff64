# SPDX-License-Identifier: BSD-3-Clause
"""The scripts themselves: what they find, count and make."""
import configparser
import os
import pathlib
import re
import shutil
import struct

import pytest
import world

ROOT = pathlib.Path(world.frames.__file__).resolve().parent.parent
SPDX = "// SPDX-License-Identifier: BSD-3-Clause\n"


def demo(folder, name="demo.pcap"):
    path = folder / name
    world.must("/usr/bin/python3", str(ROOT / "scripts/make_demo_capture.py"), str(path))
    return path


def records(path):
    """(captured bytes, length on the wire) of each packet."""
    data, position = path.read_bytes(), 24
    while position < len(data):
        _, _, captured, on_wire = struct.unpack_from("<IIII", data, position)
        yield data[position + 16:position + 16 + captured], on_wire
        position += 16 + captured


def test_demo_capture_is_the_same_at_every_run(tmp_path):
    assert demo(tmp_path, "a").read_bytes() == demo(tmp_path, "b").read_bytes()


def test_demo_capture_holds_a_few_thousand_frames_one_of_them_cut(tmp_path):
    frames = list(records(demo(tmp_path)))
    assert 2000 < len(frames) < 10000
    assert sum(len(data) < on_wire for data, on_wire in frames) == 1


def test_demo_capture_has_bad_checksums_only_where_meant(tmp_path):
    wrong = []
    for number, (frame, _) in enumerate(records(demo(tmp_path)), 1):
        if frame[12:14] != b"\x08\x00" or frame[14] != 0x45:
            continue
        length, fragment = struct.unpack_from("!H2xH", frame, 16)
        datagram = frame[14:14 + length]
        if len(datagram) != length or length < 20:
            continue
        if world.frames.internet_sum(datagram[:20]):
            wrong.append((number, "header"))
        elif datagram[9] in (world.frames.TCP, world.frames.UDP) and not fragment & 0x3FFF:
            pseudo = datagram[12:20] + struct.pack("!BBH", 0, datagram[9], length - 20)
            unchecked = datagram[9] == world.frames.UDP and datagram[26:28] == b"\0\0"
            if not unchecked and world.frames.internet_sum(pseudo + datagram[20:]):
                wrong.append((number, "transport"))
    # The header sum 0xDEAD, TCP with data offset 2 and TCP cut after 10 bytes.
    assert [kind for _, kind in wrong] == ["header", "transport", "transport"], wrong


@pytest.mark.parametrize("name, text, complaint", [
    ("dataplane/bad.c", SPDX + '#include "control/error.h"\n', "dataplane knows nothing of control"),
    ("dataplane/bad.c", SPDX + "#include <stdio.h>\n", "no files"),
    ("dataplane/bad.c", SPDX + '#include "drop.h"\n', "no full path"),
    ("dataplane/bad.c", '#include "dataplane/drop.h"\n', "SPDX"),
    ("dataplane/bad.h", SPDX, "#pragma once"),
    ("dataplane/bad.h", SPDX + '#pragma once\n#include "dataplane/bad.h"\n', "circle"),
    ("dataplane/handlers/bad.c", SPDX + '#include "dataplane/worker.h"\n', "what lies below"),
    ("dataplane/parse.c", SPDX + "#include <rte_mbuf.h>\n", "pure"),
    ("control/stats.c", SPDX + '#include "control/server.h"\n', "who asks"),
    ("bad.py", "import os\n", "SPDX"),
])
def test_include_check_finds_what_is_planted(tmp_path, name, text, complaint):
    for folder in ("scripts", "dataplane", "control"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    check = ["/usr/bin/python3", str(tmp_path / "scripts/check_includes.py")]
    before = world.run(check)
    (tmp_path / name).write_text(text)
    after = world.run(check)
    assert after.returncode == 1
    assert any(name in line and complaint in line for line in after.stdout.splitlines()
               if line not in before.stdout), after.stdout


def test_results_are_counted(tmp_path):
    junit = tmp_path / "results.xml"
    junit.write_text('<testsuites><testsuite><testcase classname="a" name="b"/><testcase classname="a" name="c">'
                     '<failure message="no">it broke</failure></testcase><testcase classname="a" name="d"><skipped/>'
                     "</testcase></testsuite></testsuites>")
    meson = tmp_path / "testlog.json"
    meson.write_text('{"name": "x", "result": "OK"}\n{"name": "y", "result": "TIMEOUT", "stdout": "it hung"}\n'
                     '{"name": "z", "result": "SKIP"}\n{"name": "w", "result": "OK"}\n')
    for path, counts, shown in ((junit, "1 1 1", "it broke"), (meson, "2 1 1", "it hung")):
        done = world.run(["/usr/bin/python3", str(ROOT / "scripts/count_results.py"), str(path)])
        assert done.stdout.strip() == counts and shown in done.stderr


def test_packages_are_asked_for_plainly_without_root(tmp_path):
    script = tmp_path / "deps.sh"
    script.write_text((ROOT / "scripts/deps.sh").read_text().replace("gcc libc6-dev", "gcc no-such-package libc6-dev"))
    (tmp_path / "bin").mkdir()
    for tool in ("dpkg-query", "sed", "tr", "id"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))
    if os.geteuid() == 0:  # as another user would see it
        (tmp_path / "bin" / "id").unlink()
        (tmp_path / "bin" / "id").write_text("#!/bin/sh\necho 1000\n")
        (tmp_path / "bin" / "id").chmod(0o755)
    done = world.run(["/bin/sh", str(script), "run"], env={"PATH": str(tmp_path / "bin")})
    assert done.returncode == 1
    assert "no-such-package" in done.stderr and "apt-get install" in done.stderr


def test_systemd_unit_runs_what_is_installed(portier):
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(pathlib.Path(portier).parent.parent / "conf" / "portier.service")
    assert unit["Service"]["Type"] == "notify"
    assert re.fullmatch(r"/\S+/bin/portier run -c /etc/portier/portier\.yaml", unit["Service"]["ExecStart"])
    assert "-HUP $MAINPID" in unit["Service"]["ExecReload"]
