# SPDX-License-Identifier: BSD-3-Clause
"""What the machine is, and what of it is not ideal for measuring."""
import dataclasses
import pathlib
import platform
import re
import time

from lab.peer import first_line, package_version
from lab.place import cpu_list, free_hugepages_mb

LOADED = 0.05   # of a processor that others use
CPU_FOLDER = "/sys/devices/system/cpu/cpu"


@dataclasses.dataclass(frozen=True)
class Fact:
    name: str
    value: str
    complaint: str = ""  # what is not ideal, and what would be


def cpu_model():
    found = re.search(r"model name\s*: (.*)", first_line("/proc/cpuinfo") or "")
    return found[1] if found else platform.machine()


def processor(cpus):
    family, model = (re.search(rf"^{key}\s*: (\d+)", first_line("/proc/cpuinfo") or "", re.MULTILINE)
                     for key in ("cpu family", "model"))
    text = cpu_model() + (f" (family {family[1]}, model {model[1]})" if family and model else "")
    count = len(list(pathlib.Path("/sys/devices/system/cpu").glob("cpu[0-9]*")))
    return Fact("processor", f"{text}, {count} CPUs", "" if len(cpus) > 2 else
                "no CPU is left for everything else while all work: figures for all of them together are too low")


def frequency(cpu):
    now = re.findall(r"cpu MHz\s*: ([\d.]+)", first_line("/proc/cpuinfo") or "")
    limit = first_line(f"{CPU_FOLDER}{cpu}/cpufreq/cpuinfo_max_freq")
    text = f"{float(now[0]):.0f} MHz" if now else "not told"
    return Fact("frequency", text + (f" of {int(limit) // 1000} MHz" if limit else ""),
                "" if limit else "the kernel does not know its limits; the compute probe watches it")


def governor(cpu):
    said = first_line(f"{CPU_FOLDER}{cpu}/cpufreq/scaling_governor")
    if said is None:
        return Fact("governor", "none", "somebody else (firmware or hypervisor) sets the frequency")
    return Fact("governor", said, "" if said == "performance" else "not performance: cpupower frequency-set -g performance")


def hugepages():
    free = free_hugepages_mb()
    return Fact("hugepages", f"{free} MB free" if free else "none",
                "" if free >= 4096 else
                "all run in small pages where these do not suffice: echo 4096 > /proc/sys/vm/nr_hugepages")


def isolation(cpu):
    isolated, quiet = (cpu_list(first_line(f"/sys/devices/system/cpu/{name}")) for name in ("isolated", "nohz_full"))
    said = [name for name, cpus in (("isolcpus", isolated), ("nohz_full", quiet)) if cpu in cpus]
    return Fact("isolation", f"CPU {cpu}: " + (" and ".join(said) or "none"),
                "" if len(said) == 2 else f"the kernel may run others there: isolcpus={cpu} nohz_full={cpu}")


def siblings(cpu):
    said = cpu_list(first_line(f"{CPU_FOLDER}{cpu}/topology/thread_siblings_list"))
    return Fact("hardware threads", "one a core" if len(said) < 2 else f"CPU {cpu} shares its core with "
                + ", ".join(str(other) for other in said if other != cpu),
                "" if len(said) < 2 else "what runs on the other one slows this one down")


def virtualisation():
    hypervisor = re.search(r"^flags\s*:.* hypervisor( |$)", first_line("/proc/cpuinfo") or "", re.MULTILINE)
    if not hypervisor:
        return Fact("virtual machine", "no")
    maker = first_line("/sys/class/dmi/id/sys_vendor") or first_line("/sys/hypervisor/type") or "of an unknown kind"
    return Fact("virtual machine", f"yes ({maker})", "neighbours take caches, memory bandwidth and frequency, and can't be seen")


def busy_seconds():
    """Processor seconds that anybody used since the machine started."""
    words = (first_line("/proc/stat") or "cpu 0 0 0 0 0").split("\n")[0].split()[1:9]
    return sum(int(word) for place, word in enumerate(words) if place not in (3, 4)) / 100


def load(seconds=2.0):
    start, before = time.monotonic(), busy_seconds()
    time.sleep(seconds)
    share = (busy_seconds() - before) / (time.monotonic() - start)
    average = (first_line("/proc/loadavg") or "?").split()[0]
    return Fact("other load", f"{100 * share:.0f} % of a CPU (load average {average})",
                "" if share < LOADED else "other programs run: stop them")


def memory():
    nodes = cpu_list(first_line("/sys/devices/system/node/online"))
    huge = re.search(r"\[(\w+)\]", first_line("/sys/kernel/mm/transparent_hugepage/enabled") or "")
    return Fact("memory", f"{len(nodes) or 1} NUMA node(s), transparent hugepages: {huge[1] if huge else 'none'}")


def software(portier_version):
    versions = [("portier", portier_version), ("Linux", platform.release())]
    versions += [(name, package_version(name)) for name in ("dpdk-dev", "openvswitch-switch-dpdk", "nftables")]
    return Fact("software", ", ".join(f"{name} {version or 'not installed'}" for name, version in versions))


def survey(cpus, portier_version):
    cpu = cpus[0]
    return [processor(cpus), frequency(cpu), governor(cpu), siblings(cpu), isolation(cpu), hugepages(), memory(),
            virtualisation(), load(), software(portier_version)]
