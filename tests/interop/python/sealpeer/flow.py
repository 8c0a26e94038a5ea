# SPDX-License-Identifier: Apache-2.0
"""Flow control ("Flow control"): what each end may send, and a message that is sent as far as it may be."""
import struct

from .frames import END, FIRST, MAX_PIECE, MIN_PIECE, Frame, pack
from .protocol import broken

FIRST_WINDOW = 65536
MAX_WINDOW = 2**31 - 1


class Allowance:
    """Bytes that the peer takes; of a stream, or of all together."""

    def __init__(self, size):
        self.left = size

    def grow(self, size):
        self.left += size
        if self.left > MAX_WINDOW:
            raise broken('too large a window')


class Window:
    """Bytes that this end takes. What has been taken is given back in portions of half a window."""

    def __init__(self, size):
        self._size = size
        self._left = size
        self._owed = 0

    def take(self, size):
        """Counts what has come, and returns by how much the window should be opened again."""
        if size > self._left:
            raise broken('more than the window')
        self._left -= size
        self._owed += size
        if self._owed < self._size // 2:
            return 0
        increment, self._owed = self._owed, 0
        return increment

    def open(self, increment):
        self._left += increment


class Flow:
    """Both directions of a stream, or of the connection."""

    def __init__(self, allowance, window):
        self.allowance = allowance
        self.window = window


class Outgoing:
    """A message on its way. `after`: a frame that follows it; without one the message is the last of its stream."""

    def __init__(self, stream, data, allowance, after=b''):
        self._stream = stream
        self._rest = memoryview(struct.pack('!I', len(data)) + data)
        self._flags = FIRST
        self._allowance = allowance
        self._after = after

    @property
    def done(self):
        return not self._rest

    def next(self, connection):
        """The next frames, empty if nothing may be sent now."""
        size = min(MAX_PIECE, self._allowance.left, connection.left)
        piece, rest = self._rest[:size], self._rest[size:]
        if rest and size - (4 if self._flags else 0) < MIN_PIECE:
            return b''
        self._allowance.left -= len(piece)
        connection.left -= len(piece)
        self._rest = rest
        flags = self._flags | (END if not rest and not self._after else 0)
        self._flags = 0
        return pack(Frame.DATA, self._stream, bytes(piece), flags) + (b'' if rest else self._after)
