# SPDX-License-Identifier: BSD-3-Clause
"""Rule sets in nft's syntax, made at random from what portier has of it, and packets that meet their edges."""
import nft_machine

ADDRESSES = ["10.0.0.0", "10.0.0.1", "10.1.2.3", "10.255.255.255", "11.0.0.0", "192.168.1.7", "192.168.2.1", "0.0.0.0",
             "255.255.255.255", "203.0.113.50"]
ADDRESSES6 = ["2001:db8::", "2001:db8::1", "2001:db8:1::5", "2001:db9::", "fe80::1", "::", "::1",
              "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]
PREFIXES = ["10.0.0.0/8", "10.0.0.1/32", "192.168.0.0/16", "192.168.1.0/24", "0.0.0.0/0", "10.1.2.3/16", "203.0.113.50/31"]
PREFIXES6 = ["2001:db8::/32", "fe80::/10", "::1/128", "::/0", "2001:db8::/127"]
PORTS = [0, 1, 22, 53, 79, 80, 81, 443, 1023, 1024, 8080, 65535]
SERVICES = ["ssh", "http", "https", "domain"]
FLAGS = ["fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"]
STATES = {"new": 8, "established": 2, "related": 4, "invalid": 1, "untracked": 64}
ICMP = ["echo-request", "echo-reply", "destination-unreachable", "time-exceeded", "redirect", 13, 200]
ICMPV6 = ["echo-request", "echo-reply", "packet-too-big", "nd-neighbor-solicit", "nd-router-advert", 255]
INTERFACES = ['"eth0"', '"eth1"', '"eth*"', '"wan0"', '"e*"', '"lo"']
PROTOCOLS = ["tcp", "udp", "icmp", "icmpv6", "sctp", "gre", 6, 17, 50, 255]
HEADERS = ["tcp", "udp", "sctp", "dccp", "udplite"]
HEADER_NUMBERS = {"tcp": 6, "udp": 17, "sctp": 132, "dccp": 33, "udplite": 136}


class Maker:
    def __init__(self, random):
        self.random = random

    def one(self, *choices):
        return self.random.choice(choices)

    def range_of(self, values):
        low, high = sorted(self.random.sample(range(len(values)), 2))
        return f"{values[low]}-{values[high]}"

    def element(self, values, ordered, prefixes):
        kind = self.random.random()
        if kind < 0.25 and ordered:
            return self.range_of(ordered)
        if kind < 0.5 and prefixes:
            return self.random.choice(prefixes)
        return str(self.random.choice(values))

    def value(self, values, ordered=None, prefixes=None):
        """An operator and its value, or none."""
        if self.random.random() < 0.4:
            count = self.random.randint(1, 4)
            members = ", ".join(self.element(values, ordered, prefixes) for _ in range(count))
            return f"{self.one('', '== ', '!= ', '')}{{ {members} }}"
        if ordered and self.random.random() < 0.15:
            return f"{self.one('<', '>', '<=', '>=', 'lt')} {self.random.choice(ordered)}"
        return f"{self.one('', '', '== ', '!= ', 'ne ')}{self.element(values, ordered, prefixes)}"

    def addresses(self, family):
        ip4 = family == "ip"
        ordered = sorted(ADDRESSES, key=lambda text: [int(part) for part in text.split(".")]) if ip4 else \
            ["::", "::1", "2001:db8::", "2001:db8::1", "2001:db8:1::5", "2001:db9::", "fe80::1"]
        return f"{family} {self.one('saddr', 'daddr')} " + \
            self.value(ADDRESSES if ip4 else ADDRESSES6, ordered, PREFIXES if ip4 else PREFIXES6)

    def ports(self, header):
        return f"{header} {self.one('sport', 'dport')} {self.value(PORTS + SERVICES, PORTS)}"

    def some_flags(self, least=1):
        return self.random.sample(FLAGS, self.random.randint(least, 4))

    def flags(self):
        plain, mask = self.some_flags(), self.some_flags(2)
        inside = self.random.sample(mask, self.random.randint(1, len(mask)))
        return "tcp flags " + self.one(
            ",".join(plain), f"== {' | '.join(plain)}", f"!= {','.join(plain)}", f"! {','.join(plain)}", f"{plain[0]}",
            f"{'|'.join(inside)} / {','.join(mask)}", f"!= {','.join(inside)} / {','.join(mask)}",
            f"& ({'|'.join(mask)}) == {'|'.join(inside)}", f"& ({' | '.join(mask)}) != {'|'.join(inside)}",
            f"& ({'|'.join(mask)}) == 0", f"& {plain[0]} != 0", f"{{ {', '.join(plain)} }}", f"!= {{ {'|'.join(plain)}, {mask[0]} }}",
            f"& ({'|'.join(mask)}) == {{ {inside[0]}, {'|'.join(mask)} }}", f"0x{self.random.randint(0, 255):x}", "== 0",
            f"& ({'|'.join(mask)}) {plain[0]}", f"{{ {plain[0]} }}", f"^ {plain[0]} == {'|'.join(mask)}",
            f"& {mask[0]}|{plain[0]} == {plain[0]}")

    def icmp(self, version):
        names = ICMP if version == "icmp" else ICMPV6
        return self.one(f"{version} type {self.value(names, [0, 3, 8, 128, 133, 136, 255])}",
                        f"{version} code {self.value([0, 1, 3, 'port-unreachable', 255], [0, 3, 4, 13])}")

    def states(self):
        some = self.random.sample(list(STATES), self.random.randint(1, 3))
        return "ct state " + self.one(",".join(some), f"{{ {', '.join(some)} }}", f"!= {some[0]}", f"!= {{ {', '.join(some)} }}",
                                      f"!= {','.join(some)}", "|".join(some), f"& ({'|'.join(some)}) != 0", f"! {','.join(some)}",
                                      f"== {some[0]}")

    def transport(self):
        kind = self.random.random()
        if kind < 0.45:
            header = self.random.choice(HEADERS[:2] if kind < 0.35 else HEADERS)
            parts = [self.ports(header) for _ in range(self.random.randint(1, 2))]
            return parts + ([self.flags()] if header == "tcp" and self.random.random() < 0.4 else [])
        if kind < 0.55:
            return [self.flags()]
        if kind < 0.7:
            return [self.icmp(self.one("icmp", "icmpv6"))]
        if kind < 0.8:
            return [f"meta l4proto {{ tcp, {self.one('udp', 'sctp')} }}", self.ports("th")]
        if kind < 0.9:
            return [f"meta l4proto {self.value(PROTOCOLS, [1, 6, 17, 58, 132])}"]
        return []

    def network(self):
        kind = self.random.random()
        if kind < 0.3:
            return [self.addresses("ip") for _ in range(self.random.randint(1, 3))]
        if kind < 0.5:
            return [self.addresses("ip6") for _ in range(self.random.randint(1, 2))]
        if kind < 0.6:
            return [f"ip protocol {self.value(PROTOCOLS, [1, 6, 17])}"]
        if kind < 0.7:
            return [f"ip6 nexthdr {self.value(PROTOCOLS, [6, 17, 58])}"]
        if kind < 0.8:
            return [f"meta nfproto {self.one('ipv4', 'ipv6', '!= ipv4', '{ ipv4, ipv6 }')}"]
        return []

    def link(self):
        kind = self.random.random()
        if kind < 0.15:
            return [f"vlan id {self.value([0, 5, 6, 100, 4095], [0, 5, 6, 100, 4095])}"]
        return [f"{self.one('', 'meta ')}iifname {self.value(INTERFACES)}"] if kind < 0.3 else []

    def statements(self):
        parts = []
        if self.random.random() < 0.15:
            parts.append(self.one("limit rate 10/second", "limit rate over 3/minute burst 7 packets", "limit rate 10 kbytes/second",
                                  "limit rate 1 mbytes/minute burst 4 kbytes", "limit rate 400/hour burst 1 packets"))
        if self.random.random() < 0.5:
            parts.append(self.one("counter", "counter packets 0 bytes 0"))
        if self.random.random() < 0.15:
            parts.append(self.one("log", 'log prefix "seen: "', 'log prefix "x" level info'))
        verdicts = ["accept", "drop", "reject", "reject with tcp reset", "reject with icmp host-unreachable",
                    "reject with icmpv6 no-route", "reject with icmpx admin-prohibited", "reject with icmp 9", ""]
        parts.append(self.random.choice(verdicts if self.random.random() < 0.4 else verdicts[:2]))
        return [part for part in parts if part] or ["accept"]

    def rule(self):
        """Matches are mostly in an order that nft takes; what it does not take, portier must not take either."""
        matches = [self.link(), self.transport(), self.network(), [self.states()] if self.random.random() < 0.2 else []]
        if self.random.random() < 0.2:
            self.random.shuffle(matches)
        parts = [part for group in matches for part in group] + self.statements()
        comment = f' comment "rule {self.random.randint(1, 9)}"' if self.random.random() < 0.1 else ""
        return " ".join(parts) + comment

    def table(self, rules, family="inet"):
        lines = "".join(f"\t\t{rule}\n" for rule in rules)
        return f"table {family} t {{\n\tchain c {{\n\t\ttype filter hook input priority 0; policy {self.one('drop', 'accept')};\n" \
               f"{lines}\t}}\n}}\n"

    def packet(self):
        ip4 = self.random.random() < 0.5
        pool = ADDRESSES if ip4 else ADDRESSES6
        protocol = self.random.choice([6, 6, 6, 17, 17, 132, 33, 136, 1 if ip4 else 58, 1, 58, 47, 50])
        edge = [min(65535, max(0, port + self.random.randint(-1, 1))) for port in (self.one(*PORTS), self.one(*PORTS))]
        return nft_machine.Packet(
            self.random.choice(pool), self.random.choice(pool), protocol, edge, self.random.choice([2, 18, 16, 17, 4, 0, 41, self.random.randint(0, 255)]),
            (self.random.choice([0, 3, 5, 8, 11, 128, 129, 133, 135, 255]), self.random.choice([0, 1, 3, 4, 13, 255])),
            self.random.choice([None, None, 0, 5, 6, 99, 100, 4095]), self.random.choice(["eth0", "eth1", "wan0", "lo", "e", "et"]),
            self.random.choice(list(STATES.values())), self.random.choice([None, None, 0, 44]))
