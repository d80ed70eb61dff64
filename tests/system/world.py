# SPDX-License-Identifier: BSD-3-Clause
"""What the system tests stand on: network namespaces, a daemon under test, captures made on the spot."""
import ctypes
import fcntl
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "scripts"))
import make_demo_capture as frames  # noqa: E402  (the demo's packet builders serve here too)

CLIENT, SERVER = "10.77.0.1", "10.77.0.2"
CLIENT6, SERVER6 = "fd77::1", "fd77::2"
NO_HUGEPAGES = '["--no-huge", "-m", "400", "--no-pci", "--no-shconf", "--no-telemetry"]'  # a configuration's eal, for vdevs


def run(command, timeout=60, **options):
    """Runs to the end; output is captured as text."""
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
                          timeout=timeout, check=False, **options)


def must(*command):
    done = run(command)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}{done.stdout}"
    return done.stdout


def wait_for(what, condition, seconds=10.0):
    """Waits until condition() is true and returns what it said."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        said = condition()
        if said:
            return said
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {seconds} s")


def can_make_namespaces():
    return os.geteuid() == 0 and run(["unshare", "--net", "true"]).returncode == 0


def offloads_off(device):
    """As ethtool -K tx off sg off tso off gso off gro off: packet sockets must see whole checksums and single frames."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for command in (0x17, 0x19, 0x1F, 0x24, 0x2C):  # ETHTOOL_STXCSUM, SSG, STSO, SGSO, SGRO
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            request = struct.pack("16sP8x", device.encode(), ctypes.addressof(value))
            try:
                fcntl.ioctl(sock, 0x8946, request)  # SIOCETHTOOL
            except OSError:
                if command == 0x17:
                    raise


class Namespaces:
    """client (eth0) --- (m0) middle (m1) --- (eth0) server, with portier in the middle."""

    def __init__(self):
        tag = f"pt{os.getpid()}{time.monotonic_ns() % 1000:03d}"
        self.client, self.middle, self.server = (f"{tag}-{end}" for end in ("c", "m", "s"))
        self.made = []
        try:
            for name in (self.client, self.middle, self.server):
                must("ip", "netns", "add", name)
                self.made.append(name)
            must("ip", "netns", "exec", self.middle, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
            self.link(tag, self.client, "m0", CLIENT, CLIENT6)
            self.link(tag, self.server, "m1", SERVER, SERVER6)
        except BaseException:
            self.remove()
            raise

    def link(self, tag, end, middle_name, address, address6):
        near, far = f"{tag[:13]}a", f"{tag[:13]}b"
        must("ip", "link", "add", near, "type", "veth", "peer", "name", far)
        offloads_off(near)
        offloads_off(far)
        must("ip", "link", "set", near, "netns", end, "name", "eth0")
        must("ip", "link", "set", far, "netns", self.middle, "name", middle_name)
        for command in (f"addr add {address}/24 dev eth0", f"addr add {address6}/64 dev eth0 nodad",
                        "link set eth0 up", "link set lo up"):
            must("ip", "-n", end, *command.split())
        must("ip", "-n", self.middle, "link", "set", middle_name, "up", "promisc", "on")

    def remove(self):
        for name in reversed(self.made):
            run(["ip", "netns", "delete", name])


def inside(namespace, *command):
    return ["ip", "netns", "exec", namespace, *command]


class Daemon:
    """portier run, started by a test and stopped by SIGTERM."""

    def __init__(self, portier, portierctl, folder, config, rules="default allow\n", namespace=None, eal=(), options=()):
        self.portierctl, self.folder = portierctl, folder
        self.socket = str(folder / "control.sock")
        self.rules = folder / "portier.rules"
        self.config = folder / "portier.yaml"
        self.rules.write_text(rules)
        self.config.write_text(config + f"\nrules: {self.rules}\ncontrol:\n  socket: {self.socket}\n")
        command = [portier, "run", "-c", str(self.config), *options] + (["--", *eal] if eal else [])
        self.log = open(folder / "portier.log", "w+", encoding="utf-8", errors="replace")
        self.process = subprocess.Popen(inside(namespace, *command) if namespace else command, stdout=self.log,
                                        stderr=subprocess.STDOUT)
        try:
            wait_for("daemon answers", self.answers, 30)
        except BaseException:
            self.kill()
            raise

    def output(self):
        return pathlib.Path(self.log.name).read_text(encoding="utf-8", errors="replace")

    def answers(self):
        assert self.process.poll() is None, f"portier ended with {self.process.returncode}:\n{self.output()}"
        return os.path.exists(self.socket) and self.ctl("status").returncode == 0

    def ctl(self, *arguments, timeout=60):
        return run([self.portierctl, "--socket", self.socket, *arguments], timeout)

    def tell(self, *arguments):
        """A command that must succeed; returns what it printed."""
        done = self.ctl(*arguments)
        assert done.returncode == 0, f"portierctl {' '.join(arguments)}: {done.stderr}{done.stdout}"
        return done.stdout

    def ask(self, *arguments):
        return json.loads(self.tell("--json", *arguments))

    def ledger(self):
        return self.ask("stats")["ledger"]

    def send(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        """Ends it as an operator does and returns what it printed."""
        self.send(number)
        status = self.process.wait(30)
        text = self.output()
        assert status == 0, f"portier ended with {status}:\n{text}"
        return text

    def kill(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


def through_config(workers="{cpus: 1, share_cpus: true}"):
    """Everything between the two ends passes through portier; ARP and neighbour discovery too."""
    return f"""
interfaces:
  - {{name: near, device: "net_af_packet0,iface=m0", checksum: ignore, promiscuous: true}}
workers: {workers}
handlers:
  - {{name: far, kind: device, device: "net_af_packet1,iface=m1", uplink: near}}
default_handler: far
policy: {{non_ip: default_handler}}
"""


def endless_config(capture, workers="{cpus: 1, share_cpus: true}"):
    """One capture over and over, as fast as it goes, counted."""
    return f"""
interfaces:
  - {{name: source, device: "net_pcap0,rx_pcap={capture},infinite_rx=1"}}
workers: {workers}
handlers:
  - {{name: all, kind: count}}
default_handler: all
"""


def udp_frame(source, destination, sport, dport, data=b"x" * 18):
    return frames.ethernet(frames.ipv4(source, destination, frames.UDP,
                                       frames.udp(source, destination, sport, dport, data)))


def write_capture(path, packets, link_type=1):
    """A classic pcap file, a microsecond between two packets."""
    return frames.write_capture(path, packets, start=1700000000 * 1000000, link_type=link_type)


def write_pcapng(path, packets, snap=65535):
    """A minimal pcapng file: section, one Ethernet interface, enhanced packets."""
    def block(kind, body):
        body += bytes(-len(body) % 4)
        return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))
    with open(path, "wb") as file:
        file.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        file.write(block(1, struct.pack("<HHI", 1, 0, snap)))
        for number, packet in enumerate(packets):
            file.write(block(6, struct.pack("<IIIII", 0, 0, number, len(packet), len(packet)) + packet))
    return path


def balanced(report):
    """Whether a printed report says that its ledger is balanced."""
    return re.search(r"\bbalanced\b", report, re.IGNORECASE) and not re.search(r"not balanced|unbalanced", report,
                                                                                re.IGNORECASE)


def printed(report, name):
    """The packets of a line of the printed ledger."""
    return int(re.search(rf"^ *[=+]? *{name}\b[a-z ]*? +([\d,]+)", report, re.MULTILINE)[1].replace(",", ""))


def drops(stats):
    """Packets by drop reason."""
    return {drop["reason"]: drop["packets"] for drop in stats["drops"]}
