#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""portier beside what people would use instead: dpdk-testpmd, Open vSwitch with DPDK, the kernel with nft.

Two programs at a time live and get the same input; one of them is always stopped, so that they alternate on one core in
windows. What counts is the median of the ratios of neighbouring windows. Writes results.json, results.md and pictures.
"""
import argparse
import dataclasses
import pathlib
import shlex
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench"))
from lab import ground, latency, peer, picture, place, plan, probe, report, windows  # noqa: E402


class Bench:
    """What is known while it runs. notes: what was left out, dropped or wrong; complaints: what makes it fail."""

    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.cpus, self.control_cpu = place.choose_cpus()
        self.rows, self.notes, self.complaints = [], [], []
        self.mode = plan.plan(options.mode, len(self.cpus))
        self.probe = None

    def note(self, text, wrong=False):
        text = " ".join(text.replace(str(self.folder), "").split())  # a program may have said many lines before it ended
        text = text if len(text) < 700 else f"{text[:200]} ... {text[-450:]}"
        print(f"  ! {text}", flush=True)
        if text not in self.notes:
            self.notes.append(text)
        if wrong:
            self.complaints.append(text)

    def place_for(self, cell):
        frames = cell.input.frames
        return place.Place(self.options.build, self.folder, self.cpus, self.control_cpu, frames + 16384,
                           place.eal_arguments(frames, cell.capacity(), cell.workers))

    def run(self):
        with_probe = self.options.mode != "smoke"
        at = place.Place(self.options.build, self.folder, self.cpus, self.control_cpu, 0, [])
        self.probe = probe.Probe(at)
        try:
            for cell in self.mode.cells:
                self.run_cell(cell, self.probe if with_probe else None)
        finally:
            self.probe.end()
            if self.probe.seen:
                self.notes.append(f"the machine's own speed while this ran: {self.probe.range_seen()}")

    def run_cell(self, cell, judge):
        print(f"{cell.what}: {report.amount(cell.input.flows)} flows, {cell.rules:,} rules, {cell.workers} worker(s)",
              flush=True)
        mine = None
        try:
            at = self.place_for(cell)
            mine = plan.start_portier(at, cell, self.folder)
            mine.pause()
            for name in cell.peers:
                if not self.options.only or self.options.only in name:
                    self.compare(cell, name, at, mine, judge)
            mine.resume()
            for text in mine.audit():
                self.note(text, wrong=True)
        except peer.Absent as error:
            self.note(f"{cell.what}, {cell.input.flows} flows: {error}", wrong=mine is not None)
        finally:
            if mine:
                mine.end()
            for capture in self.folder.glob("*.pcap"):
                capture.unlink()

    def compare(self, cell, name, at, mine, judge):
        other = None
        try:
            other = plan.start_peer(name, at, cell, self.folder)
            other.pause()
            with place.staying_on(self.control_cpu):
                pairs = windows.alternate(mine, other, self.mode.pairs, self.mode.seconds, judge)
                times = self.latency_of(mine) if cell.latency else None
            other.resume()
            for text in other.audit():
                self.note(text, wrong=True)
        except (peer.Absent, subprocess.SubprocessError) as error:
            self.note(f"left out: {name}, {cell.what}, {report.amount(cell.input.flows)} flows: {error}")
            return
        finally:
            if other:
                other.end()
        self.keep(cell, name, pairs, "--in-memory" in at.eal, times)

    def latency_of(self, mine):
        mine.resume()
        mine.latency_over(0.1)  # caches are warm again; what was stopped half-way is told as well
        times = mine.latency_over(5 * self.mode.seconds)
        mine.pause()
        return times

    def keep(self, cell, name, pairs, huge, times):
        if pairs.dropped:
            reasons = ", ".join(f"{count} {reason}" for reason, count in pairs.dropped.items())
            self.note(f"dropped pairs: {cell.what} beside {name}, {report.amount(cell.input.flows)} flows, "
                      f"{cell.rules} rules: {reasons}")
        if not pairs.mine or not all(pairs.mine) or not all(pairs.other):
            self.note(f"no result: {cell.what} beside {name}: " + ("a window without packets" if pairs.mine else
                      "every window was disturbed"), wrong=bool(pairs.mine) and self.options.mode != "smoke")
            return
        one = report.row(cell, name, pairs, self.probe.hz, huge)
        if times:
            one["latency"] = {**latency.summary(times), "distribution": times}
        self.rows.append(one)
        print("  %-22s %7.2f Mpps %7.1f ns   beside %7.2f Mpps %7.1f ns   ratio %.3g (%.3g to %.3g)" % (
            name, one["mpps"], one["ns"], one["peer_mpps"], one["peer_ns"], one["ratio"], one["ratio_min"], one["ratio_max"]),
            flush=True)


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", nargs="?", choices=("quick", "full", "smoke"), default="quick",
                        help="quick: some minutes; full: an hour or so; smoke: a moment each, whose figures mean nothing")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help="build directory (release)")
    parser.add_argument("--out", type=pathlib.Path, help="folder of the results (BUILD/side-by-side)")
    parser.add_argument("--what", metavar="WORDS", help="only the inputs whose name contains this, such as flows or rules")
    parser.add_argument("--only", metavar="WORDS", help="only the programs whose name contains this, such as testpmd")
    options = parser.parse_args()
    options.build = options.build.resolve()
    lack = place.not_built(options.build, "control/portier", "control/ctl/portierctl", "bench/probe", "bench/send_endless")
    if lack:
        parser.error(lack)
    options.out = options.out or options.build / "side-by-side"
    return options


def version(build):
    said = subprocess.run([build / "control" / "portier", "--version"], stdout=subprocess.PIPE, text=True, check=False).stdout
    return said.split()[1] if len(said.split()) > 1 else "of an unknown version"


def command_of(options):
    """What makes these results again, wherever the build is."""
    chosen = [word for name in ("what", "only") if getattr(options, name) for word in (f"--{name}", getattr(options, name))]
    return shlex.join(["scripts/bench.sh", options.mode, *chosen])


def stop_once(*_):
    """A second one while the programs that run are ended would leave some of them behind."""
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, signal.SIG_IGN)
    raise KeyboardInterrupt


def main():
    options = read_options()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, pathlib.Path(folder))
        bench.mode = dataclasses.replace(bench.mode, cells=[cell for cell in bench.mode.cells
                                                            if not options.what or options.what in cell.what])
        facts = ground.survey(bench.cpus, version(options.build))
        for fact in facts:
            print(f"{fact.name}: {fact.value}" + (f"  ({fact.complaint})" if fact.complaint else ""))
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, stop_once)
        try:
            bench.run()
        except KeyboardInterrupt:
            bench.note("stopped before the end: what is missing was not measured", wrong=True)
    options.out.mkdir(parents=True, exist_ok=True)
    report.write_json(options.out / "results.json", bench.rows)
    text = report.markdown(bench.rows, facts, bench.notes, command_of(options))
    (options.out / "results.md").write_text(text, encoding="utf-8")
    written = ["results.json", "results.md", *picture.write_all(options.out, bench.rows)]
    print(f"{len(bench.rows)} comparisons in {options.out}: {', '.join(written)}")
    return 1 if bench.complaints or not bench.rows else 0


if __name__ == "__main__":
    sys.exit(main())
