# SPDX-License-Identifier: BSD-3-Clause
"""Open vSwitch with DPDK, in a folder of its own: an instance that is installed as a service is left alone."""
import os
import pathlib
import re
import subprocess
import time

from lab.inputs import PORTS
from lab.peer import Absent, Peer, end_process, pcap_device

SWITCH = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
POOL = 250000   # packets of a capture that fit in the pool of a port (262,144 buffers, which OVS sets itself)
# Nobody answers, so that every packet is of a new connection for ever: a mark tells which were committed already.
TRACKED = ("table=0,priority=10,ip,ct_state=-trk,actions=ct(table=1)",
           "table=1,priority=20,ip,ct_mark=1,actions=resubmit(,2)",
           "table=1,priority=10,ip,ct_state=+trk,actions=ct(commit,exec(set_field:1->ct_mark)),resubmit(,2)")


def ports_needed(frames):
    return -(-frames // POOL)


class OpenVSwitch(Peer):
    """way: ports (16 of TCP and of UDP, each with an OpenFlow rule) or ct (the same behind connection tracking)."""

    def __init__(self, place, captures, way):
        if not pathlib.Path(SWITCH).exists():
            raise Absent("openvswitch-switch-dpdk is not installed")
        if os.geteuid():
            raise Absent("Open vSwitch with DPDK wants root")
        self.name, self.servers = f"OVS-DPDK {way}", []
        self.folder = place.folder / f"ovs{time.monotonic_ns()}"
        self.folder.mkdir()
        self.environment = dict(os.environ, OVS_RUNDIR=str(self.folder), OVS_LOGDIR=str(self.folder),
                                OVS_DBDIR=str(self.folder), OVS_SYSCONFDIR=str(self.folder))
        with self.ended_if_it_fails():
            self.start(place)
            self.make_bridge()
            self.make_flows(way)  # before the first packet
            self.add_sources(captures)

    def run(self, *command, seconds=60):
        done = subprocess.run(command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=seconds, check=False)
        if done.returncode:
            raise Absent(f"{' '.join(map(str, command))[:200]}: {done.stdout[-1000:]}{self.last_words()}")
        return done.stdout

    def last_words(self):
        log = self.folder / "ovs-vswitchd.log"
        return log.read_text(errors="replace")[-1500:] if log.exists() else ""

    def serve(self, *command):
        """A server in the foreground; what it says goes into its log."""
        log = open(self.folder / (pathlib.Path(command[0]).name + ".out"), "wb")
        with log:
            self.servers.append(subprocess.Popen(command, env=self.environment, cwd=self.folder, stdout=log, stderr=log))
        return self.servers[-1]

    def start(self, place):
        database, socket = self.folder / "conf.db", self.folder / "db.sock"
        self.run("ovsdb-tool", "create", str(database), SCHEMA)
        self.serve("ovsdb-server", str(database), f"--remote=punix:{socket}", f"--unixctl={self.folder}/ovsdb.ctl",
                   f"--pidfile={self.folder}/ovsdb.pid")
        self.wait_until(socket.exists)
        self.vsctl("--no-wait", "init")
        alone = ["--legacy-mem"] if "--no-huge" in place.eal else []  # else it adds --in-memory, which small pages forbid
        extra = " ".join([*place.eal, *alone, f"--file-prefix=bench_ovs_{os.getpid()}"])
        options = {"dpdk-init": "true", "dpdk-extra": extra, "dpdk-lcore-mask": hex(1 << place.control_cpu),
                   "pmd-cpu-mask": hex(1 << place.cpus[0]), "max-idle": 3600000, "flow-limit": 4000000}
        self.vsctl("--no-wait", "set", "Open_vSwitch", ".",
                   *(f'other_config:{key}="{value}"' for key, value in options.items()))
        self.process = self.serve(SWITCH, f"unix:{socket}", f"--unixctl={self.folder}/switch.ctl",
                                  f"--pidfile={self.folder}/switch.pid", f"--log-file={self.folder}/ovs-vswitchd.log")
        self.wait_until((self.folder / "switch.ctl").exists)
        self.wait_until(lambda: self.vsctl("get", "Open_vSwitch", ".", "dpdk_initialized").strip() == "true")

    def wait_until(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end or any(server.poll() is not None for server in self.servers):
                raise Absent(f"Open vSwitch did not start: {self.last_words()}")
            time.sleep(0.1)

    def vsctl(self, *arguments):
        return self.run("ovs-vsctl", f"--db=unix:{self.folder}/db.sock", "--timeout=60", *map(str, arguments), seconds=70)

    def appctl(self, *arguments):
        return self.run("ovs-appctl", f"--target={self.folder}/switch.ctl", *arguments)

    def make_bridge(self):
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "fail-mode=secure")
        self.add_port("sink", "net_null0,no-rx=1", 1500)  # else it makes packets of its own

    def add_sources(self, captures):
        """A port a capture, each of another MTU: ports of one MTU would share a pool of buffers."""
        for number, path in enumerate(captures):
            self.add_port(f"source{number}", pcap_device(number, [path]), 1500 + 1024 * number)

    def add_port(self, name, device, mtu):
        self.vsctl("add-port", "br0", name, "--", "set", "Interface", name, "type=dpdk", f"mtu_request={mtu}",
                   f'options:dpdk-devargs="{device}"')
        error = self.vsctl("get", "Interface", name, "error").strip()
        if error != "[]":
            raise Absent(f"Open vSwitch, port {name}: {error}{self.last_words()}")

    def make_flows(self, way):
        table = 2 if way == "ct" else 0
        flows = [f"table={table},priority=10,{protocol},tp_dst={port},actions=output:sink"
                 for protocol in ("tcp", "udp") for port in PORTS]
        path = self.folder / "flows"
        path.write_text("\n".join([*(TRACKED if way == "ct" else ()), *flows]) + "\n")
        self.run("ovs-ofctl", "add-flows", f"unix:{self.folder}/br0.mgmt", str(path))

    def received(self):
        return sum(map(int, re.findall(r"packets received: (\d+)", self.appctl("dpif-netdev/pmd-stats-show"))))

    def audit(self):
        """A packet that no flow wants is dropped in silence: what came in has to be in the sink, but for what is under way."""
        received, shown = self.received(), self.appctl("dpctl/show", "-s", "netdev@ovs-netdev")
        sent = re.search(r"port \d+: sink .*?TX packets:(\d+)", shown, re.DOTALL)
        if sent and int(sent[1]) >= 0.99 * received:
            return []
        return [f"{self.name} received {received} packets and sent {sent[1] if sent else 'none'} to its sink"]

    def end(self):
        for server in reversed(self.servers):
            end_process(server)
