# SPDX-License-Identifier: Apache-2.0
"""A server whose handlers answer at once."""
import collections
import struct

from . import metadata
from .frames import END, Frame, pack
from .flow import FIRST_WINDOW
from .protocol import CallFailed, Code, Failure, Reader, broken
from .rpc import (CONNECTION_WINDOW, CRITICAL, EXECUTED, METADATA, NOT_EXECUTED, Answer, End, parse_extensions,
                  parse_reset)

MAX_STREAMS = 8
MAX_HEADERS = 10240
MAX_METHODS = 4096
MAX_NAME = 1024
MAX_NAMES = 256 * 1024
LATE_STREAMS = 1024
ATTEMPT = 2  # type of an extension of HEADERS

INVALID_ARGUMENT, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL = 3, 4, 8, 12, 13


class Server(End):
    """Serves one connection. `methods` maps names to functions of request and metadata that return an Answer.

    `drain_after`: sends the client away, in two phases, after so many calls.
    """

    def __init__(self, channel, methods, drain_after=None):
        window = MAX_STREAMS * FIRST_WINDOW
        super().__init__(channel, struct.pack('!HIHI', 1, MAX_STREAMS, CONNECTION_WINDOW, window), window)
        self._methods = methods
        self._names = []
        self._names_size = 0
        self._requests = {}  # method and metadata of those that are not answered
        self._late = collections.OrderedDict()
        self._until_drain = drain_after
        self._last_taken = 2**64 - 1

    def run(self):
        while self._receive():
            if self._last_taken < 2**64 - 1 and not self._calls and not self._closing:
                self._close()
        self._channel.close()

    # ---- Frames of streams

    def _stream_frame(self, kind, flags, stream, payload):
        if stream > self._last_taken:
            return  # it has crossed the GOAWAY
        if kind == Frame.HEADERS:
            self._headers(stream, payload)
        elif kind in (Frame.STATUS, Frame.METADATA) or stream > self._last:
            raise broken(f'{kind.name} for stream {stream}')
        elif kind == Frame.RESET:
            self._reset(stream, parse_reset(payload))
        elif stream in self._requests:
            self._data(stream, flags, payload)
        elif stream in self._calls:
            raise broken(f'DATA for stream {stream} after its end')
        elif stream in self._late:
            if flags & END:
                del self._late[stream]
        else:
            self._budget.spend()

    def _headers(self, stream, payload):
        if stream != self._last + 1:
            raise broken(f'stream {stream} follows {self._last}')
        self._open()
        method, timeout, extensions = self._parse_headers(payload)
        entries = _parse_metadata(extensions.pop(METADATA, b''))
        if len(extensions.pop(ATTEMPT, b'\1')) != 1:
            raise broken('a malformed attempt')
        refusal = None
        if len(payload) > MAX_HEADERS:
            refusal = RESOURCE_EXHAUSTED, 'too many bytes of HEADERS'
        elif entries is None:
            refusal = INVALID_ARGUMENT, 'broken metadata'
        elif timeout == 0:
            refusal = DEADLINE_EXCEEDED, 'no time left'
        elif any(kind >= CRITICAL for kind in extensions):
            refusal = UNIMPLEMENTED, 'a critical extension'
        elif method not in self._methods:
            refusal = UNIMPLEMENTED, 'no such method'
        elif len(self._calls) > MAX_STREAMS:
            refusal = RESOURCE_EXHAUSTED, 'too many calls on this connection'
        if refusal:
            self._refuse(stream, *refusal)
            self._make_late(stream)
        else:
            self._requests[stream] = method, entries

    def _parse_headers(self, payload):
        """Returns (method, timeout, extensions); the method is None if its name cannot be one."""
        reader = Reader(payload)
        number, timeout = reader.uint(4), reader.uint(8)
        name = reader.take(reader.uint(2))
        if number == len(self._names) + 1 and number <= MAX_METHODS:
            self._names.append(self._method(name))
        elif not 1 <= number <= len(self._names) or name:
            raise broken(f'method number {number}')
        return self._names[number - 1], timeout, parse_extensions(reader)

    def _method(self, name):
        self._names_size += len(name)
        if not 1 <= len(name) <= MAX_NAME or b'\0' in name or self._names_size > MAX_NAMES:
            return None
        return name.decode('utf-8', 'replace')

    def _data(self, stream, flags, payload):
        messages = self._calls[stream].messages
        if not messages.take(flags, payload):
            self._budget.spend()
        if messages.too_big:
            self._refuse(stream, RESOURCE_EXHAUSTED, 'the request is too big')
            if not messages.ended:
                self._make_late(stream)
        elif messages.ended:
            self._run(stream, *self._requests.pop(stream), messages)

    def _reset(self, stream, reason):
        """The client takes no interest any more: what is left of an answer is not sent."""
        if reason != 1:
            self._budget.spend()
        self._requests.pop(stream, None)
        if self._forget(stream) is None and self._late.pop(stream, False) is False and reason == 1:
            self._budget.spend()

    def _make_late(self, stream):
        self._late[stream] = True
        if len(self._late) > LATE_STREAMS:
            self._late.popitem(last=False)

    # ---- Answers

    def _run(self, stream, method, entries, messages):
        if messages.count != 1:
            self._refuse(stream, UNIMPLEMENTED, 'the method takes one message')
            return
        try:
            answer = self._methods[method](messages.data, entries)
        except CallFailed as failure:
            answer = Answer(INTERNAL, EXECUTED, str(failure))
        self._answer(stream, answer)
        if self._until_drain is not None:
            self._until_drain -= 1
            if self._until_drain == 0:
                self._send([self._pack_goaway(), self._ping(self._stop)])

    def _answer(self, stream, answer):
        if answer.initial:
            self._send([pack(Frame.METADATA, stream, metadata.pack(answer.initial))])
        if answer.status:
            self._send([answer.pack_status(stream)])
            self._forget(stream)
        else:
            self._queue(stream, answer.data, answer.pack_status(stream) if answer.trailing else b'')

    def _sent(self, stream):
        super()._sent(stream)
        self._forget(stream)

    def _refuse(self, stream, status, text):
        self._requests.pop(stream, None)
        self._send([Answer(status, NOT_EXECUTED, text).pack_status(stream)])
        self._forget(stream)

    # ---- Two phases of GOAWAY

    def _pack_goaway(self):
        text = b'time to go'
        return pack(Frame.GOAWAY, 0, struct.pack('!QHIH', self._last_taken, Code.GOING_AWAY, 0, len(text)) + text)

    def _stop(self):
        """What the client opened before it knew has come."""
        self._last_taken = self._last
        self._send([self._pack_goaway()])


def _parse_metadata(block):
    """The entries; None for a broken block."""
    try:
        return metadata.parse(block)
    except Failure:
        return None
