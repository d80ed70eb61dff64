#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the demo capture: the same bytes at every run, with nothing but the standard library.

usage: make_demo_capture.py FILE
"""
import ipaddress
import random
import struct
import sys

CLIENT_MAC = bytes.fromhex("020000000001")
SERVER_MAC = bytes.fromhex("020000000002")
ROUTER_MAC = bytes.fromhex("020000000003")
START_SECONDS = 1735689600  # 2025-01-01 00:00:00 UTC
SNAP_LENGTH = 65535

ICMP, TCP, UDP, SCTP, FRAGMENT, ICMPV6 = 1, 6, 17, 132, 44, 58
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
WEB, WEB6 = "203.0.113.50", "2001:db8:50::50"
DNS, DNS6 = "203.0.113.53", "2001:db8:50::53"
SSH, MAIL, NTP, SIP = "203.0.113.22", "203.0.113.25", "203.0.113.123", "203.0.113.60"
SCANNER = "198.51.100.66"


def packed(address):
    return ipaddress.ip_address(address).packed


def is_ipv4(address):
    return ":" not in address


def internet_sum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def with_checksum(source, destination, protocol, segment, offset):
    """The segment with its checksum over the pseudo header (RFC 9293, 768, 8200) put at offset."""
    pseudo = packed(source) + packed(destination)
    pseudo += struct.pack("!BBH", 0, protocol, len(segment)) if is_ipv4(source) \
        else struct.pack("!II", len(segment), protocol)
    checksum = internet_sum(pseudo + segment)
    if protocol == UDP and checksum == 0:
        checksum = 0xFFFF
    return segment[:offset] + struct.pack("!H", checksum) + segment[offset + 2:]


def tcp(source, destination, sport, dport, sequence, acknowledge, flags, data=b"", options=b""):
    header = struct.pack("!HHIIBBHHH", sport, dport, sequence & 0xFFFFFFFF, acknowledge & 0xFFFFFFFF,
                         (5 + len(options) // 4) << 4, flags, 64240, 0, 0)
    return with_checksum(source, destination, TCP, header + options + data, 16)


def udp(source, destination, sport, dport, data):
    header = struct.pack("!HHHH", sport, dport, 8 + len(data), 0)
    return with_checksum(source, destination, UDP, header + data, 6)


def icmp(kind, code, rest, data):
    header = struct.pack("!BBH", kind, code, 0) + rest + data
    return header[:2] + struct.pack("!H", internet_sum(header)) + header[4:]


def icmpv6(source, destination, kind, code, rest, data):
    return with_checksum(source, destination, ICMPV6, struct.pack("!BBH", kind, code, 0) + rest + data, 2)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def sctp(sport, dport, tag, chunk):
    packet = struct.pack("!HHII", sport, dport, tag, 0) + chunk
    return packet[:8] + struct.pack("<I", crc32c(packet)) + packet[12:]


def ipv4(source, destination, protocol, payload, ident=0, fragment=0x4000, options=b"", ihl=None,
         length=None, ttl=64, checksum=None):
    header_length = 20 + len(options)
    header = struct.pack("!BBHHHBBH4s4s", 0x40 | (header_length // 4 if ihl is None else ihl), 0,
                         header_length + len(payload) if length is None else length, ident, fragment, ttl,
                         protocol, 0, packed(source), packed(destination)) + options
    checksum = internet_sum(header) if checksum is None else checksum
    return header[:10] + struct.pack("!H", checksum) + header[12:] + payload


def ipv6(source, destination, protocol, payload, hops=64):
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload), protocol, hops, packed(source),
                       packed(destination)) + payload


def ip(source, destination, protocol, payload, ident=0):
    if is_ipv4(source):
        return ipv4(source, destination, protocol, payload, ident)
    return ipv6(source, destination, protocol, payload)


def ethernet(datagram, vlans=(), source=CLIENT_MAC, destination=SERVER_MAC, ethertype=None):
    """vlans: outermost first; more than one: the outer ones are service tags (802.1ad)."""
    if ethertype is None:
        ethertype = 0x86DD if datagram[0] >> 4 == 6 else 0x0800
    frame = destination + source
    for number, vlan in enumerate(vlans):
        frame += struct.pack("!HH", 0x8100 if number == len(vlans) - 1 else 0x88A8, vlan)
    return (frame + struct.pack("!H", ethertype) + datagram).ljust(60, b"\0")


def write_capture(path, packets, start=0, step=1, link_type=1):
    """A classic pcap file. start, step: of the packets' times, in microseconds."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link_type))
        for number, packet in enumerate(packets):
            time = start + number * step
            file.write(struct.pack("<IIII", time // 1000000, time % 1000000, len(packet), len(packet)) + packet)
    return path


class Capture:
    def __init__(self):
        self.records = []
        self.random = random.Random(20250101)
        self.ident = 0

    def below(self, limit):
        return int(self.random.random() * limit)  # random() alone is the same in every Python

    def text(self, length):
        return bytes(33 + self.below(94) for _ in range(length))

    def next_ident(self):
        self.ident = (self.ident + 1) & 0xFFFF
        return self.ident

    def frame(self, time, frame, captured=None):
        """time: microseconds from the start."""
        self.records.append((int(time), len(self.records), frame[:captured], len(frame)))

    def datagram(self, time, source, destination, protocol, payload, vlans=(), back=False):
        macs = (SERVER_MAC, CLIENT_MAC) if back else (CLIENT_MAC, SERVER_MAC)
        self.frame(time, ethernet(ip(source, destination, protocol, payload, self.next_ident()), vlans, *macs))

    def write(self, file):
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, SNAP_LENGTH, 1))
        for time, _, frame, on_wire in sorted(self.records, key=lambda record: record[:2]):
            file.write(struct.pack("<IIII", START_SECONDS + time // 1000000, time % 1000000, len(frame), on_wire))
            file.write(frame)


class Conversation:
    """A TCP connection that keeps its own sequence numbers and clock."""

    def __init__(self, capture, time, client, cport, server, sport, vlans=()):
        self.capture, self.time, self.vlans = capture, time, vlans
        self.ends = ((client, cport), (server, sport))
        self.sequence = [1 + capture.below(1 << 31), 1 + capture.below(1 << 31)]
        self.rtt = 2000 + capture.below(30000)

    def send(self, end, flags, data=b"", options=b"", acknowledge=None):
        (source, sport), (destination, dport) = self.ends[end], self.ends[1 - end]
        acknowledge = self.sequence[1 - end] if acknowledge is None else acknowledge
        self.capture.datagram(self.time, source, destination, TCP,
                              tcp(source, destination, sport, dport, self.sequence[end], acknowledge, flags, data,
                                  options), self.vlans, back=end == 1)
        self.sequence[end] += len(data) + (1 if flags & (SYN | FIN) else 0)

    def wait(self):
        self.time += self.rtt // 2

    def open(self):
        mss = struct.pack("!BBHBBBB", 2, 4, 1460, 1, 3, 3, 7)
        self.send(0, SYN, options=mss, acknowledge=0)
        self.wait()
        self.send(1, SYN | ACK, options=mss)
        self.wait()
        self.send(0, ACK)
        return self

    def say(self, end, data):
        for start in range(0, len(data), 1448):
            self.send(end, ACK | PSH, data[start:start + 1448])
            self.time += 120
        self.wait()
        self.send(1 - end, ACK)
        return self

    def close(self):
        for end in (0, 1):
            self.send(end, FIN | ACK)
            self.wait()
            self.send(1 - end, ACK)
        return self


def http(capture, time, client, cport, server, size, vlans=(), port=80):
    request = b"GET /index.html HTTP/1.1\r\nHost: www.example.net\r\nUser-Agent: demo\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
    Conversation(capture, time, client, cport, server, port, vlans).open().say(0, request) \
        .say(1, answer + capture.text(size)).close()


def https(capture, time, client, cport, server, size, vlans=()):
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    Conversation(capture, time, client, cport, server, 443, vlans).open().say(0, hello + capture.text(500)) \
        .say(1, b"\x16\x03\x03" + capture.text(2800)).say(0, b"\x17\x03\x03" + capture.text(300)) \
        .say(1, b"\x17\x03\x03" + capture.text(size)).close()


def exchange(capture, time, client, cport, server, sport, question, answer, vlans=()):
    """One UDP datagram there, one back."""
    capture.datagram(time, client, server, UDP, udp(client, server, cport, sport, question), vlans)
    if answer is not None:
        capture.datagram(time + 900 + capture.below(9000), server, client, UDP,
                         udp(server, client, sport, cport, answer), vlans, back=True)


def dns_question(capture, name, kind=1):
    labels = b"".join(struct.pack("!B", len(label)) + label.encode() for label in name.split("."))
    return struct.pack("!HHHHHH", capture.below(65536), 0x0100, 1, 0, 0, 0) + labels + \
        struct.pack("!BHH", 0, kind, 1)


def fragments(capture, source, destination, protocol, payload, size, ident):
    """The frames of one datagram cut every size bytes (a multiple of 8)."""
    frames = []
    for start in range(0, len(payload), size):
        piece, more = payload[start:start + size], start + size < len(payload)
        if is_ipv4(source):
            datagram = ipv4(source, destination, protocol, piece, ident, start // 8 | (0x2000 if more else 0))
        else:
            header = struct.pack("!BBHI", protocol, 0, start | more, ident)
            datagram = ipv6(source, destination, FRAGMENT, header + piece)
        frames.append(ethernet(datagram, (), SERVER_MAC, CLIENT_MAC))
    return frames


def three_clients_of_one_server(capture):
    for number, (client, port) in enumerate((("192.168.1.100", 54321), ("192.168.1.100", 54322),
                                             ("192.168.1.101", 54321))):
        http(capture, 1000 + 700 * number, client, port, WEB, 9000 + 3000 * number)


def web_traffic(capture):
    for number in range(20):
        client, port = "192.168.1.%d" % (10 + number % 12), 49152 + 37 * number
        client6 = "2001:db8:1::%x" % (16 + number)
        time = 200000 + 310000 * number
        http(capture, time, client, port, WEB, 500 + 900 * number)
        https(capture, time + 50000, client, port + 1, WEB, 2000 + 1300 * number)
        if number % 2:
            http(capture, time + 90000, client6, port, WEB6, 3000)
            https(capture, time + 120000, client6, port + 1, WEB6, 1000 + 500 * number)
    for number in range(6):  # the same web over a VLAN, and over QinQ
        vlans = (100,) if number < 3 else (200, 42)
        http(capture, 500000 + 400000 * number, "10.1.0.%d" % (2 + number), 50000 + number, WEB, 4000, vlans)
    http(capture, 900000, "192.168.1.14", 51515, WEB, 800, port=8080)


def other_tcp_services(capture):
    for number, client in enumerate(("192.168.1.30", "192.168.1.31", "198.51.100.7")):
        conversation = Conversation(capture, 300000 + 100000 * number, client, 40000 + number, SSH, 22).open()
        conversation.say(1, b"SSH-2.0-demo\r\n").say(0, b"SSH-2.0-client\r\n")
        for _ in range(25):
            conversation.say(0, capture.text(36 + capture.below(60))).say(1, capture.text(36 + capture.below(400)))
            conversation.time += 120000
        if number < 2:
            conversation.close()
        else:
            conversation.send(0, RST | ACK)
    mail = Conversation(capture, 700000, "192.168.1.40", 41000, MAIL, 25).open()
    for end, line in ((1, b"220 mail.example.net\r\n"), (0, b"EHLO client\r\n"), (1, b"250 OK\r\n"),
                      (0, b"QUIT\r\n"), (1, b"221 Bye\r\n")):
        mail.say(end, line)
    mail.close()
    for number in range(12):  # nobody answers on telnet
        Conversation(capture, 800000 + 150000 * number, "198.51.100.%d" % (20 + number), 33000 + number, WEB, 23) \
            .send(0, SYN, acknowledge=0)
    late = Conversation(capture, 100, "192.168.1.77", 45678, WEB, 443)  # a connection older than the capture
    for _ in range(8):
        late.say(1, capture.text(1200)).say(0, capture.text(80))
        late.time += 500000


def udp_services(capture):
    for number in range(60):
        client, name = "192.168.1.%d" % (10 + number % 25), "host%d.example.net" % number
        server = DNS
        if number % 3 == 0:
            client, server = "2001:db8:1::%x" % (16 + number), DNS6
        question = dns_question(capture, name)
        exchange(capture, 150000 + 97000 * number, client, 32768 + 211 * number, server, 53, question,
                 question + capture.text(16 + capture.below(200)))
    for number in range(10):
        exchange(capture, 250000 + 400000 * number, "192.168.1.%d" % (10 + number), 123, NTP, 123,
                 b"\x23" + bytes(47), b"\x24" + capture.text(47))
    for number in range(4):  # QUIC-like: long headers first, then short ones, many packets a flow
        client, server = ("192.168.1.%d" % (60 + number), WEB) if number % 2 else ("2001:db8:1::6%d" % number, WEB6)
        port, time = 55000 + number, 600000 + 500000 * number
        for packet in range(40):
            first = b"\xc3\0\0\0\1" if packet < 2 else b"\x43"
            exchange(capture, time + 25000 * packet, client, port, server, 443, first + capture.text(60),
                     first + capture.text(1190))
    for number in range(3):
        call = b"INVITE sip:bob@example.net SIP/2.0\r\nCall-ID: %d\r\n\r\n" % number
        exchange(capture, 450000 + 900000 * number, "192.168.1.%d" % (90 + number), 5060, SIP, 5060, call,
                 b"SIP/2.0 200 OK\r\n\r\n")
        for packet in range(60):
            exchange(capture, 500000 + 900000 * number + 20000 * packet, "192.168.1.%d" % (90 + number),
                     16384 + 2 * number, SIP, 20000 + 2 * number, b"\x80\0" + capture.text(170),
                     b"\x80\0" + capture.text(170))
    for number in range(8):
        exchange(capture, 350000 + 50000 * number, "198.51.100.%d" % (40 + number), 5000 + number, NTP, 161,
                 b"0&\2\1\1\4\6public", None)


def pings(capture):
    for number in range(10):
        rest, data = struct.pack("!HH", 0x1234, number), bytes(range(48))
        for client, server, protocol in (("192.168.1.10", WEB, ICMP), ("2001:db8:1::10", WEB6, ICMPV6)):
            time = 1000000 + 500000 * number + (5000 if protocol == ICMPV6 else 0)
            if protocol == ICMP:
                question, answer = icmp(8, 0, rest, data), icmp(0, 0, rest, data)
            else:
                question = icmpv6(client, server, 128, 0, rest, data)
                answer = icmpv6(server, client, 129, 0, rest, data)
            capture.datagram(time, client, server, protocol, question)
            capture.datagram(time + 3000, server, client, protocol, answer, back=True)


def icmp_errors(capture):
    """Each quotes a packet of a flow that the capture really holds; the last one quotes nobody's."""
    quoted = ipv4("192.168.1.10", DNS, UDP, udp("192.168.1.10", DNS, 32768 + 25 * 211, 53, b"q" * 30))
    capture.frame(2900000, ethernet(ipv4(DNS, "192.168.1.10", ICMP, icmp(3, 3, bytes(4), quoted[:28]))))
    quoted = ipv4(WEB, "192.168.1.100", TCP, tcp(WEB, "192.168.1.100", 80, 54321, 7, 7, ACK, b"x" * 1448))
    capture.frame(20000, ethernet(ipv4("192.0.2.1", WEB, ICMP, icmp(3, 4, struct.pack("!HH", 0, 1400), quoted[:28])),
                                  (), ROUTER_MAC, SERVER_MAC))
    quoted = ipv6(WEB6, "2001:db8:1::11", TCP, tcp(WEB6, "2001:db8:1::11", 80, 49152 + 37, 7, 7, ACK, b"x" * 1400))
    capture.frame(650000, ethernet(ipv6("2001:db8::1", WEB6, ICMPV6, icmpv6(
        "2001:db8::1", WEB6, 2, 0, struct.pack("!I", 1280), quoted[:1232])), (), ROUTER_MAC, SERVER_MAC))
    quoted = ipv4("192.0.2.99", "192.0.2.98", UDP, udp("192.0.2.99", "192.0.2.98", 9, 9, b"nobody"))
    capture.frame(3100000, ethernet(ipv4("192.0.2.1", "192.0.2.99", ICMP, icmp(11, 0, bytes(4), quoted[:28]))))


def fragmented_answers(capture):
    for number in range(6):
        client, server = ("192.168.1.%d" % (20 + number), DNS) if number % 2 else ("2001:db8:1::f%d" % number, DNS6)
        port, time = 60000 + number, 1200000 + 200000 * number
        question = dns_question(capture, "big%d.example.net" % number, 48)
        exchange(capture, time, client, port, server, 53, question, None)
        answer = udp(server, client, 53, port, question + capture.text(4000))
        frames = fragments(capture, server, client, UDP, answer, 1448, 0x4000 + number)
        if number >= 4:  # out of order: the later ones are there before the first
            frames.reverse()
        for position, frame in enumerate(frames):
            capture.frame(time + 4000 + 100 * position, frame)
    payload = udp(DNS, "192.168.1.24", 53, 61000, capture.text(3000))
    for position, frame in enumerate(fragments(capture, DNS, "192.168.1.24", UDP, payload, 1448, 0x5000)[1:]):
        capture.frame(2500000 + 100 * position, frame)  # its first fragment never comes
    whole = struct.pack("!BBHI", UDP, 0, 0, 7) + udp("2001:db8:1::f9", DNS6, 61001, 53, b"atomic")
    capture.frame(2600000, ethernet(ipv6("2001:db8:1::f9", DNS6, FRAGMENT, whole)))  # RFC 6946


def port_scans(capture):
    for number in range(400):
        port = 1 + (number * 389) % 1024
        segment = tcp(SCANNER, WEB, 61234, port, 0x1000 + number, 0, SYN, options=b"\2\4\5\xb4")
        capture.datagram(2000000 + 2500 * number, SCANNER, WEB, TCP, segment)
    for kind, flags in enumerate((FIN, 0, FIN | PSH | URG)):  # as nmap's -sF, -sN, -sX
        for number in range(30):
            port = 61300 + kind
            capture.datagram(3200000 + 100000 * kind + 2000 * number, SCANNER, WEB, TCP,
                             tcp(SCANNER, WEB, port, 20 + number, 77, 0, flags))


def malformed(capture):
    client, good = "192.168.1.66", udp("192.168.1.66", DNS, 7777, 53, b"hello, this is data")
    segment = tcp(client, WEB, 7000, 80, 1, 0, SYN)
    frames = [
        ethernet(ipv4(client, DNS, UDP, good, ihl=4)),
        ethernet(ipv4(client, DNS, UDP, good, length=12)),
        ethernet(ipv4(client, DNS, UDP, good, checksum=0xDEAD)),
        ethernet(ipv4(client, DNS, UDP, good), ethertype=0x86DD),
        ethernet(ipv4(client, DNS, UDP, struct.pack("!HHHH", 7777, 53, 4, 0) + b"short")),
        ethernet(ipv4(client, DNS, UDP, struct.pack("!HHHH", 7777, 53, 900, 0) + b"long")),
        ethernet(ipv4(client, WEB, TCP, segment[:12] + b"\x20" + segment[13:])),  # data offset 2
        ethernet(ipv4(client, WEB, TCP, segment[:10])),
        ethernet(ipv4(client, WEB, TCP, segment[:8], 99, 0x2000)),  # tiny first fragment
        ethernet(ipv4(client, DNS, UDP, good[:24], 100, 0x2000)),
        ethernet(ipv4(client, DNS, UDP, good[:16], 100, 0x2000 | 1)),  # overlaps the one before it
        ethernet(ipv6("2001:db8:1::66", WEB6, FRAGMENT, struct.pack("!BBHI", 60, 0, 1, 5) + b"\6\4" + bytes(6))),
        ethernet(ipv6("2001:db8:1::66", WEB6, 60, b"\x06\x20" + bytes(6))),  # extension header passes the end
        ethernet(ipv4(WEB, WEB, TCP, tcp(WEB, WEB, 80, 80, 1, 0, SYN))),  # land
        ethernet(ipv4("224.0.0.5", DNS, UDP, udp("224.0.0.5", DNS, 7777, 53, b"multicast source"))),
        ethernet(ipv4("255.255.255.255", DNS, UDP, udp("255.255.255.255", DNS, 7777, 53, b"broadcast source"))),
        ethernet(ipv4(client, WEB, TCP, tcp(client, WEB, 7000, 0, 1, 0, SYN))),
        ethernet(ipv4(client, DNS, UDP, good), vlans=range(1, 40)),
    ]
    for number, frame in enumerate(frames):
        capture.frame(3600000 + 1000 * number, frame)
    capture.frame(3700000, CLIENT_MAC[:6] + SERVER_MAC[:4])  # runt
    long = tcp("192.168.1.10", WEB, 49152, 80, 9, 9, ACK, capture.text(1400))
    capture.frame(3710000, ethernet(ipv4("192.168.1.10", WEB, TCP, long)), captured=96)


def odds_and_ends(capture):
    arp = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, CLIENT_MAC, packed("192.168.1.10"), bytes(6),
                      packed("192.168.1.1"))
    for number in range(5):
        capture.frame(1100000 * number, ethernet(arp, (), CLIENT_MAC, b"\xff" * 6, 0x0806))
        lldp = b"\x02\x07\x04" + ROUTER_MAC + b"\x04\x04\x07eth\x06\x02\0\x78\0\0"
        capture.frame(1100000 * number + 500, ethernet(lldp, (), ROUTER_MAC, bytes.fromhex("0180c200000e"), 0x88CC))
    init = struct.pack("!BBHIIHHI", 1, 0, 20, 0xABCD, 65536, 10, 10, 1)
    ack = struct.pack("!BBHIIHHI", 2, 0, 20, 0xDCBA, 65536, 10, 10, 1)
    capture.datagram(1300000, "192.168.1.50", SIP, SCTP, sctp(36412, 5060, 0, init))
    capture.datagram(1305000, SIP, "192.168.1.50", SCTP, sctp(5060, 36412, 0xABCD, ack), back=True)
    timestamp = b"\x44\x0c\x05\0" + bytes(8)
    capture.frame(1400000, ethernet(ipv4("192.168.1.51", DNS, UDP, udp("192.168.1.51", DNS, 40404, 53, b"options"),
                                         options=timestamp)))
    unchecked = struct.pack("!HHHH", 40405, 53, 8 + 11, 0) + b"no checksum"  # legal on IPv4 (RFC 768)
    capture.frame(1410000, ethernet(ipv4("192.168.1.51", DNS, UDP, unchecked)))


SCENES = (three_clients_of_one_server, web_traffic, other_tcp_services, udp_services, pings, icmp_errors,
          fragmented_answers, port_scans, malformed, odds_and_ends)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip().splitlines()[-1])
    capture = Capture()
    for scene in SCENES:
        scene(capture)
    with open(sys.argv[1], "wb") as file:
        capture.write(file)


if __name__ == "__main__":
    main()
