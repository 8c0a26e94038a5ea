# SPDX-License-Identifier: Apache-2.0
"""Calls ("Frames and calls"): a client with one call at a time, and a server whose handlers answer at once."""
import collections
import struct
import time

from .frames import NO_DEADLINE, Frame, Messages, message_frames, pack, parse
from .protocol import CallFailed, Code, broken, code_name
from .records import MAX_CONTENT

MAX_STREAMS = 100
MAX_MESSAGE = 4 * 2**20
MAX_HEADERS = 8192
MAX_METHODS = 4096
MAX_NAME = 1024
MAX_NAMES = 256 * 1024
LATE_STREAMS = 1024
TOO_BIG = 2  # reason of RESET

DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL = 4, 8, 12, 13
NOT_EXECUTED, EXECUTED = 1, 2


class Budget:
    """What an end has left for frames of the peer's that are of no use."""

    def __init__(self):
        self._tokens = 1000.0
        self._at = time.monotonic()

    def spend(self):
        now = time.monotonic()
        self._tokens = min(1000.0, self._tokens + 33 * (now - self._at))
        self._at = now
        if self._tokens < 1:
            raise broken('too many useless frames', Code.LIMIT)
        self._tokens -= 1


class _End:
    """What both ends need: SETTINGS, frames packed into records, PING."""

    def __init__(self, channel, settings):
        self._channel = channel
        self._budget = Budget()
        self._settings = None
        channel.send(pack(Frame.SETTINGS, 0, settings))

    def _send(self, frames):
        """Sends frames, as many as fit in a record."""
        content = b''
        for frame in frames:
            if len(content) + len(frame) > MAX_CONTENT:
                self._channel.send(content)
                content = b''
            content += frame
        self._channel.send(content)

    def _receive(self):
        """Takes a record. Returns False when the peer has closed."""
        content = self._channel.receive()
        if content is None:
            return False
        for kind, flags, stream, payload in parse(content):
            if self._settings is None and kind != Frame.SETTINGS:
                raise broken('the first frame is not SETTINGS')
            if not self._connection_frame(kind, payload):
                self._stream_frame(kind, flags, stream, payload)
        return True

    def _connection_frame(self, kind, payload):
        if kind == Frame.SETTINGS:
            self._set(payload)
        elif kind == Frame.PING or kind == Frame.PONG:
            if len(payload) != 8:
                raise broken('a malformed PING or PONG')
            self._budget.spend()  # this end sends no PING, so a PONG answers none
            if kind == Frame.PING:
                self._channel.send(pack(Frame.PONG, 0, payload))
        elif kind == Frame.GOAWAY:
            self._goaway(payload)
        elif kind is None:
            self._budget.spend()
        else:
            return False
        return True

    def _set(self, payload):
        if self._settings is not None:
            raise broken('a second SETTINGS')
        if len(payload) % 6 or len(payload) > 32 * 6:
            raise broken('malformed SETTINGS')
        pairs = list(struct.iter_unpack('!HI', payload))
        if any(a[0] >= b[0] for a, b in zip(pairs, pairs[1:])):
            raise broken('SETTINGS do not rise')
        self._settings = dict(pairs)

    def _goaway(self, payload):
        raise broken('GOAWAY from a client')

    def _stream_frame(self, kind, flags, stream, payload):
        raise NotImplementedError


class Client(_End):
    """A client of unary calls."""

    def __init__(self, channel):
        super().__init__(channel, b'')
        self._stream = 0
        self._last_stream = 2**64 - 1
        self._numbers = {}
        self._late = set()
        self._reply = None
        self._failure = None

    def call(self, method, request):
        """Makes a call and returns its reply. Ends with Failure STATUS if the call failed and the channel did not."""
        self._stream += 1
        name = b'' if method in self._numbers else method.encode()
        number = self._numbers.setdefault(method, len(self._numbers) + 1)
        headers = struct.pack('!IQH', number, NO_DEADLINE, len(name)) + name
        self._reply, self._failure = Messages(MAX_MESSAGE), None
        self._send([pack(Frame.HEADERS, self._stream, headers), *message_frames(self._stream, request)])
        while not self._reply.ended and self._failure is None:
            if not self._receive():
                raise CallFailed('UNAVAILABLE: the server has closed the connection')
        if self._failure is None and self._reply.count != 1:
            self._failure = f'{self._reply.count} messages in the reply of a unary call'
        if self._failure is not None:
            raise CallFailed(self._failure)
        return self._reply.data

    def close(self):
        """Sends CLOSE and waits for the server's."""
        self._channel.close()
        while self._receive():
            pass

    def _stream_frame(self, kind, flags, stream, payload):
        if stream > self._stream or kind == Frame.HEADERS:
            raise broken(f'{kind.name} for stream {stream}')
        status = parse_status(payload) if kind == Frame.STATUS else ''
        reason = parse_reset(payload) if kind == Frame.RESET else 0
        if stream in self._late:
            self._take_late(kind, flags, stream)
        elif stream != self._stream or self._reply.ended or self._failure is not None:
            self._budget.spend()
        elif kind == Frame.DATA:
            self._take(flags, payload)
        else:
            self._failure = status or f'the server reset the call, reason {reason}'

    def _take_late(self, kind, flags, stream):
        if kind != Frame.DATA or flags & 2:
            self._late.discard(stream)

    def _take(self, flags, payload):
        if not self._reply.take(flags, payload):
            self._budget.spend()
        if self._reply.too_big:
            self._failure = 'RESOURCE_EXHAUSTED: the reply is too big'
            if not self._reply.ended:
                self._late.add(self._stream)
                self._channel.send(pack(Frame.RESET, self._stream, TOO_BIG.to_bytes(4, 'big')))

    def _goaway(self, payload):
        if len(payload) < 16 or len(payload) != 16 + int.from_bytes(payload[14:16], 'big'):
            raise broken('malformed GOAWAY')
        last, code = struct.unpack_from('!QH', payload)
        if last > self._last_stream:
            raise broken('GOAWAY raises the last stream')
        self._last_stream = last
        if self._stream > last and not self._reply.ended:
            self._failure = f'UNAVAILABLE, not executed: the server is going away: {code_name(code)}'


class Server(_End):
    """Serves one connection. `methods` maps names to functions of the request that return the reply."""

    def __init__(self, channel, methods):
        super().__init__(channel, struct.pack('!HI', 1, MAX_STREAMS))
        self._methods = methods
        self._names = []
        self._names_size = 0
        self._last = 0
        self._open = {}
        self._late = collections.OrderedDict()

    def run(self):
        while self._receive():
            pass
        self._channel.close()

    def _stream_frame(self, kind, flags, stream, payload):
        if kind == Frame.HEADERS:
            self._headers(stream, payload)
        elif kind == Frame.STATUS or stream > self._last:
            raise broken(f'{kind.name} for stream {stream}')
        elif kind == Frame.RESET:
            self._reset(stream, parse_reset(payload))
        elif stream in self._open:
            self._data(stream, flags, payload)
        elif stream in self._late:
            if flags & 2:
                del self._late[stream]
        else:
            self._budget.spend()

    def _headers(self, stream, payload):
        if stream != self._last + 1:
            raise broken(f'stream {stream} follows {self._last}')
        self._last = stream
        method, timeout, extensions = self._parse_headers(payload)
        refusal = None
        if len(payload) > MAX_HEADERS:
            refusal = RESOURCE_EXHAUSTED, 'too many bytes of HEADERS'
        elif timeout == 0:
            refusal = DEADLINE_EXCEEDED, 'no time left'
        elif any(kind >= 128 for kind in extensions):
            refusal = UNIMPLEMENTED, 'a critical extension'
        elif method not in self._methods:
            refusal = UNIMPLEMENTED, 'no such method'
        elif len(self._open) >= MAX_STREAMS:
            refusal = RESOURCE_EXHAUSTED, 'too many calls'
        if refusal:
            self._status(stream, *refusal, NOT_EXECUTED)
            self._make_late(stream)
        else:
            self._open[stream] = method, Messages(MAX_MESSAGE)

    def _parse_headers(self, payload):
        """Returns (method, timeout, types of the extensions); the method is None if its name cannot be one."""
        if len(payload) < 14:
            raise broken('malformed HEADERS')
        number, timeout, size = struct.unpack_from('!IQH', payload)
        if len(payload) < 14 + size:
            raise broken('malformed HEADERS')
        name = payload[14:14 + size]
        if number == len(self._names) + 1 and number <= MAX_METHODS:
            self._names.append(self._method(name))
        elif not 1 <= number <= len(self._names) or name:
            raise broken(f'method number {number}')
        return self._names[number - 1], timeout, list(parse_extensions(payload[14 + size:]))

    def _method(self, name):
        self._names_size += len(name)
        if not 1 <= len(name) <= MAX_NAME or b'\0' in name or self._names_size > MAX_NAMES:
            return None
        return name.decode('utf-8', 'replace')

    def _data(self, stream, flags, payload):
        method, messages = self._open[stream]
        if not messages.take(flags, payload):
            self._budget.spend()
        if messages.too_big:
            del self._open[stream]
            self._status(stream, RESOURCE_EXHAUSTED, 'the request is too big', NOT_EXECUTED)
            if not messages.ended:
                self._make_late(stream)
        elif messages.ended:
            del self._open[stream]
            self._answer(stream, method, messages)

    def _answer(self, stream, method, messages):
        if messages.count != 1:
            self._status(stream, UNIMPLEMENTED, 'the method takes one message', NOT_EXECUTED)
            return
        try:
            self._send(message_frames(stream, self._methods[method](messages.data)))
        except CallFailed as failure:
            self._status(stream, INTERNAL, str(failure), EXECUTED)

    def _reset(self, stream, reason):
        """A call that is reset before its request is whole has no handler that could answer."""
        if reason != 1:
            self._budget.spend()
        if self._open.pop(stream, None) is None and self._late.pop(stream, False) is False and reason == 1:
            self._budget.spend()

    def _make_late(self, stream):
        self._late[stream] = True
        if len(self._late) > LATE_STREAMS:
            self._late.popitem(last=False)

    def _status(self, stream, status, text, execution):
        text = text.encode()
        self._channel.send(pack(Frame.STATUS, stream, struct.pack('!BBH', status, execution, len(text)) + text))


def parse_extensions(data):
    """The types of extensions of frames."""
    at = 0
    while at < len(data):
        if len(data) - at < 3:
            raise broken('malformed extensions')
        yield data[at]
        at += 3 + int.from_bytes(data[at + 1:at + 3], 'big')
    if at != len(data):
        raise broken('malformed extensions')


def parse_status(payload):
    """What STATUS says, for people."""
    if len(payload) < 4:
        raise broken('malformed STATUS')
    status, execution, size = struct.unpack_from('!BBH', payload)
    if len(payload) < 4 + size or size > 1024:
        raise broken('malformed STATUS')
    if any(kind >= 128 for kind in parse_extensions(payload[4 + size:])):
        raise broken('a critical extension in STATUS')
    text = payload[4:4 + size].decode('utf-8', 'replace')
    return f'status {status}, execution {execution}: {"".join(c if c.isprintable() else "?" for c in text)}'


def parse_reset(payload):
    if len(payload) != 4:
        raise broken('malformed RESET')
    return int.from_bytes(payload, 'big')
