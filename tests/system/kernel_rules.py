# SPDX-License-Identifier: BSD-3-Clause
"""Rule sets that the kernel and portier are both given: as nft writes them, and as iptables does.

Rules alone; what stands around them differs (a hook for nft, a chain for iptables). A rule is a line, in order.
"""
import ipaddress
import random
import re

SEED = 20241

# name: (policy, rules)
NFT = {
    "web_server": ("drop", """
        tcp dport { 80, 443 } counter accept
    """),
    "ssh_from_the_lan_only": ("accept", """
        ip saddr 192.168.1.0/24 tcp dport 22 counter accept
        tcp dport ssh counter drop
    """),
    "port_ranges": ("drop", """
        tcp dport 1024-5000 counter accept
        udp sport 1-1023 udp dport 1024-65535 counter accept
        udp dport 32768-60999 counter drop
        tcp sport >= 49152 tcp dport < 1024 counter accept
        udp dport > 65534 counter drop
        meta l4proto { tcp, udp } th dport 5000-6000 counter accept
        sctp dport 1-10 counter accept
        udp dport != 4000-5000 counter accept
    """),
    "sets": ("accept", """
        ip saddr @lan tcp dport @served counter accept
        ip daddr { 192.168.1.1, 192.168.1.77, 172.16.0.0/12 } udp dport { 53, 67, 100-200, 12345 } counter drop
        ip saddr @lan ip daddr @lan counter drop
        ip6 saddr @six counter drop
        ip protocol { 1, 2, 41, 132 } counter accept
        meta l4proto { tcp, udp } ip saddr 10.0.0.0-10.0.2.255 counter drop
    """),
    "negation": ("accept", """
        ip saddr != 192.168.0.0/16 tcp dport 80 counter drop
        tcp dport != { 22, 25, 80-90, 443 } ip daddr != 10.0.0.0/8 counter drop
        ip protocol != { tcp, udp, 132 } counter drop
        udp sport != 53 udp dport != 1024-65535 counter drop
        ip6 saddr != fe80::/10 ip6 nexthdr != 17 counter drop
        meta l4proto != { 6, 17 } counter drop
        udp dport != 443 counter accept
    """),
    "ipv6": ("drop", """
        ip6 saddr fe80::/10 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } counter accept
        ip6 saddr :: counter accept
        ip6 daddr ff02::/16 udp dport { 5353, 5355, 546-547 } counter accept
        ip6 saddr 2001:db8:1::/48 ip6 daddr != 2001:db8:1::/64 counter drop
        ip6 saddr 2001:470::/32 tcp sport 80 counter accept
        ip6 daddr 2001:b07::/32 udp sport 443 counter drop
        ip6 nexthdr { 0, 43, 44, 60 } counter drop
        meta nfproto ipv6 meta l4proto 103 counter accept
        meta nfproto ipv6 udp dport 1-65535 counter accept
    """),
    "icmp": ("accept", """
        icmp type echo-request counter accept
        icmp type { echo-reply, time-exceeded } counter drop
        icmp type destination-unreachable icmp code { 1, 3 } counter drop
        icmp code 0 counter accept
        icmpv6 type nd-neighbor-solicit ip6 daddr ff02::/16 counter drop
        icmpv6 type 130-143 counter drop
        icmpv6 code != 0 counter drop
        meta l4proto icmpv6 counter accept
        ip protocol icmp counter drop
    """),
    "udp": ("drop", """
        udp dport { 53, 123, 443, 1812, 4789 } counter accept
        udp sport { 53, 443 } counter accept
        ip daddr 224.0.0.0/4 udp dport 1-65535 counter accept
        meta l4proto udp ip saddr 192.168.0.0/16 counter accept
        ip6 daddr ff00::/8 meta l4proto udp counter drop
    """),
    "overlapping_prefixes": ("drop", """
        ip saddr 192.168.1.2 counter drop
        ip saddr 192.168.1.0/25 tcp dport 80 counter accept
        ip saddr 192.168.1.0/24 counter accept
        ip saddr 192.168.0.0/16 ip daddr 192.168.0.0/16 counter drop
        ip saddr 192.168.0.0/17 counter accept
        ip daddr 10.0.0.0/8 ip saddr 0.0.0.0/1 counter accept
        ip daddr 10.0.0.0/16 counter drop
        ip saddr 172.16.0.0/12 ip daddr 172.16.0.0/16 counter drop
        ip saddr 128.0.0.0/1 udp dport 0-32767 counter accept
        ip6 saddr 2000::/3 ip6 daddr 2001::/16 counter accept
        ip6 saddr 2001:db8::/32 counter drop
        ip6 saddr ::/0 counter accept
    """),
    "tcp_flags": ("drop", """
        tcp flags & (fin | syn | rst | ack) == syn tcp dport 1-1023 counter drop
        tcp flags & (syn | ack) == (syn | ack) counter accept
        tcp flags & (fin | rst) != 0 counter drop
        tcp flags syn counter accept
        tcp flags & (psh | ack) == ack ip saddr 192.168.0.0/16 counter accept
        tcp flags == (psh | ack) counter accept
        tcp flags & ack == 0 counter drop
        meta l4proto tcp counter accept
        tcp flags != 0 counter drop
    """),
    "counting_alone": ("accept", """
        ip saddr 192.168.0.0/16 counter
        tcp dport 1-1023 counter
        udp dport 53 counter drop
        meta l4proto tcp counter
        ip saddr 10.0.0.0/8 tcp sport 80 counter drop
        meta nfproto ipv6 counter
    """),
    "rejection": ("accept", """
        tcp dport { 22, 139, 445 } counter reject
        udp dport 137-138 counter reject
        tcp dport 80 ip saddr != 192.168.0.0/16 counter reject with tcp reset
        meta l4proto 132 counter drop
    """),
    "limits": ("drop", """
        udp dport 53 limit rate 1/hour burst 7 packets counter accept
        tcp dport 80 limit rate over 2/day burst 30 packets counter drop
        meta l4proto tcp limit rate 3/hour counter accept
        meta l4proto tcp tcp dport 1-1023 counter accept
        udp dport 53 counter drop
    """),
    "vlan": ("accept", """
        vlan id 5 udp dport 1-10000 counter drop
        vlan id { 100, 200-217 } tcp dport 1-65535 counter drop
        vlan id != 1401 meta l4proto tcp counter accept
        vlan id 303 counter drop
    """),
}

SETS = """
    set lan { type ipv4_addr; flags interval; elements = { 192.168.0.0/16, 10.0.2.15, 172.16.238.0-172.16.238.200 }; }
    set served { type inet_service; flags interval; elements = { 80, 443, 1000-2000, 22 }; }
    set six { type ipv6_addr; flags interval; elements = { fe80::/10, 2001:470::/32 }; }
"""

# name: (policy, lines): "4" is iptables', "6" ip6tables', "46" one of each.
IPTABLES = {
    "web_server": ("DROP", """
        46 -p tcp --dport 80 -j ACCEPT
        46 -p tcp --dport 443 -j ACCEPT
    """),
    "ssh_from_the_lan_only": ("ACCEPT", """
        4 -p tcp -s 192.168.1.0/24 --dport 22 -j ACCEPT
        4 -p tcp --dport ssh -j DROP
        6 -p tcp --dport 22 -j DROP
    """),
    "the_classic_mistake": ("ACCEPT", """
        4 -j DROP
        4 -p tcp -s 192.168.1.0/24 --dport 22 -j ACCEPT
        6 -p tcp --dport 22 -j ACCEPT
    """),
    "port_ranges": ("DROP", """
        46 -p tcp --dport 1024:5000 -j ACCEPT
        46 -p udp --sport 1:1023 --dport 1024: -j ACCEPT
        46 -p udp --dport 32768:60999 -j DROP
        46 -p tcp --sport 49152:65535 --dport :1023 -j ACCEPT
        46 -p udp ! --dport 4000:5000 -j ACCEPT
    """),
    "multiport": ("ACCEPT", """
        46 -p tcp -m multiport --dports 22,80,443,1000:2000 -j ACCEPT
        46 -p udp -m multiport --sports 53,67,123,1812 -j DROP
        46 -p tcp -m multiport --ports 25,139,445 -j DROP
        46 -p udp -m multiport ! --dports 53,5353,4789,2152 -j DROP
    """),
    "negation": ("ACCEPT", """
        4 ! -s 192.168.0.0/16 -p tcp --dport 80 -j DROP
        4 -p tcp ! --dport 1:1023 ! -d 10.0.0.0/8 -j DROP
        4 ! -p tcp -s 192.168.1.0/24 -j DROP
        6 ! -s fe80::/10 ! -p udp -j DROP
        4 -p udp ! --sport 53 ! --dport 1024:65535 -j DROP
    """),
    "icmp": ("ACCEPT", """
        4 -p icmp --icmp-type echo-request -j ACCEPT
        4 -p icmp --icmp-type 0 -j DROP
        4 -p icmp --icmp-type destination-unreachable -j DROP
        4 -p icmp --icmp-type 3/3 -j ACCEPT
        4 -p icmp ! --icmp-type 11 -j DROP
        6 -p icmpv6 --icmpv6-type neighbour-solicitation -d ff02::/16 -j DROP
        6 -p icmpv6 --icmpv6-type 143 -j DROP
        6 -p ipv6-icmp -j ACCEPT
    """),
    "overlapping_prefixes": ("DROP", """
        4 -s 192.168.1.2 -j DROP
        4 -s 192.168.1.0/25 -p tcp --dport 80 -j ACCEPT
        4 -s 192.168.1.0/255.255.255.0 -j ACCEPT
        4 -s 192.168.0.0/16 -d 192.168.0.0/16 -j DROP
        4 -d 10.0.0.0/8 -s 0.0.0.0/1 -j ACCEPT
        4 -d 10.0.0.0/16 -j DROP
        4 -s 128.0.0.0/1 -p udp --dport 0:32767 -j ACCEPT
        6 -s 2000::/3 -d 2001::/16 -j ACCEPT
        6 -s 2001:db8::/32 -j DROP
        6 -s ::/0 -j ACCEPT
    """),
    "tcp_flags": ("DROP", """
        46 -p tcp --syn --dport 1:1023 -j DROP
        46 -p tcp --tcp-flags SYN,ACK SYN,ACK -j ACCEPT
        46 -p tcp --tcp-flags FIN FIN -j DROP
        46 -p tcp ! --tcp-flags RST RST -s %LAN% -j ACCEPT
        46 -p tcp --tcp-flags ALL PSH,ACK -j ACCEPT
        46 -p tcp --tcp-flags ALL NONE -j DROP
        46 -p tcp ! --syn -j ACCEPT
    """),
    "udp_and_others": ("DROP", """
        46 -p udp -m multiport --dports 53,123,443,1812,4789 -j ACCEPT
        4 -p udp -d 224.0.0.0/4 -j ACCEPT
        4 -p sctp --dport 1:10 -j ACCEPT
        4 -p 41 -j ACCEPT
        4 -p gre -j ACCEPT
        6 -p 103 -j ACCEPT
    """),
    "rejection": ("ACCEPT", """
        46 -p tcp -m multiport --dports 22,139,445 -j REJECT
        46 -p udp --dport 137:138 -j REJECT
        4 -p tcp --dport 80 ! -s 192.168.0.0/16 -j REJECT --reject-with tcp-reset
        46 -p tcp --dport 443 -m comment --comment "not here" -j REJECT
    """),
    "limits": ("DROP", """
        4 -p udp --dport 53 -m limit --limit 1/hour --limit-burst 7 -j ACCEPT
        4 -p tcp -m limit --limit 3/hour -j ACCEPT
        46 -p tcp --dport 1:1023 -j ACCEPT
    """),
}


def lines_of(text):
    return [line.strip() for line in text.splitlines() if line.strip()]


def nft_file(policy, rules, hook):
    """The file that both are given."""
    named = SETS if any("@" in rule for rule in rules) else ""
    body = "\n".join("\t\t" + rule for rule in rules)
    family = "inet" if any("nfproto" in rule for rule in rules) else "netdev" # nft knows nfproto in inet tables alone
    return f"table {family} filter {{\n{named}\tchain ingress {{\n\t\ttype filter hook {hook} priority 0; policy {policy};\n" \
           f"{body}\n\t}}\n}}\n"


def nft_marking(rules):
    """The same matches; what would decide leaves its number, from 1, on the packet instead and lets it pass."""
    return [re.sub(r"counter (accept|drop|reject.*)$", f"meta mark set {number} accept", rule)
            for number, rule in enumerate(rules, 1)]


def nft_verdict(rule):
    found = re.search(r"\b(accept|drop|reject)\b", rule.split("counter", 1)[1])
    return found[1] if found else None


def iptables_rules(text):
    """[(family, rest of the line)]"""
    rules = []
    for line in lines_of(text):
        families, rest = line.split(" ", 1)
        rules += [(int(family), rest.replace("%LAN%", "192.168.0.0/16" if family == "4" else "fe80::/10"))
                  for family in families]
    return rules


def iptables_file(policy, rules, chain="INPUT"):
    """Command lines, for portier."""
    program = {4: "iptables", 6: "ip6tables"}
    lines = [f"{program[family]} -P {chain} {policy}" for family in (4, 6)]
    return "\n".join(lines + [f"{program[family]} -A {chain} {rest}" for family, rest in rules]) + "\n"


def iptables_restore(policy, rules, family, chain="FORWARD"):
    """The same, for iptables-restore."""
    lines = [f"-A {chain} {rest}" for wanted, rest in rules if wanted == family]
    return "\n".join(["*filter", f":{chain} {policy} [0:0]", *lines, "COMMIT"]) + "\n"


def iptables_marking(rules, family, chain="FORWARD"):
    """The same matches, each led to a chain that leaves the rule's number on the packet and lets it pass."""
    numbered = [(number, rest) for number, (wanted, rest) in enumerate(rules, 1) if wanted == family]
    chains = [f":R{number} -" for number, _ in numbered]
    lines = [f"-A {chain} {re.sub('-j .*', f'-g R{number}', rest)}" for number, rest in numbered]
    ends = [text for number, _ in numbered for text in (f"-A R{number} -j MARK --set-mark {number}", f"-A R{number} -j ACCEPT")]
    return "\n".join(["*mangle", f":{chain} ACCEPT [0:0]", *chains, *lines, *ends, "COMMIT"]) + "\n"


def generated(packets, count=1000, seed=SEED):
    """So many rules (family, words of nft, words of iptables, verdict) about addresses and ports that occur in packets:
    mostly narrow ones first, so that many of them are met."""
    rng = random.Random(seed)
    known = list({(packet.source, packet.destination, packet.protocol, packet.ports()): packet
                  for packet in packets if packet.source and packet.protocol and not packet.odd}.values())
    return [generated_rule(rng, rng.choice(known), place / count) for place in range(count)]


def prefix(rng, address, wide):
    most = 8 * len(address)
    length = most if rng.random() > wide else rng.choice((most - 4, most - 8, most // 2, rng.randint(1, most)))
    return str(ipaddress.ip_network((address, length), strict=False))


def generated_rule(rng, packet, wide):
    """wide: 0 (names one conversation) to 1."""
    nft, tables = [], []
    ip, ports = {4: "ip", 6: "ip6"}[packet.family], packet.ports()
    protocol = {6: "tcp", 17: "udp", 132: "sctp"}.get(packet.protocol) if ports else None
    for side, option, address in (("saddr", "-s", packet.source), ("daddr", "-d", packet.destination)):
        if rng.random() > wide / 2 or (side == "saddr" and not protocol):
            text, no = prefix(rng, address, wide), rng.random() < 0.1 * wide
            nft.append(f"{ip} {side} {'!= ' if no else ''}{text}")
            tables.append(f"{'! ' if no else ''}{option} {text}")
    if protocol:
        tables.append(f"-p {protocol}")
        for side, port in (("sport", ports[0]), ("dport", ports[1])):
            if rng.random() < 0.55 or side == "dport" and "port" not in " ".join(nft):
                low, high = (port, port) if rng.random() > wide else sorted((port, rng.randint(0, 65535)))
                no = rng.random() < 0.1 * wide
                nft.append(f"{protocol} {side} {'!= ' if no else ''}{low if low == high else f'{low}-{high}'}")
                tables.append(f"{'! ' if no else ''}--{side} {low if low == high else f'{low}:{high}'}")
    if not any(word.startswith(ip + " ") for word in nft): # ports alone: both families to nft, one to iptables
        nft.insert(0, f"meta nfproto ipv{packet.family}")
    return packet.family, " ".join(nft), " ".join(tables), rng.choice(("accept", "drop"))


def generated_nft(rules):
    return [f"{words} counter {verdict}" for _, words, _, verdict in rules]


def generated_iptables(rules):
    return [(family, f"{words} -j {verdict.upper()}") for family, _, words, verdict in rules]
