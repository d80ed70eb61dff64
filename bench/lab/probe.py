# SPDX-License-Identifier: BSD-3-Clause
"""How fast the machine computes and reads memory: asked before and after each window."""
import dataclasses
import os
import pathlib

from lab.peer import Conversation, end_process, first_line

MEGABYTES = 256         # more than a last-level cache holds
COMPUTE_DIFFERS = 1.10  # within a pair of windows: another frequency, or a neighbour on the same core
MEMORY_DIFFERS = 1.35   # within a pair: neighbours at the memory, which come and go on shared machines
STOLEN = 0.02           # of a window, by the hypervisor or by other threads


@dataclasses.dataclass(frozen=True)
class Reading:
    compute_ns: float
    memory_ns: float
    stolen: float  # seconds since the machine started


def stolen_seconds(cpu):
    """What the hypervisor took away from a CPU."""
    for line in pathlib.Path("/proc/stat").read_text(encoding="ascii").splitlines():
        words = line.split()
        if words[0] == f"cpu{cpu}" and len(words) > 8:
            return int(words[8]) / 100
    return 0.0


def stays_on(thread, cpu):
    try:
        return os.sched_getaffinity(thread) == {cpu}
    except OSError:
        return False


def waited_seconds(process, cpu):
    """How long a process' busiest thread of that CPU was ready to run while somebody else did."""
    tasks = list(pathlib.Path(f"/proc/{process}/task").iterdir())
    mine = [task for task in tasks if stays_on(int(task.name), cpu)] or tasks
    threads = [(first_line(task / "schedstat") or "0 0 0").split() for task in mine]
    return max(((int(words[0]), int(words[1])) for words in threads), default=(0, 0))[1] / 1e9


class Probe:
    def __init__(self, place):
        self.cpu = place.cpus[0]
        self.talk = Conversation("probe", [str(place.build / "bench" / "probe"), str(self.cpu), str(MEGABYTES)])
        self.hz = float(self.talk.ask("x", r"\S+ \S+ (\d+)\n", 60)[1])
        self.seen = []  # every reading of this run

    def read(self):
        found = self.talk.ask("x", r"(\S+) (\S+) \d+\n")
        self.seen.append(Reading(float(found[1]), float(found[2]), stolen_seconds(self.cpu)))
        return self.seen[-1]

    def range_seen(self):
        """For a person: how far the machine's speed went up and down."""
        parts = [f"{what} {min(values):.3g} to {max(values):.3g} ns" for what, values in (
            ("a multiplication took", [one.compute_ns for one in self.seen]),
            ("a load from memory", [one.memory_ns for one in self.seen])) if values]
        return ", ".join(parts)

    def end(self):
        self.talk.process.stdin.close()
        end_process(self.talk.process)


def taken_away(before, after, seconds, waited):
    """Why a window between two readings does not count, or None."""
    if after.stolen - before.stolen > STOLEN * seconds:
        return "stolen by the hypervisor"
    return "another thread on the CPU" if waited > STOLEN * seconds else None


def differ(readings):
    """Why two windows, with readings before and after each, can't be compared, or None. Slow is no reason: ratios stand it."""
    for values, limit, reason in (([one.compute_ns for one in readings], COMPUTE_DIFFERS, "computing speed changed"),
                                  ([one.memory_ns for one in readings], MEMORY_DIFFERS, "memory speed changed")):
        if max(values) > limit * min(values):
            return reason
    return None
