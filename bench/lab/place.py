# SPDX-License-Identifier: BSD-3-Clause
"""Where and with what everybody runs: processors, buffers, and memory."""
import contextlib
import dataclasses
import os
import pathlib

from lab.peer import first_line

HUGEPAGE_MB = 2


@dataclasses.dataclass(frozen=True)
class Place:
    build: pathlib.Path  # of portier
    folder: pathlib.Path # for what is made and forgotten
    cpus: list           # the workers', the first one for whoever has but one
    control_cpu: int     # everything else
    buffers: int         # packets that the input holds, and some
    eal: list            # EAL arguments of everybody


def cpu_list(text):
    """As the kernel writes lists: 0-3,8."""
    cpus = []
    for part in (text or "").split(","):
        low, _, high = part.strip().partition("-")
        if low.isdigit():
            cpus += range(int(low), int(high or low) + 1)
    return cpus


def choose_cpus():
    """(workers' in the order in which they are taken, control's): isolated ones first, and the last ones before the others.
    Control's own is the last of the workers'."""
    allowed = sorted(os.sched_getaffinity(0))
    isolated = set(cpu_list(first_line("/sys/devices/system/cpu/isolated")))
    ordered = sorted(allowed, key=lambda cpu: (cpu not in isolated, -cpu))
    return ordered, ordered[-1]


@contextlib.contextmanager
def staying_on(cpu):
    """This program, and the clients that it starts meanwhile, stay off the workers' processors."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_hugepages_mb():
    return HUGEPAGE_MB * int(first_line("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages") or 0)


def available_mb():
    for line in (first_line("/proc/meminfo") or "").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    return 0


def megabytes(frames, capacity, workers=1):
    """What one program needs: a buffer a frame of the input, which the device keeps, and portier's flows."""
    return 800 + (frames * 2600 + workers * capacity * 320) // 1_000_000


def eal_arguments(needed_mb, programs=2):
    """Hugepages for all of them, or for none."""
    if free_hugepages_mb() >= programs * needed_mb:
        return ["--in-memory", "--no-pci"]
    return ["--no-huge", "-m", str(needed_mb), "--no-pci"]
