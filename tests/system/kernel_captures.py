# SPDX-License-Identifier: BSD-3-Clause
"""Frames to judge: an even sample of captures, and what is odd about each, told by its bytes alone."""
import itertools
import os
import pathlib
import struct

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FOLDER = pathlib.Path(os.environ.get("PORTIER_CAPTURES", ROOT.parent / "shared" / "captures"))
LONGEST = 65535
TAGS = (0x8100, 0x88A8, 0x9100)
IPV4, IPV6 = 0x0800, 0x86DD
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
PORTS = (6, 17, 33, 132, 136)
EXTENSIONS = (0, 43, 44, 51, 60)
SHORTEST = {TCP: 20, UDP: 8, 33: 12, 132: 12, 136: 8, ICMP: 8, ICMPV6: 4}


def records(path):
    """(seconds, bytes, length on the wire) of each record of a pcap or pcapng file, as far as it goes."""
    data = path.read_bytes()
    return pcapng_records(data) if data[:4] == b"\x0a\x0d\x0d\x0a" else pcap_records(data)


def pcap_records(data):
    magic = data[:4]
    order = ">" if magic in (b"\xa1\xb2\xc3\xd4", b"\xa1\xb2\x3c\x4d") else "<"
    fraction = 1e-9 if b"\x3c" in magic else 1e-6
    extra = 8 if magic in (b"\x34\xcd\xb2\xa1", b"\xa1\xb2\xcd\x34") else 0 # "modified" pcap
    at = 24
    while at + 16 + extra <= len(data):
        seconds, part, captured, length = struct.unpack_from(order + "IIII", data, at)
        at += 16 + extra
        if at + captured > len(data):
            return
        yield seconds + part * fraction, data[at:at + captured], length
        at += captured


def pcapng_records(data):
    at, order = 0, "<"
    while at + 12 <= len(data):
        if data[at:at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if data[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
        kind, size = struct.unpack_from(order + "II", data, at)
        if size < 12 or at + size > len(data):
            return
        if kind == 6:
            high, low, captured, length = struct.unpack_from(order + "IIII", data, at + 12)
            yield (high << 32 | low) * 1e-6, data[at + 28:at + 28 + captured], length
        elif kind == 3:
            length = struct.unpack_from(order + "I", data, at + 8)[0]
            yield 0.0, data[at + 12:at + 12 + min(length, size - 16)], length
        at += size


def tags_of(frame):
    """How many VLAN tags, and the EtherType behind them."""
    at = 12
    while len(frame) >= at + 4 and struct.unpack_from(">H", frame, at)[0] in TAGS:
        at += 4
    return (at - 12) // 4, struct.unpack_from(">H", frame, at)[0] if len(frame) >= at + 2 else 0


def is_ip(frame):
    return tags_of(frame)[1] in (IPV4, IPV6)


def even_sample(items, most):
    return items if len(items) <= most else [items[index * len(items) // most] for index in range(most)]


def whole(frame, length):
    """A frame that was cut by a snap length, filled up with zeros to the end of its datagram. Longer ones than a device can take
    (captures of what the card had yet to cut) are cut."""
    frame = frame[:LONGEST]
    at = 14 + 4 * tags_of(frame)[0]
    if length <= len(frame) or len(frame) < at + 6:
        return frame
    total = struct.unpack_from(">H", frame, at + (2 if frame[at] >> 4 == 4 else 4))[0] + (0 if frame[at] >> 4 == 4 else 40)
    return frame + bytes(max(0, min(length, at + total, LONGEST) - len(frame)))


def sample(most):
    """Some so many IP frames, evenly spread over and in all captures: [(capture, its number there, frame)]. Captures that
    have fewer than their share leave the rest unused."""
    chosen, paths = [], sorted(FOLDER.glob("*.pcap*"))
    each = max(1, most // max(1, len(paths)))
    for path in paths:
        found = [(path.name, number, whole(frame, length))
                 for number, (_, frame, length) in enumerate(records(path), 1) if is_ip(frame)]
        chosen += even_sample(found, each)
    return chosen


class Packet:
    """What the outermost IP header and the header behind it say. odd: the first reason for which two honest readers may
    differ about it, or None."""

    def __init__(self, frame):
        self.tags, self.ethertype = tags_of(frame)
        self.vlan = struct.unpack_from(">H", frame, 14)[0] & 0xFFF if self.tags else None
        self.l3 = 14 + 4 * self.tags
        self.family = 4 if self.ethertype == IPV4 else 6
        self.data = frame[self.l3:]
        self.source = self.destination = self.protocol = self.next_header = self.l4 = None
        self.fragment, self.more, self.extensions, self.options = 0, False, 0, False
        self.identification = None
        self.odd = (self.read4 if self.family == 4 else self.read6)() or self.read_transport()

    def read4(self):
        data = self.data
        if len(data) < 20 or data[0] >> 4 != 4 or data[0] & 15 < 5:
            return "no whole IP header"
        self.source, self.destination = data[12:16], data[16:20]
        self.protocol = self.next_header = data[9]
        self.l4, total, fragment = (data[0] & 15) * 4, *struct.unpack_from(">H2xH", data, 2)
        self.options, self.identification = self.l4 > 20, data[4:6]
        self.fragment, self.more = (fragment & 0x1FFF) * 8, bool(fragment & 0x2000)
        self.end = total
        if total < self.l4 or total > len(data):
            return "IP length impossible"
        return None

    def read6(self):
        data = self.data
        if len(data) < 40 or data[0] >> 4 != 6:
            return "no whole IP header"
        self.source, self.destination, self.next_header = data[8:24], data[24:40], data[6]
        self.end = 40 + struct.unpack_from(">H", data, 4)[0]
        if self.end > len(data) or (self.end == 40 and len(data) > 40 and self.next_header != 59):
            return "IP length impossible"
        at, protocol = 40, self.next_header
        while protocol in EXTENSIONS:
            self.extensions += 1
            if at + 8 > self.end:
                return "IPv6 extension header cut off"
            size = {44: 8, 51: (data[at + 1] + 2) * 4}.get(protocol, (data[at + 1] + 1) * 8)
            if protocol == 44:
                field = struct.unpack_from(">H", data, at + 2)[0]
                self.fragment, self.more = field & 0xFFF8, bool(field & 1)
                self.identification = data[at + 4:at + 8]
            if at + size > self.end:
                return "IPv6 extension header cut off"
            protocol, at = data[at], at + size
            if self.fragment:
                break
        self.protocol, self.l4 = protocol, at
        return None

    def read_transport(self):
        if self.fragment:
            return None
        data, room = self.data[self.l4:self.end], SHORTEST.get(self.protocol, 0)
        if len(data) < room:
            return "transport header cut off"
        if self.protocol == TCP and not 20 <= (data[12] >> 4) * 4 <= len(data):
            return "TCP data offset impossible"
        if self.protocol == UDP:
            length = struct.unpack_from(">H", data, 4)[0]
            if not 8 <= length <= len(data) and not self.more:
                return "UDP length impossible"
        return None

    def ports(self):
        if self.protocol not in PORTS or self.fragment or self.odd:
            return None
        return struct.unpack_from(">HH", self.data, self.l4)

    def tcp_flags(self):
        return self.data[self.l4 + 13]


def carried(frame):
    """As the kernel gets it: behind one VLAN tag, since it looks behind no more, and with a good IPv4 header checksum, since
    the bridge looks at it. portier, told to ignore checksums, gets the frame as it was."""
    tags, ethertype = tags_of(frame)
    if tags > 1:
        frame = frame[:16] + frame[12 + 4 * tags:]
    at = 14 + 4 * min(tags, 1)
    size = (frame[at] & 15) * 4 if len(frame) > at else 0
    if ethertype != IPV4 or not 20 <= size <= len(frame) - at:
        return frame
    header = bytearray(frame[at:at + size])
    header[10:12] = bytes(2)
    total = sum(struct.unpack(f">{size // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    struct.pack_into(">H", header, 10, total ^ 0xFFFF)
    return frame[:at] + bytes(header) + frame[at + size:]


def conversations(most):
    """Some so many IP frames, the first of each capture, in order: [(capture, number there, frame)]."""
    paths = sorted(FOLDER.glob("*.pcap*"))
    most = max(1, most // max(1, len(paths)))
    return [(path.name, number, whole(frame, length)) for path in paths
            for number, frame, length in itertools.islice(
                ((number, frame, length) for number, (_, frame, length) in enumerate(records(path), 1) if is_ip(frame)), most)]
