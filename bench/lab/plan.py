# SPDX-License-Identifier: BSD-3-Clause
"""What is compared: portier under some input, and who stands beside it."""
import dataclasses

from lab import inputs
from lab.kernel import Kernel
from lab.ovs import OpenVSwitch, ports_needed
from lab.peer import Portier, Testpmd

AGAIN = "portier again"
WITHOUT_RULES, LEFT_ALONE, ESTABLISHED = "portier without rules", "portier, rules left alone", "portier, established flows"
NONE_NEW, ONE_WORKER, NOT_MEASURED = "portier, none new", "portier, one worker", "portier, latency not measured"
MIXED_FRAMES = 1 << 20  # of a pass: the newcomers of one are forgotten before the next


@dataclasses.dataclass(frozen=True)
class Cell:
    """One portier, and peers one after the other."""
    what: str
    input: inputs.Input
    peers: tuple        # of names, see start_peer()
    rules: int = 0
    policy: str = "accept"
    workers: int = 1
    reloading: bool = False  # all the time, one list of rules after the other
    latency: int = 0         # one packet in so many is measured

    def capacity(self):
        return max(1024, 2 * self.input.flows, 2 << 20 if self.input.new_share else 0)


@dataclasses.dataclass(frozen=True)
class Mode:
    pairs: int
    seconds: float
    cells: list


TESTPMD = ("testpmd io", "testpmd 5tswap")
OVS = ("OVS-DPDK ports", "OVS-DPDK ct")
KERNEL = ("kernel nft", "kernel nft ct", "kernel veth alone")


def flow_cells(sizes, most_of_kernel):
    """Rate against number of flows. The kernel's table of connections holds 262,144 where nobody says otherwise."""
    for flows in sizes:
        peers = TESTPMD + OVS + (KERNEL if flows <= most_of_kernel else ())
        yield Cell("flows", inputs.steady(flows), ((AGAIN,) if flows == sizes[len(sizes) // 2] else ()) + peers)


def rule_cells(counts, flows):
    """Rate against number of rules, which all deny somebody else, and of a flood of which each packet is denied."""
    for count in counts:
        yield Cell("rules", inputs.steady(flows), ((WITHOUT_RULES,) if count else ()) + ("kernel nft ct",), count)
    yield Cell("rules being loaded", inputs.steady(flows), (LEFT_ALONE,), counts[-1], reloading=True)
    for count in counts:
        flood = inputs.Input("denied", 0, flows, rules=count)
        yield Cell("denied flood", flood, (ESTABLISHED, "testpmd 5tswap", "kernel nft"), count, "drop")


def new_cells(flows, frames):
    few = inputs.Input("mixed", flows, frames, new_share=0.01)
    flood = inputs.Input("mixed", min(flows, 1024), frames, new_share=0.99)
    yield Cell("1 % new flows", few, (NONE_NEW, "testpmd 5tswap"))
    yield Cell("99 % new flows", flood, ("testpmd 5tswap",))


def worker_cells(cpus, flows):
    count = 2
    while count <= cpus:
        yield Cell("workers", inputs.steady(flows), (ONE_WORKER, "testpmd 5tswap"), workers=count)
        count *= 2


def latency_cells(sizes):
    for flows in sizes:
        yield Cell("latency", inputs.steady(flows), (NOT_MEASURED,), latency=64)


def plan(mode, cpus):
    """mode: smoke (everything for a moment), quick or full."""
    if mode == "smoke":
        cells = [Cell("flows", inputs.steady(1024), (AGAIN,) + TESTPMD + OVS + KERNEL), *rule_cells((100,), 1024),
                 *latency_cells((1024,)), *new_cells(1024, 1 << 14), *worker_cells(min(cpus, 2), 1024)]
        return Mode(1, 0.05, cells)
    full = mode == "full"
    sizes = (1 << 10, 1 << 13, 1 << 16, 1 << 18, 1 << 20) if full else (1 << 10, 1 << 16, 1 << 20)
    counts = (0, 10, 100, 1000, 10000) if full else (0, 100, 10000)
    cells = [*flow_cells(sizes, 1 << 16), *rule_cells(counts, 1 << 16), *new_cells(1 << 16, MIXED_FRAMES),
             *latency_cells((1 << 10, 1 << 16, 1 << 20)), *worker_cells(cpus, 1 << 16)]
    return Mode(11, 1.0, cells) if full else Mode(5, 0.4, cells)


def start_portier(place, cell, folder, name="portier", **change):
    capacity = cell.capacity()
    cell = dataclasses.replace(cell, **change)
    capacity = max(capacity, cell.capacity())  # one thing is changed, and not the table's size with it
    listening = inputs.PORTS if cell.what != "denied flood" else ()
    rules = inputs.rules(cell.rules, cell.policy) if cell.rules or cell.policy != "accept" else None
    made = Portier(place, inputs.write(cell.input, folder, cell.workers), capacity, rules, listening, name,
                   cell.latency, cell.input.new_share > 0)
    if cell.reloading:
        with made.ended_if_it_fails():
            made.load_again_and_again([rules, inputs.rules(cell.rules, last=(inputs.denied_by(cell.rules) + " drop",))])
    return made


def start_peer(name, place, cell, folder):
    """By the name that the plan and the results call it. Raises Absent with a reason."""
    if name.startswith("testpmd"):
        return Testpmd(place, inputs.write(cell.input, folder, cell.workers), name.split()[1])
    if name.startswith("OVS"):
        return OpenVSwitch(place, inputs.write(cell.input, folder, ports_needed(cell.input.frames)), name.split()[1])
    if name.startswith("kernel"):
        return Kernel(place, inputs.write(cell.input, folder), name.partition(" ")[2], cell.rules, cell.policy,
                      cell.policy == "accept")
    change = {AGAIN: {}, WITHOUT_RULES: {"rules": 0}, ONE_WORKER: {"workers": 1}, NOT_MEASURED: {"latency": 0},
              LEFT_ALONE: {"reloading": False}, NONE_NEW: {"input": dataclasses.replace(cell.input, new_share=0)},
              ESTABLISHED: {"what": "rules", "input": inputs.steady(cell.input.frames), "policy": "accept"}}[name]
    return start_portier(place, cell, folder, name, **change)
