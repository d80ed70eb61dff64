# SPDX-License-Identifier: BSD-3-Clause
import pytest
import world


@pytest.fixture(scope="session")
def namespaces_allowed():
    if not world.can_make_namespaces():
        pytest.skip("needs root and network namespaces")


@pytest.fixture(scope="module")
def namespaces(namespaces_allowed):
    made = world.Namespaces()
    yield made
    made.remove()


@pytest.fixture
def daemon(portier, portierctl, tmp_path):
    """daemon(config, rules...) starts one; whatever a test leaves running is stopped."""
    started = []

    def start(config, rules="default allow\n", **options):
        folder = tmp_path / f"daemon{len(started)}"
        folder.mkdir()
        started.append(world.Daemon(portier, portierctl, folder, config, rules, **options))
        return started[-1]

    yield start
    for one in started:
        one.kill()


@pytest.fixture(scope="session")
def small_capture(tmp_path_factory):
    """Sixteen UDP flows of one packet."""
    packets = [world.udp_frame("10.1.0.1", "10.2.0.1", 1000 + number, 53) for number in range(16)]
    return str(world.write_capture(tmp_path_factory.mktemp("captures") / "small.pcap", packets))
