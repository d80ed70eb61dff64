# SPDX-License-Identifier: BSD-3-Clause
"""Where and with what everybody runs: processors, buffers, and memory."""
import contextlib
import dataclasses
import os
import pathlib

from lab.peer import Absent, first_line

HUGEPAGE_MB = 2
PROGRAMS = 2 # that live at a time
HUGE_BUFFER, SMALL_BUFFER = 2600, 4200 # bytes a packet: in small pages a mempool lets no buffer cross one


@dataclasses.dataclass(frozen=True)
class Place:
    build: pathlib.Path  # of portier
    folder: pathlib.Path # for what is made and forgotten
    cpus: list           # the workers', the first one for whoever has but one
    control_cpu: int     # everything else
    buffers: int         # packets that the input holds, and some
    eal: list            # EAL arguments of everybody


def not_built(build, *programs):
    """What to do about the first of these that is not there; None if all are."""
    for program in programs:
        if not (build / program).exists():
            return f"{build / program} is missing: ninja -C {build} {program}"
    return None


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


def eal_arguments(frames, capacity, workers=1):
    """Memory for a buffer a frame of the input, which the device keeps, and portier's flows: in hugepages for all programs, or
    for none."""
    def megabytes(buffer):
        return 800 + (frames * buffer + workers * capacity * 320) // 1_000_000

    if free_hugepages_mb() >= PROGRAMS * megabytes(HUGE_BUFFER):
        return ["--in-memory", "--no-pci"]
    needed = megabytes(SMALL_BUFFER)
    if PROGRAMS * needed > available_mb():
        raise Absent(f"needs {PROGRAMS} times {needed} MB of memory")
    return ["--no-huge", "-m", str(needed), "--no-pci"]
