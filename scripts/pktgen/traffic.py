# SPDX-License-Identifier: BSD-3-Clause
"""What pktgen sends, packet by packet, and what portier must count of it.

pktgen fills the buffers of a pool when a port is started, one packet a buffer, and then sends the pool round and round.
In range mode it advances every range at once from one buffer to the next; a range that has passed its end begins anew.
"""
import collections
import functools
import ipaddress
import itertools
import math
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import make_demo_capture as frames  # noqa: E402  (its checksums and captures serve here too)

FCS = 4
SIZE_MIN, SIZE_MAX = 64, 1518
IMIX = [64] * 7 + [594] * 4 + [1518]  # 40, 576 and 1500 bytes of IP, 7:4:1
COUNT_MAX = 2**32 - 1  # pktgen takes 32 bits
STEP_MAX = 64  # of ports: pktgen takes a longer one for this
GTP_U = 2152  # pktgen puts a GTP-U header into packets to this port
PROTOCOLS = {"tcp": 6, "udp": 17}
FIELDS = ("src_ip", "dst_ip", "src_port", "dst_port", "size")
FLOW_FIELDS = FIELDS[:4]
PORT_CLASSES = ((1023, "system"), (49151, "user"), (65535, "dynamic"))

Pool = collections.namedtuple("Pool", "buffers in_order")


def pool_of(version):
    """The buffers of a transmit queue of pktgen's, and whether they are sent in turn. Since 24.05 a cache hands out first
    what came back last, so that a part of the pool may be all that is ever sent."""
    if version < (23, 3):
        raise ValueError("pktgen before 23.03 is not known here")
    if version < (24, 5):
        return Pool(24576, True)
    return Pool(16384 if version < (25, 8) else 32768, False)


class Range:
    """LOW, or LOW-HIGH, or LOW-HIGH+STEP of a field."""

    def __init__(self, field, text):
        self.field = field
        ends, _, step = text.partition("+")
        low, _, high = ends.partition("-")
        self.low, self.step = self.number(low), self.number(step, "a step") if step else 1
        self.high = self.number(high) if high else self.low
        self.check(text)

    def number(self, text, what=None):
        ip = self.field.endswith("_ip")
        try:
            return int(ipaddress.IPv4Address(text)) if ip and not (what and text.isdigit()) else int(text)
        except ValueError:
            raise ValueError(f"--{self.field.replace('_', '-')}: '{text}': {what or 'an IPv4 address' if ip else 'a number'}"
                             " was expected, in the form LOW, LOW-HIGH or LOW-HIGH+STEP") from None

    def check(self, text):
        name = f"--{self.field.replace('_', '-')} {text}"
        least, most = {"size": (SIZE_MIN, SIZE_MAX)}.get(self.field, (1, 65535 if "port" in self.field else 2**32 - 1))
        if not least <= self.low <= self.high <= most:
            raise ValueError(f"{name}: from {least} to {most}, the lower end first, was expected")
        if self.step < 1:
            raise ValueError(f"{name}: a step from 1 was expected")
        if "port" in self.field and self.step > STEP_MAX:
            raise ValueError(f"{name}: pktgen takes a step of more than {STEP_MAX} for {STEP_MAX}: one up to that was expected")
        if self.field.endswith("_ip") and self.period > 1 and self.high + self.step >= 2**32:
            raise ValueError(f"{name}: pktgen's sum would pass 255.255.255.255: an end before that was expected")
        if self.field == "dst_port" and GTP_U in self.values():
            raise ValueError(f"{name}: pktgen sends GTP-U to port {GTP_U}: a range without it was expected")
        if self.field == "src_ip" and (self.low >> 28 <= 0xE <= self.high >> 28 or self.high == 2**32 - 1):
            raise ValueError(f"{name}: portier drops multicast and broadcast sources (martian): a range without them was expected")

    @property
    def period(self):
        return (self.high - self.low) // self.step + 1

    def values(self):
        return range(self.low, self.low + self.period * self.step, self.step)

    def at(self, index):
        return self.low + index % self.period * self.step

    def text(self, number):
        return str(ipaddress.IPv4Address(number)) if self.field.endswith("_ip") else str(number)


Packet = collections.namedtuple("Packet", "src_ip dst_ip src_port dst_port size")


def advancing(ranges, index):
    """The packet of a buffer in range mode."""
    return Packet(*(ranges[field].at(index) for field in FIELDS))


def combined(ranges, sizes):
    """All combinations of addresses and ports once, sizes in turn beside them: what a capture holds."""
    flows = itertools.product(*(ranges[field].values() for field in reversed(FLOW_FIELDS)))
    every = [tuple(reversed(flow)) for flow in flows]
    return [Packet(*every[i % len(every)], sizes[i % len(sizes)]) for i in range(math.lcm(len(every), len(sizes)))]


def in_turn(ranges, pool, count):
    """The packets of a range run, in order: one that brings all ranges to their start (lab.lua sends it), then the pool from its
    second buffer on, for the first one came back behind all others."""
    buffers = [advancing(ranges, 1 + i) for i in range(pool.buffers)]
    yield advancing(ranges, 0)
    yield from itertools.islice(itertools.cycle(buffers), 1, count)


def flow_of(packet):
    """Both directions are one flow."""
    return tuple(sorted(((packet.src_ip, packet.src_port), (packet.dst_ip, packet.dst_port))))


def port_class(port):
    return next(name for last, name in PORT_CLASSES if port <= last)


def count(packets):
    """portier's counters after these, and nothing else, came in and all were accepted."""
    responder, classes = {}, {name: [0, 0] for _, name in PORT_CLASSES}
    for packet, times in packets.items():
        if (packet.src_ip, packet.src_port) == (packet.dst_ip, packet.dst_port):
            raise ValueError("a packet has the same address and port at both ends: portier drops that (martian)")
        traffic = classes[port_class(responder.setdefault(flow_of(packet), packet.dst_port))]
        traffic[0] += times
        traffic[1] += times * (packet.size - FCS)
    total = [sum(traffic[i] for traffic in classes.values()) for i in (0, 1)]
    return {"received": total, "flows": len(responder), "port_classes": classes}


def tally(packets):
    """How many times each different packet is sent; in the order of their first."""
    return collections.Counter(packets)


def frame(packet, protocol, macs):
    """Its bytes without FCS, sums right, filled with zeros."""
    length = packet.size - FCS - 14
    transport_length = length - 20
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, length, 0, 0x4000, 64, PROTOCOLS[protocol], 0,
                     packet.src_ip.to_bytes(4, "big"), packet.dst_ip.to_bytes(4, "big"))
    ip = ip[:10] + struct.pack("!H", frames.internet_sum(ip)) + ip[12:]
    if protocol == "udp":
        head, at = struct.pack("!HHHH", packet.src_port, packet.dst_port, transport_length, 0), 6
    else:
        head, at = struct.pack("!HHIIBBHHH", packet.src_port, packet.dst_port, 1, 1, 0x50, 0x10, 8192, 0, 0), 16
    pseudo = ip[12:20] + struct.pack("!BBH", 0, PROTOCOLS[protocol], transport_length)
    head = head[:at] + struct.pack("!H", frames.internet_sum(pseudo + head) or 0xFFFF) + head[at + 2:]
    return macs["dst_mac"] + macs["src_mac"] + b"\x08\x00" + ip + head + bytes(transport_length - len(head))


def write_capture(path, packets, protocol, macs):
    """A pcap file, a microsecond from packet to packet."""
    made = functools.cache(lambda packet: frame(packet, protocol, macs))
    frames.write_capture(path, map(made, packets))
