# SPDX-License-Identifier: BSD-3-Clause
"""What everybody is given: captures that a device replays for ever, and lists of rules."""
import dataclasses
import ipaddress
import pathlib
import random
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "scripts"))
import make_demo_capture as frames  # noqa: E402

SERVER = "192.0.2.1"
PORTS = tuple(range(5000, 5016))
CLIENTS = int(ipaddress.ip_address("10.0.0.0"))
NEWCOMERS = int(ipaddress.ip_address("100.64.0.0"))  # whose flows are new
DENIED = int(ipaddress.ip_address("172.16.0.0"))     # whom the rules deny


class Template:
    """A frame of 60 bytes (64 with the checksum that the wire adds), of which addresses and ports change."""

    def __init__(self, protocol, flags=0):
        nobody = "0.0.0.0"
        segment = frames.udp(nobody, nobody, 0, 0, b"x" * 18) if protocol == frames.UDP else \
            frames.tcp(nobody, nobody, 0, 0, 1, 1 if flags & frames.ACK else 0, flags)
        frame = frames.ethernet(frames.ipv4(nobody, nobody, protocol, segment))
        sum_at = 40 if protocol == frames.UDP else 50
        self.head, self.middle, self.tail = frame[:24], frame[38:sum_at], frame[sum_at + 2:]
        self.ip_sum, self.segment_sum = (struct.unpack_from("!H", frame, at)[0] ^ 0xFFFF for at in (24, sum_at))

    def frame(self, source, destination, sport, dport):
        """Addresses are numbers."""
        change = (source >> 16) + (source & 0xFFFF) + (destination >> 16) + (destination & 0xFFFF)
        return b"".join((self.head, struct.pack("!HIIHH", folded(self.ip_sum + change), source, destination, sport, dport),
                         self.middle, struct.pack("!H", folded(self.segment_sum + change + sport + dport)), self.tail))


def folded(total):
    total = (total & 0xFFFF) + (total >> 16)
    return ((total & 0xFFFF) + (total >> 16)) ^ 0xFFFF


@dataclasses.dataclass(frozen=True)
class Input:
    """kind: steady (one packet a flow and pass), mixed (known flows, there and back, and a share of new ones), denied."""
    kind: str
    flows: int                 # that are known; a power of two
    frames: int                # of a pass
    new_share: float = 0       # of mixed: SYNs of somebody who was not there a pass ago
    rules: int = 0             # of denied: who sends is denied by one of so many
    tcp: bool = True           # of steady: every other run of ports is TCP
    ports: tuple = PORTS
    both_ways: bool = False    # of steady


def steady(flows, **options):
    return Input("steady", flows, flows * (2 if options.get("both_ways") else 1), **options)


def client(number):
    return CLIENTS + number, 1024 + number % 60000


def steady_frames(what):
    udp, tcp, server = Template(frames.UDP), Template(frames.TCP, frames.ACK), int(ipaddress.ip_address(SERVER))
    for number in range(what.flows):
        mixed = number * 40503 % what.flows  # odd: of a power of two, each comes once
        address, port = client(mixed)
        template = tcp if what.tcp and mixed & len(what.ports) else udp
        service = what.ports[mixed % len(what.ports)]
        yield template.frame(address, server, port, service)
        if what.both_ways:
            yield template.frame(server, address, service, port)


def mixed_frames(what):
    """Known flows are UDP and answered; newcomers knock once a pass."""
    udp, syn, server = Template(frames.UDP), Template(frames.TCP, frames.SYN), int(ipaddress.ip_address(SERVER))
    chance, due = random.Random(1), 0.0
    for number in range(what.frames):
        due += what.new_share
        if due >= 1:
            due -= 1
            newcomer = NEWCOMERS + (number * 2654435761 & 0x3FFFFF)  # odd: each comes once
            yield syn.frame(newcomer, server, 1024 + chance.randrange(60000), PORTS[number % 16])
            continue
        known = number // 2 * 40503 % what.flows
        address, port = client(known)
        there = (address, server, port, PORTS[known % 16])
        yield udp.frame(*(there if number % 2 == 0 else (server, address, there[3], port)))


def denied_frames(what):
    syn, server, chance = Template(frames.TCP, frames.SYN), int(ipaddress.ip_address(SERVER)), random.Random(2)
    for number in range(what.frames):
        yield syn.frame(DENIED + chance.randrange(max(what.rules, 1)), server, 1024 + chance.randrange(60000),
                        PORTS[number % 16])


def write(what, folder, parts=1):
    """Captures that together hold the input, a part each; those that are there already are not made again."""
    paths = [folder / f"{abs(hash(what)):x}.{part}of{parts}.pcap" for part in range(parts)]
    if not all(path.exists() for path in paths):
        made = list({"steady": steady_frames, "mixed": mixed_frames, "denied": denied_frames}[what.kind](what))
        share = -(-len(made) // parts)
        for part, path in enumerate(paths):
            frames.write_capture(path, made[part * share:(part + 1) * share], step=0)
    return paths


def denied_by(number):
    return f"ip saddr {ipaddress.ip_address(DENIED + number)} tcp dport {PORTS[0]}-{PORTS[-1]}"


def rules(count, policy="accept", first=(), last=()):
    """In nft's language, which portier and the kernel both read. Each rule denies somebody else."""
    lines = [*first, *(f"{denied_by(number)} drop" for number in range(count)), *last]
    body = "".join(f"\t\t{line}\n" for line in lines)
    return f"table ip bench {{\n\tchain forward {{\n\t\ttype filter hook forward priority 0; policy {policy};\n" \
        f"{body}\t}}\n}}\n"
