#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Packets per second of portier's count handler against dpdk-testpmd's 5tswap: same device, same file, same core.

One comparison of side_by_side.py, with UDP to one port. Both processes live for the whole run; one of the two is always
stopped (SIGSTOP), so that they alternate on one core in windows of a second. What counts is the median of the ratios of
neighbouring windows.
"""
import argparse
import json
import pathlib
import shlex
import statistics
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench"))
from lab import ground, inputs, peer, place, windows  # noqa: E402

CRITERION = 0.5


def show(pairs):
    mine, other = pairs.mine[-1], pairs.other[-1]
    print("%2d  portier %6.2f Mpps %6.1f ns   testpmd %6.2f Mpps   ratio %.3f" % (
        len(pairs.mine), mine / 1e6, 1e9 / mine, other / 1e6, mine / other))


def measure(options, folder):
    what = inputs.steady(options.flows, tcp=False, ports=(53,), both_ways=options.both_directions)
    at = place.Place(pathlib.Path(options.build), folder, [options.cpu], options.control_cpu, what.frames + 1024,
                     options.eal)
    captures, peers = inputs.write(what, folder), []
    try:
        for make in (lambda: peer.Testpmd(at, captures, "5tswap"), lambda: peer.Portier(at, captures, 2 * options.flows)):
            peers.append(make())
            peers[-1].pause()
        testpmd, portier = peers
        with place.staying_on(options.control_cpu):
            pairs = windows.alternate(portier, testpmd, options.pairs, options.seconds, told=show)
        portier.resume()
        return pairs, portier.ask("stats"), [one.command for one in peers]
    except peer.Absent as error:
        raise SystemExit(str(error)) from error
    finally:
        for one in peers:
            one.end()


def summary(pairs, stats, commands, options):
    ratios, quartiles = pairs.ratios(), pairs.quartiles()
    return {
        "ratio_median": statistics.median(ratios), "ratio_min": min(ratios), "ratio_max": max(ratios),
        "ratio_quartiles": [quartiles[0], quartiles[2]],
        "portier_pps_median": statistics.median(pairs.mine), "testpmd_pps_median": statistics.median(pairs.other),
        "criterion": CRITERION, "met": statistics.median(ratios) >= CRITERION,
        "frame_bytes": 60, "flows": options.flows, "both_directions": options.both_directions, "seconds": options.seconds,
        "cpu": ground.cpu_model(), "testpmd_command": commands[0], "portier_command": commands[1],
        "portier_flows": stats["flows"] if stats else None,
        "pairs": [{"portier_pps": mine, "testpmd_pps": other, "ratio": mine / other}
                  for mine, other in zip(pairs.mine, pairs.other)],
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
    lack = place.not_built(pathlib.Path(options.build), "control/portier", "control/ctl/portierctl")
    if lack:
        parser.error(lack)
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
