#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Packets per second of portier's count handler against dpdk-testpmd's 5tswap: same device, same file, same core.

Both processes live for the whole run; one of the two is always stopped (SIGSTOP), so that they alternate on one core in
windows of a second. What counts is the median of the ratios of neighbouring windows.
"""
import argparse
import json
import os
import pathlib
import re
import select
import shlex
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import make_demo_capture as frames  # noqa: E402

CRITERION = 0.5
POOL = 262143


def write_capture(path, flows, both_directions):
    """UDP flows of 60-byte frames (64 with the checksum that the wire adds), each tuple its own, in a mixed order."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number in range(flows):
            mixed = number * 40503 % flows  # 40503 is odd, so with a power of two each comes once
            client, port = f"10.{mixed >> 16 & 255}.{mixed >> 8 & 255}.{mixed & 255}", 1024 + mixed % 60000
            ways = [(client, "192.0.2.1", port, 53), ("192.0.2.1", client, 53, port)]
            for way in ways[:2 if both_directions else 1]:
                frame = frames.ethernet(frames.ipv4(*way[:2], frames.UDP, frames.udp(*way, b"x" * 18)))
                file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


class Peer:
    """A process that is stopped except while it is measured. received() reads its counter."""

    def resume(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def pause(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def window(self, seconds):
        """Packets per second over a window; the first tenth of a second warms the caches and is not counted."""
        self.resume()
        time.sleep(0.1)
        start, before = time.monotonic(), self.received()
        time.sleep(seconds)
        end, after = time.monotonic(), self.received()
        self.pause()
        return (after - before) / (end - start)

    def end(self):
        self.resume()
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Testpmd(Peer):
    def __init__(self, options, device):
        self.command = ["stdbuf", "-oL", "dpdk-testpmd", "--lcores", f"0@{options.control_cpu},1@{options.cpu}", "--main-lcore", "0",
                        *options.eal, f"--file-prefix=bench_testpmd_{os.getpid()}", "--vdev", device, "--", "-i",
                        "--forward-mode=5tswap", "--nb-cores=1", f"--total-num-mbufs={POOL}"]
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self.ask("", r"testpmd> ", 60)
        self.ask("start", r"testpmd> ")

    def ask(self, line, pattern, seconds=10):
        """Sends a line and reads until the pattern is there."""
        if line:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        text, end = "", time.monotonic() + seconds
        while True:
            found = re.search(pattern, text)
            if found:
                return found
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))
            data = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not data:
                raise SystemExit(f"dpdk-testpmd did not come to '{pattern}':\n{text}")
            text += data.decode(errors="replace")

    def received(self):
        return int(self.ask("show port stats 0", r"RX-packets: (\d+)[\s\S]*testpmd> ")[1])


class Portier(Peer):
    def __init__(self, options, device, folder):
        build = pathlib.Path(options.build)
        self.client = build / "control" / "ctl" / "portierctl"
        self.socket = folder / "control.sock"
        self.log = folder / "portier.log"
        config = folder / "portier.yaml"
        config.write_text(f"""
interfaces:
  - {{name: source, device: "{device}", queues: 1}}
workers: {{cpus: [{options.cpu}], control_cpus: [{options.control_cpu}], spare_buffers: {options.flows + 1024}}}
handlers:
  - {{name: all, kind: count}}
default_handler: all
flows: {{capacity: {2 * options.flows}, embryonic_percent: 100}}
control: {{socket: {self.socket}}}
eal: {json.dumps(options.eal)}
""")
        self.command = [str(build / "control" / "portier"), "run", "-c", str(config)]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=subprocess.STDOUT)
        end = time.monotonic() + 60
        while not (self.socket.exists() and self.ask("status")):
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"portier did not start:\n{self.log.read_text(errors='replace')}")
            time.sleep(0.1)

    def ask(self, what):
        done = subprocess.run([self.client, "--socket", self.socket, "--json", what], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def received(self):
        return self.ask("stats")["ledger"]["received"]["packets"]


def cpu_model():
    found = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return found[1] if found else "unknown"


def measure(options, folder):
    capture = folder / "bench.pcap"
    write_capture(capture, options.flows, options.both_directions)
    device = f"net_pcap0,rx_pcap={capture},infinite_rx=1"
    peers, pairs = [], []
    try:
        for make in (lambda: Testpmd(options, device), lambda: Portier(options, device, folder)):
            peers.append(make())
            peers[-1].pause()
        os.sched_setaffinity(0, {options.control_cpu})  # the clients that are asked from here stay off the worker
        testpmd, portier = peers
        portier.window(options.seconds)  # makes the flows; neither of these two windows counts
        testpmd.window(options.seconds)
        for number in range(options.pairs):
            first, second = (portier, testpmd) if number % 2 else (testpmd, portier)  # no one is always first
            rates = {first: first.window(options.seconds), second: second.window(options.seconds)}
            pairs.append({"portier_pps": rates[portier], "testpmd_pps": rates[testpmd],
                          "ratio": rates[portier] / rates[testpmd]})
            print("%2d  portier %6.2f Mpps %6.1f ns   testpmd %6.2f Mpps   ratio %.3f" % (
                number + 1, rates[portier] / 1e6, 1e9 / rates[portier], rates[testpmd] / 1e6, pairs[-1]["ratio"]))
        portier.resume()
        stats = portier.ask("stats")
    finally:
        for peer in peers:
            peer.end()
    return pairs, stats, [peer.command for peer in peers]


def summary(pairs, stats, commands, options):
    ratios = [pair["ratio"] for pair in pairs]
    quarters = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else [ratios[0]] * 3
    return {
        "ratio_median": statistics.median(ratios), "ratio_min": min(ratios), "ratio_max": max(ratios),
        "ratio_quartiles": [quarters[0], quarters[2]],
        "portier_pps_median": statistics.median(pair["portier_pps"] for pair in pairs),
        "testpmd_pps_median": statistics.median(pair["testpmd_pps"] for pair in pairs),
        "criterion": CRITERION, "met": statistics.median(ratios) >= CRITERION,
        "frame_bytes": 60, "flows": options.flows, "both_directions": options.both_directions, "seconds": options.seconds,
        "cpu": cpu_model(), "testpmd_command": commands[0], "portier_command": commands[1],
        "portier_flows": stats["flows"] if stats else None, "pairs": pairs,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=str(ROOT / "build"), help="build directory (release)")
    parser.add_argument("--pairs", type=int, default=12, help="pairs of windows (at least 10 for a verdict)")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a window")
    parser.add_argument("--flows", type=int, default=65536, help="a power of two")
    parser.add_argument("--both-directions", action="store_true", help="two packets a flow, there and back")
    parser.add_argument("--cpu", type=int, default=1, help="of the worker, and of testpmd's forwarding core")
    parser.add_argument("--control-cpu", type=int, default=0, help="of everything else")
    parser.add_argument("--eal", type=shlex.split, default="--no-huge -m 2048 --no-pci",
                        help='EAL arguments of both, in one word: --eal="--in-memory --no-pci" for hugepages')
    parser.add_argument("--json", metavar="FILE", help="writes the result there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = summary(*measure(options, pathlib.Path(folder)), options)
    print("median ratio %.3f (quartiles %.3f to %.3f, range %.3f to %.3f), criterion %.2f: %s" % (
        result["ratio_median"], *result["ratio_quartiles"], result["ratio_min"], result["ratio_max"], CRITERION,
        "met" if result["met"] else "missed"))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0 if result["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
