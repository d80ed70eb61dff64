# SPDX-License-Identifier: BSD-3-Clause
"""The other end of a memif socket in a few lines: it is there within a millisecond, has a ring full of frames at once, and goes
when it is told to. One ring each way, in one piece of memory; the descriptors of a ring all point to the same frame."""
import mmap
import os
import socket
import struct

VERSION, COOKIE = 2 << 8, 0x3E31F20
ACK, HELLO, INIT, ADD_REGION, ADD_RING, CONNECT, CONNECTED, DISCONNECT = range(1, 9)
HEAD, TAIL, DESCRIPTORS, DESCRIPTOR_BYTES = 6, 64, 128, 16  # where a ring keeps what
LOG2_SLOTS = 12
SLOTS = 1 << LOG2_SLOTS
RING_BYTES = DESCRIPTORS + DESCRIPTOR_BYTES * SLOTS
OUT = 4096  # not at 0: there are such peers, and such rings where there are several
BACK = OUT + RING_BYTES
BUFFERS = BACK + RING_BYTES
BUFFER_BYTES = 2048
BYTES = BUFFERS + 2 * BUFFER_BYTES


def message(kind, form="", *values):
    return struct.pack("<H" + form, kind, *values).ljust(128, b"\0")


class Peer:
    """A client that is connected, and has sent nothing yet."""

    def __init__(self, path, frame):
        self.file = os.memfd_create("memif")
        os.ftruncate(self.file, BYTES)
        self.memory = mmap.mmap(self.file, BYTES)
        self.memory[BUFFERS:BUFFERS + len(frame)] = frame
        self.lay_out(OUT, len(frame), BUFFERS)
        self.lay_out(BACK, BUFFER_BYTES, BUFFERS + BUFFER_BYTES)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(f"\0{path}")
        self.shake_hands()

    def lay_out(self, ring, length, buffer):
        self.memory[ring:ring + HEAD] = struct.pack("<IH", COOKIE, 1)
        self.memory[ring + DESCRIPTORS:ring + RING_BYTES] = struct.pack("<HHIII", 0, 0, length, buffer, 0) * SLOTS

    def shake_hands(self):
        self.hear(HELLO)
        self.say(message(INIT, "HIB24s32s", VERSION, 0, 0, b"", b"test"))
        self.hear(ACK)
        self.say(message(ADD_REGION, "HQ", 0, BYTES), self.file)
        self.hear(ACK)
        for from_client, ring in ((1, OUT), (0, BACK)):
            event = os.eventfd(0)
            self.say(message(ADD_RING, "HHHIBH", from_client, 0, 0, ring, LOG2_SLOTS, 0), event)
            os.close(event)
            self.hear(ACK)
        self.say(message(CONNECT, "32s", b"test"))
        self.hear(CONNECTED)

    def say(self, what, *files):
        socket.send_fds(self.socket, [what], files)

    def hear(self, kind):
        said = self.socket.recv(128)
        if not said or struct.unpack_from("<H", said)[0] != kind:
            raise ConnectionError(f"expected message {kind}: {said[:34]}")

    def fill(self):
        """Every slot of the ring out holds a frame, every slot of the one back has room. Once."""
        struct.pack_into("<H", self.memory, BACK + HEAD, SLOTS)
        struct.pack_into("<H", self.memory, OUT + HEAD, SLOTS)

    def taken(self):
        """Frames that the other side took; the memory outlasts the connection."""
        return struct.unpack_from("<H", self.memory, OUT + TAIL)[0]

    def given(self):
        """Frames that the other side sent."""
        return struct.unpack_from("<H", self.memory, BACK + TAIL)[0]

    def leave(self):
        """Without a word, as who is killed."""
        self.socket.close()

    def forget(self):
        self.memory.close()
        os.close(self.file)
