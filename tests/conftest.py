# SPDX-License-Identifier: BSD-3-Clause
"""Where the programs under test are: PORTIER_BUILD, or the first build directory that holds them."""
import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent


def pytest_configure(config):
    config.addinivalue_line("markers", "meaning: compared with another program, or of a script: the same whatever compiler built portier")


def build_directory():
    chosen = os.environ.get("PORTIER_BUILD")
    if chosen:
        return (ROOT / chosen).resolve()
    for name in ("build", "build-gcc"):
        if (ROOT / name / "control" / "portier").exists():
            return ROOT / name
    pytest.exit("portier is not built: run meson setup build && ninja -C build, or set PORTIER_BUILD", 1)


@pytest.fixture(scope="session")
def portier():
    return str(build_directory() / "control" / "portier")


@pytest.fixture(scope="session")
def portierctl():
    return str(build_directory() / "control" / "ctl" / "portierctl")
