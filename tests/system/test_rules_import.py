# SPDX-License-Identifier: BSD-3-Clause
"""portierctl rules import against the real iptables: what iptables-save makes of a rule means the same as the rule, and what
is printed loads in nft and reads back to itself."""
import shutil
import subprocess

import pytest
import world

pytestmark = pytest.mark.meaning

# What both take.
RULES = """
iptables -A INPUT -p tcp --dport 80 -j ACCEPT
iptables -A INPUT -p tcp -m multiport --dports 80,443,8000:8080 -j ACCEPT
iptables -A INPUT -p tcp -m multiport ! --ports 80,443 -j DROP
iptables -A INPUT -p udp -m multiport --ports 53,5353 -j DROP
iptables -A INPUT -p tcp --sport 1024:65535 --dport ftp-data:ftp -j DROP
iptables -A INPUT -p udp ! --destination-port :1023 -j DROP
iptables -A INPUT -p tcp --dport 0:65535 -j DROP
iptables -A INPUT -p tcp -m tcp -j DROP
iptables -A INPUT -s 10.1.2.3/8,192.168/16 -d 192.0.2.1,192.0.2.2 -j ACCEPT
iptables -I INPUT -s 10.0.0.1,10.0.0.2 -d 192.0.2.1,192.0.2.2 -j ACCEPT
iptables -A INPUT ! -s 10.0.0.0/8 ! -d 192.168.0.0/255.255.0.0 -j DROP
iptables -A INPUT -s 0.0.0.0/0,10.0.0.1 -j ACCEPT
iptables -A INPUT -m iprange --src-range 10.0.0.1-10.0.0.9 ! --dst-range 192.0.2.1 -j ACCEPT
iptables -A INPUT -s 10.0.0.0/8 -m iprange ! --src-range 10.0.0.5-10.0.0.9 -j ACCEPT
iptables -A INPUT ! -p tcp -j DROP
iptables -A INPUT -p 4 -j DROP
iptables -A INPUT -p 94 -j DROP
iptables -A INPUT -p ax.25 -j DROP
iptables -A INPUT -p sctp --dport 5 -j ACCEPT
iptables -A INPUT -p dccp -m dccp --dport 5:9 -j ACCEPT
iptables -A INPUT -p udplite -m multiport --dports 5 -j ACCEPT
iptables -A INPUT -p tcp --syn -j DROP
iptables -A INPUT -p tcp ! --syn -j DROP
iptables -A INPUT -p tcp --tcp-flags ALL NONE -j DROP
iptables -A INPUT -p tcp --tcp-flags SYN,RST SYN,FIN -j DROP
iptables -A INPUT -p tcp ! --tcp-flags FIN,SYN NONE -j DROP
iptables -A INPUT -p icmp --icmp-type echo-request -j ACCEPT
iptables -A INPUT -p icmp --icmp-type host-unreachable -j ACCEPT
iptables -A INPUT -p icmp ! --icmp-type 3/1 -j ACCEPT
iptables -A INPUT -p icmp --icmp-type 255 -j ACCEPT
iptables -A INPUT -p icmp ! --icmp-type any -j ACCEPT
iptables -A INPUT -m state --state new,established -j ACCEPT
iptables -A INPUT -m conntrack ! --ctstate ESTABLISHED,RELATED,UNTRACKED -j DROP
iptables -A INPUT -m limit -j ACCEPT
iptables -A INPUT -m limit --limit 90/m --limit-burst 7 -j ACCEPT
iptables -A INPUT -i eth0.100 -j ACCEPT
iptables -A INPUT ! -i eth+ -j ACCEPT
iptables -A INPUT -i + -j ACCEPT
iptables -A INPUT -m comment --comment 'it "is" a \\ #1 $x; comment' -j ACCEPT
iptables -A INPUT -j LOG --log-prefix "a 'b' \\"c\\" "
iptables -A INPUT -p tcp -j REJECT --reject-with tcp-reset
iptables -A INPUT -j REJECT --reject-with icmp-net-unreachable
iptables -A INPUT -j REJECT --reject-with icmp-admin-prohibited
iptables -A INPUT -p tcp --dport=80 -w --jump DROP
iptables -A INPUT -p tcp
iptables -P INPUT DROP
ip6tables -A INPUT -s fe80::/10 -d 2001:db8::1,2001:db8::2 -p tcp --dport 22 -j ACCEPT
ip6tables -A INPUT ! -s 2001:db8::1/ffff:: -j ACCEPT
ip6tables -A INPUT -p icmpv6 --icmpv6-type 1/3 -j ACCEPT
ip6tables -A INPUT -p icmpv6 ! --icmpv6-type neighbour-solicitation -j DROP
ip6tables -A INPUT -m iprange --src-range ::1-::9 -j ACCEPT
ip6tables -A INPUT -j REJECT --reject-with icmp6-adm-prohibited
ip6tables -A INPUT -p tcp -j REJECT --reject-with tcp-reset
""".strip().splitlines()

# What neither takes.
WRONG = """
iptables -A INPUT -p tcp --dport 65536 -j ACCEPT
iptables -A INPUT -p tcp --dport 90:80 -j ACCEPT
iptables -A INPUT -p tcp --dport 80,443 -j ACCEPT
iptables -A INPUT --dport 80 -p tcp -j ACCEPT
iptables -A INPUT -p icmp --icmp-type 256 -j ACCEPT
iptables -A INPUT -p icmp -m icmp -j ACCEPT
iptables -A INPUT -p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16 -j ACCEPT
iptables -A INPUT -p tcp -m multiport --dports 80:,90 -j ACCEPT
iptables -A INPUT -m multiport --dports 80 -j ACCEPT
iptables -A INPUT -p tcp -m udp --dport 5 -j ACCEPT
iptables -A INPUT -p tcp --syn --tcp-flags ALL SYN -j ACCEPT
iptables -A INPUT -p tcp --dport 80 --dport 81 -j ACCEPT
iptables -A INPUT ! -p all -j ACCEPT
iptables -A INPUT ! -s 10.0.0.1,10.0.0.2 -j ACCEPT
iptables -A INPUT -s 10.0.0.0/33 -j ACCEPT
iptables -A INPUT -s 2001:db8::1 -j ACCEPT
iptables -A INPUT -m limit ! --limit 5/s -j ACCEPT
iptables -A INPUT -m limit --limit 20000/s -j ACCEPT
iptables -A INPUT -j REJECT --reject-with tcp-reset
iptables -A INPUT -j REJECT --reject-with icmp6-no-route
iptables -A INPUT -j accept
iptables -I INPUT 2 -j ACCEPT
iptables -P INPUT REJECT
ip6tables -A INPUT -p icmpv6 --icmpv6-type any -j ACCEPT
ip6tables -A INPUT -p icmp --icmp-type 8 -j ACCEPT
""".strip().splitlines()


def importing(portierctl, text):
    return subprocess.run([portierctl, "rules", "import", "-"], input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False, timeout=60)


def saved(line, kind):
    """What iptables-save prints when this is the only command, or None if iptables refuses it."""
    program = line.split()[0]
    real = line.replace(program, f"{program}-{kind}", 1)
    done = world.run(["unshare", "--net", "sh", "-c", f"{real} && {program}-{kind}-save"])
    return done.stdout if done.returncode == 0 else None


def works(kind):
    return shutil.which(f"iptables-{kind}") and saved("iptables -A INPUT -j ACCEPT", kind)


@pytest.fixture(scope="module", params=["legacy", "nft"])
def kind(namespaces_allowed, request):
    if not works(request.param):
        pytest.skip(f"no iptables-{request.param} that works here")
    return request.param


def test_what_iptables_saves_means_the_same(portierctl, kind):
    for line in RULES:
        straight, text = importing(portierctl, line), saved(line, kind)
        assert straight.returncode == 0, f"{line}: {straight.stderr}"
        assert text is not None, f"{line}: refused by iptables-{kind}"
        assert importing(portierctl, text).stdout == straight.stdout, f"{line}\n{text}"


def test_what_iptables_refuses_is_refused(portierctl, kind):
    for line in WRONG:
        assert saved(line, kind) is None, f"{line}: taken by iptables-{kind}"
        done = importing(portierctl, line)
        assert done.returncode == 1 and not done.stdout, f"{line}: {done.stdout}"
        assert done.stderr.startswith("standard input:1:") and "expected" in done.stderr


def test_a_whole_list_survives_iptables_save(portierctl, kind):
    """All of a family at once: order, policy and inserts too."""
    for program in ("iptables", "ip6tables"):
        lines = [line for line in RULES if line.startswith(program + " ")]
        real = "\n".join(line.replace(program, f"{program}-{kind}", 1) for line in lines)
        done = world.run(["unshare", "--net", "sh", "-ec", f"{real}\n{program}-{kind}-save -c"])
        assert done.returncode == 0, done.stderr
        assert importing(portierctl, done.stdout).stdout == importing(portierctl, "\n".join(lines)).stdout


def test_what_is_imported_loads_in_nft_and_reads_back(portierctl):
    for line in RULES:
        printed = importing(portierctl, line).stdout
        assert importing(portierctl, printed).stdout == printed
        if shutil.which("nft") and world.can_make_namespaces():
            done = subprocess.run(["unshare", "--net", "nft", "-c", "-f", "-"], input=printed, text=True, check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
            assert done.returncode == 0, f"{line}\n{printed}{done.stdout}"


def test_any_language_is_imported(portierctl, tmp_path):
    file = tmp_path / "some.rules"
    printed = set()
    for text in ("allow tcp 443 from 10.0.0.0/8\ndefault deny\n",
                 "table inet x {\n chain y {\n type filter hook input priority 0; policy drop;\n"
                 " ip saddr 10.0.0.0/8 tcp dport https accept\n }\n}\n",
                 "iptables -P INPUT DROP\niptables -A INPUT -s 10.0.0.0/8 -p tcp --dport https -j ACCEPT\n"):
        file.write_text(text)
        printed.add(world.must(portierctl, "rules", "import", str(file)))
    assert len(printed) == 1
    assert "tcp dport 443 ip saddr 10.0.0.0/8 counter accept" in printed.pop()


def test_errors_of_an_import_name_the_place(portierctl, tmp_path):
    file = tmp_path / "bad.rules"
    file.write_text("# mine\niptables -A INPUT -p tcp \\\n  --dport 80 -m mark --mark 1 -j ACCEPT\n")
    done = world.run([portierctl, "rules", "import", str(file)])
    assert done.returncode == 1
    assert done.stderr.startswith(f"{file}:3:17: got 'mark', expected a match that is known here")
    assert done.stdout == ""
