# SPDX-License-Identifier: BSD-3-Clause
"""The kernel's own packet path, to be asked for its verdict on single frames.

    source --veth-- near (nft: netdev ingress) -- bridge (br_netfilter: PREROUTING, FORWARD) -- far --veth-- sink

All of it stands in one network namespace. A frame is known again by its source MAC address, which no rule asks for. A
packet socket on near sees it come, before any hook; one on far sees it go, with the mark that rules gave it. The kernel
does all of that within one softirq, in order, so that when a trailing frame has come, all before it were judged.
"""
import ctypes
import os
import shutil
import socket
import struct
import subprocess
import time

import pytest
import world

ETH_P_ALL = 3
SO_RCVMARK = 75
SO_RCVBUFFORCE = 33
SO_MARK = 36
PACKET_OUTGOING = 4
MTU = 65535
BATCH = 256
TRAILER = 0xFFFFFFFF # the number of the frame that ends a batch
TO = bytes.fromhex("02bb00000001")
CLONE_NEWNET = 0x40000000


def missing(*programs):
    """What keeps the kernel from being asked, or None."""
    if not world.can_make_namespaces():
        return "needs root and network namespaces"
    absent = [name for name in programs if not shutil.which(name)]
    return f"not installed: {', '.join(absent)}" if absent else None


def make():
    """A path through this kernel, or a skipped test."""
    why = missing("ip", "nft", "sysctl")
    if why:
        pytest.skip(why)
    try:
        return KernelPath()
    except (AssertionError, OSError) as error: # no veth, no bridge
        pytest.skip(f"this kernel makes no such path: {error}")


class InNamespace:
    """Sockets that are made inside belong to the namespace for good."""

    def __init__(self, name):
        self.name, self.libc = name, ctypes.CDLL(None, use_errno=True)

    def __enter__(self):
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            self.enter(there)
        finally:
            os.close(there)

    def __exit__(self, *_):
        try:
            self.enter(self.home)
        finally:
            os.close(self.home)

    def enter(self, descriptor):
        if self.libc.setns(descriptor, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def packet_socket(device, protocol):
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
    opened.bind((device, protocol))
    return opened


def tap(device):
    opened = packet_socket(device, ETH_P_ALL)
    opened.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    opened.setsockopt(socket.SOL_SOCKET, SO_RCVMARK, 1)
    opened.setblocking(False)
    return opened


def number_of(data):
    return struct.unpack_from(">I", data, 8)[0] if data[6:8] == b"\x02\xaa" else None


def heard(opened, direction):
    """(number, mark) of each frame that a tap has seen, in one direction."""
    while True:
        try:
            data, ancillary, _, address = opened.recvmsg(64, 64)
        except BlockingIOError:
            return
        number = number_of(data)
        if number is None or (address[2] == PACKET_OUTGOING) != (direction == PACKET_OUTGOING):
            continue
        marks = [struct.unpack("I", value)[0] for level, kind, value in ancillary
                 if (level, kind) == (socket.SOL_SOCKET, SO_MARK)]
        yield number, marks[0] if marks else 0


class KernelPath:
    def __init__(self):
        self.name = f"pk{os.getpid()}{time.monotonic_ns() % 1000:03d}"
        self.sockets = []
        world.must("ip", "netns", "add", self.name)
        try:
            self.build()
            with InNamespace(self.name):
                self.source = packet_socket("source", 0)
                self.sockets.append(self.source)
                self.near, self.far = tap("near"), tap("far")
                self.sockets += [self.near, self.far]
        except BaseException:
            self.remove()
            raise

    def ip(self, words):
        world.must("ip", "-n", self.name, *words.split())

    def build(self):
        for one, other in (("source", "near"), ("far", "sink")):
            self.ip(f"link add name {one} type veth peer name {other}")
        self.ip("link add name span type bridge mcast_snooping 0 stp_state 0")
        with InNamespace(self.name):
            for device in ("source", "near", "far", "sink"):
                world.offloads_off(device)
        self.sysctl("net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
        for device in ("source", "near", "far", "sink", "span"):
            self.ip(f"link set dev {device} mtu {MTU}")
        for device in ("near", "far"):
            self.ip(f"link set dev {device} master span")
            self.ip(f"link set dev {device} type bridge_slave learning off")
        for device in ("source", "near", "far", "sink", "span"):
            self.ip(f"link set dev {device} up")

    def sysctl(self, *settings):
        """Whether the kernel has them all."""
        done = world.run(self.inside("sysctl", "-qw", *settings))
        return done.returncode == 0 and not done.stderr

    def bridge_calls(self, wanted):
        """Lets bridged packets, tagged ones too, through the IP hooks. Whether the kernel can."""
        value = int(wanted)
        return self.sysctl(*[f"net.bridge.bridge-nf-{name}={value}" for name in
                             ("call-iptables", "call-ip6tables", "filter-vlan-tagged")])

    def inside(self, *command):
        return world.inside(self.name, *command)

    def feed(self, text, *command):
        """Runs a command in the namespace with a text to read."""
        return subprocess.run(self.inside(*command), input=text, text=True, capture_output=True, timeout=60, check=False)

    def judge(self, frames):
        """{number: mark} of those frames that passed, and the numbers of those that never came to near."""
        passed, absent = {}, set()
        cpus = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cpus)}) # one backlog: what is sent in order comes in order
        try:
            for start in range(0, len(frames), BATCH):
                self.batch(frames, range(start, min(start + BATCH, len(frames))), passed, absent)
        finally:
            os.sched_setaffinity(0, cpus)
        return passed, absent

    def batch(self, frames, numbers, passed, absent):
        for number in numbers:
            self.source.send(TO + b"\x02\xaa" + struct.pack(">I", number) + frames[number][12:])
        self.source.send(TO + b"\x02\xaa" + struct.pack(">I", TRAILER) + b"\x88\xb5" + bytes(46))
        came, end = set(), time.monotonic() + 10
        while TRAILER not in came:
            came.update(number for number, _ in heard(self.near, 0))
            assert time.monotonic() < end, "the kernel lost the trailing frame"
        absent |= set(numbers) - came
        passed.update((number, mark) for number, mark in heard(self.far, PACKET_OUTGOING) if number != TRAILER)

    def remove(self):
        for opened in self.sockets:
            opened.close()
        world.run(["ip", "netns", "delete", self.name])
