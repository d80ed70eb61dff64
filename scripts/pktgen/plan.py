#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Plans a lab run with Pktgen-DPDK: what it will really send, its Lua script, and what portier must have counted after it.

  plan.py fixed run --size 64 --count 10000000
  plan.py range run --src-ip 10.0.0.1-10.0.0.251 --src-port 1024-2047 --count 10000000
  plan.py pcap  run --size imix --src-ip 10.0.0.1-10.0.0.64 --src-port 1024-2047 --count 10000000

writes run.lua (for pktgen -f), run.expected.json (for verify.py) and, in mode pcap, run.pcap (for pktgen -s). A range is LOW,
LOW-HIGH or LOW-HIGH+STEP. Sizes count the frame check sequence, as pktgen's do. Only "pcap" sends all combinations of
ranges; "range" is what pktgen's range mode does.
"""
import argparse
import json
import math
import pathlib
import sys

import traffic

HERE = pathlib.Path(__file__).resolve().parent
CAPTURE_MIN = 4096  # pktgen fills a pool of at least so many buffers with a shorter capture, not to a whole number of times
CAPTURE_MAX = 2000000
WIRE_OVERHEAD = 20  # preamble and gap between frames, bytes


class Refusal(Exception):
    pass


def version(text):
    try:
        year, month = (int(part) for part in text.split(".")[:2])
        traffic.pool_of((year, month))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}': a release of pktgen from 23.03 on was expected") from None
    return year, month


def mac(text):
    parts = text.split(":")
    if len(parts) != 6 or not all(len(part) == 2 for part in parts):
        raise argparse.ArgumentTypeError(f"'{text}': a MAC address such as 02:00:00:00:00:01 was expected")
    try:
        return bytes.fromhex("".join(parts))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}': a MAC address such as 02:00:00:00:00:01 was expected") from None


def arguments(argv):
    parser = argparse.ArgumentParser(prog="plan.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=("fixed", "range", "pcap"))
    parser.add_argument("name", help="path of what is written, without its endings")
    parser.add_argument("--proto", choices=sorted(traffic.PROTOCOLS), default="udp", help="(udp); TCP: segments with ACK")
    parser.add_argument("--size", default="64", help="64 to 1518, in mode range a range, in mode pcap also imix (64)")
    parser.add_argument("--src-ip", default="10.0.0.1", help="(10.0.0.1)")
    parser.add_argument("--dst-ip", default="198.18.0.1", help="(198.18.0.1)")
    parser.add_argument("--src-port", default="1024", help="(1024)")
    parser.add_argument("--dst-port", default="53", help="(53)")
    parser.add_argument("--src-mac", type=mac, default="02:00:00:00:00:01", help="(02:00:00:00:00:01)")
    parser.add_argument("--dst-mac", type=mac, default="02:00:00:00:00:02", help="portier's interface (02:00:00:00:00:02)")
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--count", type=int, help="packets in all; default: 10 s at the rate")
    amount.add_argument("--seconds", type=float, help="as many packets as the rate makes in this time")
    parser.add_argument("--rate", type=int, default=100, help="percent of the line's (100)")
    parser.add_argument("--gbps", type=float, default=10, help="the line's gigabits a second (10); only --seconds needs it")
    parser.add_argument("--flows", type=int, help="refuse a plan that makes another number of flows")
    parser.add_argument("--handler", help="the handler that gets all of it")
    parser.add_argument("--port", type=int, default=0, help="pktgen's port (0)")
    parser.add_argument("--pktgen", type=version, default="23.03", help="its release (23.03)")
    parser.add_argument("--pool", type=int, help="buffers of a transmit queue of pktgen's (its default)")
    parser.add_argument("--capture", action="store_true", help="in modes fixed and range too, write NAME.pcap: all packets")
    return parser.parse_args(argv)


def ranges_of(given):
    texts = {field: getattr(given, field) for field in traffic.FLOW_FIELDS}
    texts["size"] = "64" if given.size == "imix" else given.size
    ranges = {field: traffic.Range(field, text) for field, text in texts.items()}
    varying = [field for field in traffic.FIELDS if ranges[field].period > 1]
    if given.size == "imix" and given.mode != "pcap":
        raise Refusal("--size imix: pktgen mixes sizes from a capture alone: mode pcap was expected")
    if given.mode == "fixed" and varying:
        raise Refusal(f"mode fixed sends one packet over and over: mode range or pcap was expected, or one {varying[0]}")
    return ranges


def line_rate(size, given):
    """Packets a second."""
    return given.gbps * 1e9 / 8 / (size + WIRE_OVERHEAD) * given.rate / 100


def count_of(given, mean_size):
    if not 1 <= given.rate <= 100:
        raise Refusal(f"--rate {given.rate}: 1 to 100 percent was expected")
    count = given.count if given.count is not None else round(line_rate(mean_size, given) * (given.seconds or 10))
    if not 2 <= count <= traffic.COUNT_MAX:
        raise Refusal(f"{count} packets: 2 to {traffic.COUNT_MAX}, as many as pktgen counts, was expected")
    return count


def repeated(packets, count):
    """How often each packet is sent if these are sent round and round until it were count."""
    whole, rest = divmod(count, len(packets))
    sent = traffic.tally(packets)
    for packet in sent:
        sent[packet] *= whole
    sent.update(packets[:rest])
    return +sent


def whole_laps(packets, least):
    return packets * max(1, -(-least // len(packets)))


class Plan:
    """ranges, count, sent: times each packet is sent; pattern: the packets in order, as long as they don't repeat."""

    def __init__(self, given):
        self.given = given
        self.ranges = ranges_of(given)
        self.pool = traffic.pool_of(given.pktgen)
        if given.pool is not None:
            if given.pool < 64:
                raise Refusal(f"--pool {given.pool}: at least 64 buffers were expected")
            self.pool = self.pool._replace(buffers=given.pool)
        self.sizes = traffic.IMIX if given.size == "imix" else list(self.ranges["size"].values())
        self.count = count_of(given, sum(self.sizes) / len(self.sizes))
        getattr(self, "plan_" + given.mode)()
        self.counted = traffic.count(self.sent)

    def plan_fixed(self):
        self.pattern = [traffic.advancing(self.ranges, 0)]
        self.sent = repeated(self.pattern, self.count)

    def plan_range(self):
        if (24, 5) <= self.given.pktgen < (24, 7):
            raise Refusal("pktgen 24.05 forgets its ranges when it starts to send: another release was expected")
        first, *lap = traffic.in_turn(self.ranges, self.pool, self.pool.buffers + 1)
        self.pattern = [first] + lap
        self.sent = traffic.tally([first])
        self.sent.update(repeated(lap, self.count - 1))

    def plan_pcap(self):
        flows = math.prod(self.ranges[field].period for field in traffic.FLOW_FIELDS)
        packets = math.lcm(flows, len(self.sizes))
        if packets > CAPTURE_MAX:
            raise Refusal(f"the capture would hold {packets} packets ({flows} flows, {len(self.sizes)} sizes): "
                          f"at most {CAPTURE_MAX} were expected")
        self.pattern = whole_laps(traffic.combined(self.ranges, self.sizes), CAPTURE_MIN)
        self.sent = repeated(self.pattern, self.count)

    def packets(self):
        """All that is sent, in order."""
        if self.given.mode == "range":
            return traffic.in_turn(self.ranges, self.pool, self.count)
        return (self.pattern[i % len(self.pattern)] for i in range(self.count))

    # Where pktgen does not send its pool in turn, only bounds are known.
    def in_turn(self):
        return self.given.mode != "range" or self.pool.in_order

    def slack(self):
        """Packets by which the order may be off: the buffer of the first packet may come back later than the model has it."""
        return int(self.given.mode == "range" and self.count > self.pool.buffers)

    def flows(self):
        flows = self.counted["flows"]
        if not self.in_turn():
            return {"min": 1, "max": flows}
        complete = not self.slack() or self.count > 2 * self.pool.buffers
        return flows if complete else {"min": flows - 1, "max": flows}

    def bytes(self, packets, exact, slack):
        """slack: packets that may be others than these."""
        sizes = [size - traffic.FCS for size in self.sizes]
        if not self.in_turn() and len(sizes) > 1:
            return {"min": packets * min(sizes), "max": packets * max(sizes)}
        return {"min": exact - slack, "max": exact + slack} if slack else exact

    def class_of_some(self, packets, total):
        if not self.in_turn():
            return {"packets": {"min": 0, "max": self.count}}
        slack = self.slack()
        return {"packets": {"min": packets - slack, "max": packets + slack} if slack else packets,
                "bytes": self.bytes(packets, total, slack * (max(self.sizes) - traffic.FCS))}

    def port_classes(self):
        classes = self.counted["port_classes"]
        whole = self.expected_of_all()
        if sum(packets > 0 for packets, _ in classes.values()) == 1:
            return {name: whole if packets else {"packets": 0, "bytes": 0} for name, (packets, _) in classes.items()}
        return {name: self.class_of_some(packets, total) for name, (packets, total) in classes.items()}

    def expected_of_all(self):
        packets, total = self.counted["received"]
        return {"packets": packets, "bytes": self.bytes(packets, total, self.slack() * (max(self.sizes) - min(self.sizes)))}

    def expected(self):
        traffic_of_all = self.expected_of_all()
        expected = {"ledger": {"received": traffic_of_all, "handed": traffic_of_all, "dropped": {"packets": 0, "bytes": 0}},
                    "flows": {"opened": self.flows()}, "port_classes": self.port_classes()}
        if self.given.handler:
            expected["handlers"] = {self.given.handler: {"handed": traffic_of_all}}
        return expected

    def asked(self):
        return math.prod(self.ranges[field].period for field in traffic.FLOW_FIELDS)

    def shared_period(self):
        return math.lcm(*(self.ranges[field].period for field in traffic.FLOW_FIELDS))


def coprime_below(period, others):
    """The longest period up to this one that has no factor in common with any of the others."""
    return next(shorter for shorter in range(period, 0, -1) if all(math.gcd(shorter, other) == 1 for other in others))


def advice(plan):
    periods = {field: plan.ranges[field].period for field in traffic.FLOW_FIELDS if plan.ranges[field].period > 1}
    taken, changed = [], []
    for field, period in sorted(periods.items(), key=lambda item: -item[1]):
        taken.append(coprime_below(period, taken))
        if taken[-1] != period:
            changed.append(f"{taken[-1]} values of {field}")
    return f"with {' and '.join(changed)} it would be {math.prod(taken)}" if changed else ""


def warnings(plan):
    """What will not be as asked, a line each."""
    given, asked, together, sent = plan.given, plan.asked(), plan.shared_period(), plan.counted["flows"]
    if given.mode != "range":
        if sent < asked:
            yield f"{sent} flows, not {asked}: the run ends before all were sent, or two directions are one flow"
        return
    if together < asked:
        periods = ", ".join(f"{plan.ranges[field].period} of {field}" for field in traffic.FLOW_FIELDS
                            if plan.ranges[field].period > 1)
        yield (f"{together} flows, not {asked}: pktgen advances all ranges at once ({periods}), so that they repeat after the "
               f"least common multiple of their periods; {advice(plan)}; mode pcap sends all combinations")
    if sent < together:
        yield (f"{sent} flows, not {together}: no more packets are made than the pool has buffers ({plan.pool.buffers}) or the "
               f"run has packets ({plan.count}), or two directions are one flow; mode pcap has no such pool")
    if not plan.pool.in_order and sent > 1:
        yield (f"up to {sent} flows: this pktgen sends what came back last before the rest of its pool, so that it may be some "
               "hundreds; mode pcap sends all in turn")


def lua_value(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {lua_value(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)


def lua_range(one):
    return {"start": one.text(one.low) if one.field.endswith("_ip") else one.low,
            "max": one.text(one.at(one.period - 1)) if one.field.endswith("_ip") else one.at(one.period - 1),
            "inc": (one.text(one.step) if one.period > 1 else "0.0.0.0") if one.field.endswith("_ip") else
            (one.step if one.period > 1 else 0)}


def lua(plan):
    given = plan.given
    run = {"port": str(given.port), "mode": given.mode, "proto": given.proto, "count": plan.count, "rate": given.rate,
           "src_mac": given.src_mac.hex(":"), "dst_mac": given.dst_mac.hex(":")}
    fields = {field: lua_range(plan.ranges[field]) for field in traffic.FIELDS}
    lines = [f"\t{key} = {lua_value(value)}," for key, value in {**run, **fields}.items()]
    return (f"-- SPDX-License-Identifier: BSD-3-Clause\n-- {describe(plan)}\n"
            f"package.path = {json.dumps(str(HERE) + '/?.lua')} .. \";\" .. package.path\n"
            'require("lab").run {\n' + "\n".join(lines) + "\n}\n")


def describe(plan):
    packets, total = plan.counted["received"]
    sizes = "IMIX" if plan.given.size == "imix" else plan.given.size
    return (f"{plan.given.mode}: {packets} packets of {sizes} bytes, {'' if plan.in_turn() else 'up to '}"
            f"{plan.counted['flows']} flows, {total} bytes without FCS")


def write(plan):
    name, given = plan.given.name, plan.given
    pathlib.Path(name + ".lua").write_text(lua(plan))
    pathlib.Path(name + ".expected.json").write_text(json.dumps(
        {"run": describe(plan), "exact": plan.in_turn(), "expected": plan.expected()}, indent=2) + "\n")
    if given.mode == "pcap" or given.capture:
        packets = plan.pattern if given.mode == "pcap" and not given.capture else plan.packets()
        traffic.write_capture(name + ".pcap", packets, given.proto, {"src_mac": given.src_mac, "dst_mac": given.dst_mac})


def main(argv):
    given = arguments(argv)
    try:
        plan = Plan(given)
        for line in warnings(plan):
            print(f"plan.py: warning: {line}", file=sys.stderr)
        if given.flows is not None and given.flows != plan.counted["flows"]:
            raise Refusal(f"--flows {given.flows}: this makes {plan.counted['flows']}")
        if given.capture and plan.count > CAPTURE_MAX:
            raise Refusal(f"--capture: {plan.count} packets, at most {CAPTURE_MAX} were expected")
        write(plan)
    except (Refusal, ValueError, OSError) as why:
        print(f"plan.py: {why}", file=sys.stderr)
        return 1
    print(describe(plan))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
