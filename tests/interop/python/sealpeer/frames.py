# SPDX-License-Identifier: Apache-2.0
"""Frames ("Records and frames")."""
import enum
import struct

from .protocol import broken

FIRST, END = 1, 2
NO_DEADLINE = 2**64 - 1
MAX_FRAME = 16384  # of one stream, header included, while others have something to send
MIN_PIECE = 1024  # of a message, in a frame that does not complete it
_HEADER = struct.Struct('!BBHQ')
MAX_PIECE = MAX_FRAME - _HEADER.size


class Frame(enum.IntEnum):
    SETTINGS = 1
    HEADERS = 2
    DATA = 3
    STATUS = 4
    RESET = 5
    PING = 6
    PONG = 7
    GOAWAY = 8
    WINDOW = 9
    METADATA = 10


_OF_STREAMS = (Frame.HEADERS, Frame.DATA, Frame.STATUS, Frame.RESET, Frame.METADATA)
_CRITICAL = 128


def pack(kind, stream, payload, flags=0):
    return _HEADER.pack(kind, flags, len(payload), stream) + payload


def parse(content):
    """The frames of a DATA record as (type, flags, stream, payload); (None, 0, 0, b'') for one of an unknown type."""
    at = 0
    while at < len(content):
        if len(content) - at < _HEADER.size:
            raise broken('a record ends inside a frame')
        kind, flags, size, stream = _HEADER.unpack_from(content, at)
        at += _HEADER.size + size
        if at > len(content):
            raise broken('a record ends inside a frame')
        if Frame.METADATA < kind < _CRITICAL:
            yield None, 0, 0, b''
            continue
        if kind not in Frame.__members__.values():
            raise broken(f'a frame of type {kind}')
        if flags & ~(FIRST | END if kind == Frame.DATA else 0):
            raise broken(f'flags {flags:#x} of frame type {kind}')
        if (stream != 0) != (kind in _OF_STREAMS) and kind != Frame.WINDOW:
            raise broken(f'a frame of type {kind} on stream {stream}')
        yield Frame(kind), flags, stream, content[at - size:at]


class Messages:
    """The messages that come on a stream. A unary call has one; any other number is the caller's affair."""

    def __init__(self, limit):
        self._limit = limit
        self._left = 0
        self.count = 0
        self.data = b''
        self.too_big = False
        self.ended = False

    def take(self, flags, payload):
        """Takes a DATA frame. Returns False for a useless one."""
        if flags & FIRST:
            payload = self._first(payload)
        elif payload:
            if self._left == 0:
                raise broken('a continuation of nothing')
        elif not flags & END:
            raise broken('an empty continuation')
        if len(payload) > self._left:
            raise broken('more than the length of the message')
        self._left -= len(payload)
        if not self.too_big:  # what is too big is dropped as it comes
            self.data += payload
        if flags & END:
            self.ended = True
            if self._left:
                raise broken('END inside a message')
        return self._left == 0 or len(payload) >= MIN_PIECE

    def _first(self, payload):
        if self._left:
            raise broken('FIRST inside a message')
        if len(payload) < 4:
            raise broken('FIRST without a length')
        self._left = int.from_bytes(payload[:4], 'big')
        if self._left and len(payload) == 4:
            raise broken('the first frame of a message has none of it')
        self.count += 1
        self.data = b''
        self.too_big = self._left > self._limit
        return payload[4:]

    @property
    def whole(self):
        """No message has begun that is not complete."""
        return self._left == 0
