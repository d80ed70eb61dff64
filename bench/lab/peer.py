# SPDX-License-Identifier: BSD-3-Clause
"""A program that takes part: it lives for the whole comparison and is stopped except while it is measured."""
import contextlib
import json
import os
import pathlib
import re
import select
import shlex
import signal
import subprocess
import time

from lab import latency


class Absent(Exception):
    """This program can't run here; the text says why."""


def end_process(process, seconds=20):
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def stands_still(pid):
    """Whether all threads of a process are stopped, or gone."""
    try:
        states = [path.read_text().rpartition(")")[2].split()[0] for path in pathlib.Path(f"/proc/{pid}/task").glob("*/stat")]
    except OSError:
        return False  # one ended while it was looked at
    return all(state in "TtZX" for state in states)


class Peer:
    """Subclasses set name and process, and say what came in: received(), a count of packets."""

    def resume(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def pause(self, seconds=10):
        """Returns when it stands still: a signal only asks for that, and what is counted meanwhile counts for nobody."""
        os.kill(self.process.pid, signal.SIGSTOP)
        end = time.monotonic() + seconds
        while not stands_still(self.process.pid):
            if time.monotonic() > end:
                raise Absent(f"{self.name} did not stop")
            time.sleep(0.001)

    def window(self, seconds, warm=0.1):
        """Packets a second over a window; what comes before it warms the caches and is not counted."""
        if self.process.poll() is not None:
            raise Absent(f"{self.name} ended with {self.process.returncode}")
        self.resume()
        time.sleep(warm)
        before, start = self.received(), time.monotonic()  # counters are read just before they arrive
        time.sleep(seconds)
        after, end = self.received(), time.monotonic()
        self.pause()
        return (after - before) / (end - start)

    def audit(self):
        """What its counters say that should not be: a list of texts. It runs meanwhile."""
        return []

    def end(self):
        end_process(self.process)

    @contextlib.contextmanager
    def ended_if_it_fails(self):
        """What is done to it meanwhile is done, or it ends: after an interruption too nothing may be left running."""
        try:
            yield
        except BaseException:
            self.end()
            raise


class Conversation:
    """Lines to a program's standard input, and what it prints."""

    def __init__(self, name, command, **options):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        **options)

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
                raise Absent(f"{self.name} did not come to '{pattern}': {text[-2000:]}")
            text += data.decode(errors="replace")


def pcap_device(number, captures):
    """The same device string for everybody: a receive queue a capture, in memory, without end."""
    return f"net_pcap{number}," + ",".join(f"rx_pcap={path}" for path in captures) + ",infinite_rx=1"


class Testpmd(Peer):
    """dpdk-testpmd. mode: io (takes and sends, looks at nothing) or 5tswap (swaps addresses and ports, looks nothing up)."""

    def __init__(self, place, captures, mode):
        self.name = f"testpmd {mode}"
        queues, pool = len(captures), place.buffers + 65536
        cpus = [f"{number + 1}@{cpu}" for number, cpu in enumerate(place.cpus[:queues])]
        self.command = ["stdbuf", "-oL", "dpdk-testpmd", "--lcores", ",".join([f"0@{place.control_cpu}", *cpus]),
                        "--main-lcore", "0", *place.eal, f"--file-prefix=bench_testpmd_{os.getpid()}_{time.monotonic_ns()}",
                        "--vdev", pcap_device(0, captures), "--", "-i", f"--forward-mode={mode}", f"--nb-cores={queues}",
                        f"--rxq={queues}", f"--txq={queues}", f"--total-num-mbufs={pool}", "--no-flush-rx"]
        self.talk = Conversation(self.name, self.command)
        self.process = self.talk.process
        with self.ended_if_it_fails():
            self.talk.ask("", r"testpmd> ", 120)
            self.talk.ask("start", r"testpmd> ")

    def count(self, what):
        return int(self.talk.ask("show port stats 0", what + r": +(\d+)[\s\S]*testpmd> ")[1])

    def received(self):
        return self.count("RX-packets")

    def audit(self):
        self.talk.ask("stop", r"Done\.[\s\S]*testpmd> ")
        received, sent = self.count("RX-packets"), self.count("TX-packets")
        self.talk.ask("start", r"testpmd> ")
        return [] if received == sent else [f"{self.name} received {received} packets and sent {sent}"]


CONFIG = """
interfaces:
  - {{name: source, device: "{device}", queues: {queues}}}
workers: {{cpus: {cpus}, control_cpus: [{control}], share_cpus: {share}, spare_buffers: {buffers}, steering: device}}
handlers:
  - {{name: all, kind: count}}
listeners: {listeners}
default_handler: all
flows: {{capacity: {capacity}, embryonic_percent: 100, timeouts: {timeouts}}}
policy: {{martians: accept}}
latency: {latency}
control: {{socket: {socket}}}
eal: {eal}
"""
# Nothing that is known is forgotten while its program is stopped; a newcomer, who sends a SYN alone, is before the next pass.
TIMEOUTS = "{{profile: internet, udp_unreplied: 1h, udp_replied: 1h, tcp_syn_sent: {newcomers}}}"


class Portier(Peer):
    """portier's count handler. ports: each has a listener for TCP and one for UDP. rules: a text, or None. one_in: of so many
    packets the latency of one is measured. newcomers: whether flows are to be forgotten that nobody answers."""

    def __init__(self, place, captures, flows, rules=None, ports=(), name="portier", one_in=0, newcomers=False):
        self.name, self.control_cpu, self.loader = name, place.control_cpu, None
        self.client = place.build / "control" / "ctl" / "portierctl"
        folder = place.folder / f"portier{time.monotonic_ns()}"
        folder.mkdir()
        self.socket, self.log, config = folder / "control.sock", folder / "portier.log", folder / "portier.yaml"
        cpus = place.cpus[:len(captures)]
        config.write_text(CONFIG.format(
            device=pcap_device(0, captures), queues=len(captures), cpus=json.dumps(cpus), control=place.control_cpu,
            share=str(place.control_cpu in cpus).lower(), buffers=place.buffers, capacity=flows,
            timeouts=TIMEOUTS.format(newcomers="20ms" if newcomers else "1h"), latency=one_in, socket=self.socket,
            eal=json.dumps(place.eal),
            listeners=json.dumps([{"protocol": protocol, "port": port, "handler": "all"}
                                  for protocol in ("tcp", "udp") for port in ports])))
        self.command = [str(place.build / "control" / "portier"), "run", "-c", str(config)]
        if rules is not None:
            (folder / "bench.rules").write_text(rules)
            self.command += ["--rules", str(folder / "bench.rules")]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=subprocess.STDOUT)
        with self.ended_if_it_fails():
            self.wait_until_it_answers()

    def wait_until_it_answers(self):
        end = time.monotonic() + 120
        while not (self.socket.exists() and self.ask("status")):
            if self.process.poll() is not None or time.monotonic() > end:
                raise Absent(f"portier did not start: {self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)

    def load_again_and_again(self, texts):
        """Lists of rules in turn, without rest, until portier ends."""
        files = [self.log.with_name(f"{number}.rules") for number in range(len(texts))]
        for file, text in zip(files, texts):
            file.write_text(text)
        client = [str(self.client), "--socket", str(self.socket), "rules", "load"]
        loads = "\n".join(f"{shlex.join([*client, str(file)])} || sleep 0.1" for file in files)
        self.generation = self.ask("status")["generation"]
        self.loader = subprocess.Popen(
            ["taskset", "-c", str(self.control_cpu), "sh", "-c", f"while kill -0 {self.process.pid}; do\n{loads}\ndone"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def loads_no_more(self):
        if self.loader is None:
            return False
        status = self.ask("status")
        return status is None or status["generation"] < self.generation + 2

    def ask(self, what):
        done = subprocess.run([self.client, "--socket", self.socket, "--json", what], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def latency_over(self, seconds):
        """Of packets of that time: [(nanoseconds, packets), ...]."""
        before = self.ask("latency")["handlers"][0]["distribution"]
        time.sleep(seconds)
        return latency.difference(before, self.ask("latency")["handlers"][0]["distribution"])

    def received(self):
        """What a worker had no room for, when another one took it from the device, is no work done."""
        stats = self.ask("stats")
        lost = sum(drop["packets"] for drop in stats["drops"] if drop["reason"] == "worker_ring_full")
        return stats["ledger"]["received"]["packets"] - lost

    def end(self):
        super().end()
        if self.loader:
            self.loader.wait(20)  # it ends with portier

    def audit(self):
        """It ends as an operator ends it, and its last report says whether every packet is accounted for."""
        stuck = self.loads_no_more()
        end_process(self.process)
        text = self.log.read_text(errors="replace")
        if stuck:
            return [f"{self.name} did not load rules again and again"]
        if self.process.returncode == 0 and re.search(r"^ *balanced:", text, re.MULTILINE):
            return []
        return [f"{self.name} ended with {self.process.returncode}, and its ledger is not balanced: {text[-2000:]}"]


def package_version(name):
    """As Debian says; None where the package is not installed, or this is no Debian."""
    try:
        done = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Version}", name], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except FileNotFoundError:
        return None
    return done.stdout[3:].strip() if done.returncode == 0 and done.stdout.startswith("ii") else None


def first_line(path):
    try:
        return pathlib.Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None
