# SPDX-License-Identifier: BSD-3-Clause
"""What nft makes of rules: it prints the kernel's instructions ("nft -c --debug=netlink"), and these run them on packets. So
two texts can be told to mean the same by nft's own word, without traffic."""
import ipaddress
import re
import struct
import subprocess

LOOKUP = re.compile(r"lookup reg (\d+) set (\S+)(?: (0x1))?")
CMP = re.compile(r"cmp (\w+) reg (\d+) (.*)")
RANGE = re.compile(r"range (\w+) reg (\d+) (.*)")
BITWISE = re.compile(r"bitwise reg (\d+) = \( reg (\d+) & (.*) \) \^ (.*)")
LOAD = re.compile(r"payload load (\d+)b @ (\w+) header \+ (\d+) => reg (\d+)")
BYTEORDER = re.compile(r"byteorder reg (\d+) = \w+\(reg (\d+), (\d+), \d+\)")
KEY = re.compile(r"(meta|ct) load (\w+) => reg (\d+)")
ELEMENT = re.compile(r"element ((?:[0-9a-f]{8} )+) : (\d) \[end\]")
HEAD_OF_RULE = re.compile(r"(?:ip|ip6|inet|netdev|bridge) \S+ \w+")
HEAD_OF_SET = re.compile(r"(\S+) \S+ ([0-9a-f]+)(?: size \d+)?")
INTERVAL = 4  # flag of a set
IGNORED = ("counter", "log", "immediate", "reject", "limit")


def data(words):
    """Bytes of a register that was printed as words."""
    return b"".join(struct.pack("<I", int(word, 16)) for word in words.split())


class Packet:
    """Headers as the kernel sees them: link, network and transport, and what it keeps beside."""

    def __init__(self, source, destination, protocol, ports=(0, 0), flags=0, icmp=(0, 0), vlan=None, interface="eth0",
                 state=8, next_header=None):
        source, destination = ipaddress.ip_address(source), ipaddress.ip_address(destination)
        ether = 0x0800 if source.version == 4 else 0x86DD
        link = bytes(12) + (struct.pack("!HHH", 0x8100, vlan, ether) if vlan is not None else struct.pack("!H", ether))
        if source.version == 4:
            network = bytes([0x45]) + bytes(8) + bytes([protocol]) + bytes(2) + source.packed + destination.packed
        else:
            network = bytes(6) + bytes([protocol if next_header is None else next_header, 64]) + \
                source.packed + destination.packed
        if protocol in (1, 58):
            transport = bytes(icmp)
        elif protocol in (6, 17, 33, 132, 136):
            transport = struct.pack("!HH", *ports) + bytes(9) + bytes([flags])
        else:
            transport = b""
        self.headers = {"link": link + bytes(32), "network": network, "transport": transport + bytes(20)}
        self.keys = {
            "nfproto": bytes([2 if source.version == 4 else 10]), "l4proto": bytes([protocol]),
            "protocol": struct.pack("!H", ether), "iiftype": struct.pack("<H", 1),
            "iifname": interface.encode().ljust(16, b"\0"), "state": struct.pack("<I", state),
        }
        self.text = f"{source}>{destination} protocol {protocol} {next_header} ports {ports} flags {flags:#x} icmp {icmp} " \
                    f"vlan {vlan} {interface} state {state}"


class Set:
    def __init__(self):
        self.interval, self.elements = False, []

    def add(self, line):
        self.elements += [(data(found[1]), int(found[2])) for found in ELEMENT.finditer(line)]
        self.elements.sort(key=lambda element: (element[0], -element[1]))

    def holds(self, value):
        """Intervals are their beginnings, and the ends (exclusive) with a flag."""
        if not self.interval:
            return any(key[:len(value)] == value for key, _ in self.elements)
        inside = False
        for key, end in self.elements:
            if key[:len(value)] > value:
                break
            inside = not end
        return inside


class Rule:
    def __init__(self, instructions, sets):
        self.instructions, self.sets = instructions, sets

    def actions(self):
        """What it does with what it matches; limits as they are."""
        return [one for one in self.instructions if one.startswith(IGNORED) and not one.startswith("counter")]

    def matches(self, packet):
        registers = {}
        return all(self.step(one, registers, packet) for one in self.instructions)

    def step(self, one, registers, packet):
        if one.startswith(IGNORED):
            return True
        if found := KEY.fullmatch(one):
            registers[found[3]] = packet.keys[found[2]]
        elif found := LOAD.fullmatch(one):
            at = int(found[3])
            registers[found[4]] = packet.headers[found[2]][at:at + int(found[1])]
        elif found := BITWISE.fullmatch(one):
            value, mask, flip = registers[found[2]], data(found[3]), data(found[4])
            registers[found[1]] = bytes((v & m) ^ f for v, m, f in zip(value, mask, flip))
        elif found := BYTEORDER.fullmatch(one):
            registers[found[1]] = registers[found[2]][::-1]
        elif found := CMP.fullmatch(one):
            return self.compare(found[1], registers[found[2]], data(found[3]))
        elif found := RANGE.fullmatch(one):
            value, bounds = registers[found[2]], data(found[3])
            low, high = bounds[:len(bounds) // 2], bounds[len(bounds) // 2:]
            inside = low[:len(value)] <= value <= high[:len(value)]
            return inside == (found[1] == "eq")
        elif found := LOOKUP.fullmatch(one):
            return self.sets[found[2]].holds(registers[found[1]]) != bool(found[3])
        else:
            raise ValueError(f"unknown instruction: {one}")
        return True

    @staticmethod
    def compare(how, value, wanted):
        if len(wanted) < len(value):  # the beginning of an interface's name
            wanted = wanted.rstrip(b"\0")
        length = min(len(value), len(wanted))
        value, wanted = value[:length], wanted[:length]
        return {"eq": value == wanted, "neq": value != wanted, "lt": value < wanted, "gt": value > wanted,
                "lte": value <= wanted, "gte": value >= wanted}[how]


def parse(printed):
    """The rules of what nft printed, in order. Sets without a name are printed in front of their rule, in the order in which
    it looks at them; of each the first line tells the kind."""
    rules, named, anonymous, current, instructions = [], {}, [], None, None
    for line in printed.splitlines():
        if "element" in line:
            current.add(line)
        elif line.startswith("  ["):
            instructions.append(line.strip()[2:-2].strip())
        elif HEAD_OF_RULE.fullmatch(line):
            instructions = []
        elif found := HEAD_OF_SET.fullmatch(line):
            if not found[1].startswith("__set"):
                current = named.setdefault(found[1], Set())
            elif " size " in line:
                current = Set()
                anonymous.append(current)
            current.interval |= bool(int(found[2], 16) & INTERVAL)
        elif instructions is not None and (not line.strip() or line.startswith("  userdata")):
            rules.append(make_rule(instructions, anonymous, named))
            anonymous, instructions = [], None
    return rules


def make_rule(instructions, anonymous, named):
    sets, renamed = dict(named), []
    for one in instructions:
        if "set __set" in one:
            name = f"#{len(sets)}"
            sets[name] = anonymous.pop(0)
            one = re.sub(r"set __set\S+", f"set {name}", one)
        renamed.append(one)
    return Rule(renamed, sets)


class Nft:
    """nft in a network namespace of its own, which it never changes: it only checks."""

    def __init__(self, namespace):
        self.command = ["ip", "netns", "exec", namespace, "nft", "-c"]

    def check(self, file):
        """None, or what nft says against a file."""
        done = subprocess.run([*self.command, "-f", file], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        return None if done.returncode == 0 else done.stderr.strip() or "refused"

    def rules(self, file):
        """(what nft says against it or None, the rules)."""
        done = subprocess.run([*self.command, "--debug=netlink", "-f", file], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)
        if done.returncode:
            return done.stderr.strip() or "refused", []
        return None, parse(done.stdout)
