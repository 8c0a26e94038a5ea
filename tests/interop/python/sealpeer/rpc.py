# SPDX-License-Identifier: Apache-2.0
"""Calls ("Frames and calls"): what client.py and server.py have in common."""
import collections
import dataclasses
import functools
import struct
import time

from . import metadata, protobuf
from .flow import FIRST_WINDOW, MAX_WINDOW, Allowance, Flow, Outgoing, Window
from .frames import Frame, Messages, pack, parse
from .protocol import Code, Reader, broken
from .records import MAX_CONTENT

MAX_MESSAGE = 4 * 2**20
MAX_STATUS = 32768
MAX_DETAILS = 16384
MAX_TEXT = 1024
CRUMB = 4096  # a WINDOW frame of less costs
STREAM_WINDOW, CONNECTION_WINDOW = 3, 4  # ids of SETTINGS
METADATA, DETAILS, RETRY_AFTER = 1, 2, 3  # types of extensions of STATUS
CRITICAL = 128

NOT_EXECUTED, EXECUTED = 1, 2


@dataclasses.dataclass
class Answer:
    """How a call ended."""
    status: int = 0
    execution: int = EXECUTED
    text: str = ''
    data: bytes = b''
    initial: list = dataclasses.field(default_factory=list)
    trailing: list = dataclasses.field(default_factory=list)
    details: list = dataclasses.field(default_factory=list)
    retry_after: int = None

    def pack_status(self, stream):
        """The frame STATUS."""
        text = self.text.encode()[:MAX_TEXT]
        payload = struct.pack('!BBH', self.status, self.execution, len(text)) + text
        if self.trailing:
            payload += pack_extension(METADATA, metadata.pack(self.trailing))
        if self.details:
            payload += pack_extension(DETAILS, protobuf.pack_details(self.details))
        if self.retry_after is not None:
            payload += pack_extension(RETRY_AFTER, self.retry_after.to_bytes(4, 'big'))
        return pack(Frame.STATUS, stream, payload)


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


class Call:
    """What both ends keep of a stream."""

    def __init__(self, flow):
        self.flow = flow
        self.messages = Messages(MAX_MESSAGE)


class End:
    """One end: SETTINGS, frames packed into records, flow control, PING. `window`: of the connection."""

    def __init__(self, channel, settings, window):
        self._channel = channel
        self._budget = Budget()
        self._settings = None
        self._connection = Flow(Allowance(FIRST_WINDOW), Window(window))
        self._first_allowance = FIRST_WINDOW
        self._calls = {}
        self._last = 0
        self._sending = {}
        self._pings = collections.deque()
        self._pinged = 0
        self._closing = False
        channel.send(pack(Frame.SETTINGS, 0, settings))

    def _open(self):
        """Takes the next stream."""
        self._last += 1
        self._calls[self._last] = Call(Flow(Allowance(self._first_allowance), Window(FIRST_WINDOW)))
        return self._last

    def _forget(self, stream):
        """The call is over at this end."""
        self._sending.pop(stream, None)
        return self._calls.pop(stream, None)

    # ---- Sending

    def _send(self, frames):
        """Sends frames, as many as fit in a record."""
        content = b''
        for frame in frames:
            if content and len(content) + len(frame) > MAX_CONTENT:
                self._channel.send(content)
                content = b''
            content += frame
        if content:
            self._channel.send(content)

    def _queue(self, stream, data, after=b''):
        """Sends a message as soon as the peer takes it."""
        self._sending[stream] = Outgoing(stream, data, self._calls[stream].flow.allowance, after)

    def _pump(self, first=()):
        """Sends frames, and of the messages what may be sent; their streams take turns."""
        frames, turns = list(first), True
        while turns:
            turns = False
            for stream, message in list(self._sending.items()):
                frame = message.next(self._connection.allowance)
                if frame:
                    frames.append(frame)
                    turns = True
                if message.done:
                    self._sent(stream)
        self._send(frames)

    def _sent(self, stream):
        """A message has left."""
        del self._sending[stream]

    def _ping(self, answered):
        """A PING; `answered` is called when the peer has answered it, and so has got all that was sent before it."""
        self._pinged += 1
        payload = self._pinged.to_bytes(8, 'big')
        self._pings.append((payload, answered))
        return pack(Frame.PING, 0, payload)

    # ---- Receiving

    def _receive(self):
        """Takes a record. Returns False when the peer has closed."""
        content = self._channel.receive()
        if content is None:
            return False
        for kind, flags, stream, payload in parse(content):
            if self._settings is None and kind != Frame.SETTINGS:
                raise broken('the first frame is not SETTINGS')
            if self._closing:
                continue  # CLOSE was the last that this end says
            if kind == Frame.DATA:
                self._charge(stream, len(payload))
            if not self._connection_frame(kind, stream, payload):
                self._stream_frame(kind, flags, stream, payload)
        if not self._closing:
            self._pump()
        return True

    def _close(self):
        """Sends CLOSE; what the peer still says has no effect."""
        self._channel.close()
        self._closing = True

    def _connection_frame(self, kind, stream, payload):
        if kind == Frame.SETTINGS:
            self._set(payload)
        elif kind in (Frame.PING, Frame.PONG):
            self._ping_or_pong(kind, payload)
        elif kind == Frame.GOAWAY:
            self._goaway(payload)
        elif kind == Frame.WINDOW:
            self._opened(stream, payload)
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
        sizes = [self._settings.get(id, FIRST_WINDOW) for id in (STREAM_WINDOW, CONNECTION_WINDOW)]
        if any(not FIRST_WINDOW <= size <= MAX_WINDOW for size in sizes):
            raise broken('SETTINGS with a wrong window')
        self._first_allowance = sizes[0]
        for call in self._calls.values():
            call.flow.allowance.grow(sizes[0] - FIRST_WINDOW)
        self._connection.allowance.grow(sizes[1] - FIRST_WINDOW)

    def _ping_or_pong(self, kind, payload):
        if len(payload) != 8:
            raise broken('a malformed PING or PONG')
        if kind == Frame.PING:
            self._budget.spend()
            self._channel.send(pack(Frame.PONG, 0, payload))
        elif self._pings and payload == self._pings[0][0]:
            self._pings.popleft()[1]()
        else:
            self._budget.spend()

    def _charge(self, stream, size):
        """DATA has come, of any stream. This end reads everything, so it gives back everything.

        It does so when the peer has answered a PING: what comes before the answer was sent under the old window.
        """
        frames = []
        for of in (0, stream):
            flow = self._calls[of].flow if of in self._calls else self._connection if of == 0 else None
            increment = flow.window.take(size) if flow else 0
            if increment:
                frames.append(self._ping(functools.partial(self._give_back, of, flow.window, increment)))
        self._send(frames)

    def _give_back(self, stream, window, increment):
        window.open(increment)
        if stream == 0 or (stream in self._calls and not self._calls[stream].messages.ended):
            self._send([pack(Frame.WINDOW, stream, increment.to_bytes(4, 'big'))])

    def _opened(self, stream, payload):
        """WINDOW. One that crosses the end of its stream has no effect."""
        increment = int.from_bytes(payload, 'big')
        if len(payload) != 4 or not 0 < increment <= MAX_WINDOW:
            raise broken('a malformed WINDOW')
        if stream > self._last:
            raise broken(f'WINDOW for stream {stream}')
        if increment < CRUMB:
            self._budget.spend()
        if stream == 0:
            self._connection.allowance.grow(increment)
        elif stream in self._calls:
            self._calls[stream].flow.allowance.grow(increment)

    def _goaway(self, payload):
        raise broken('GOAWAY from a client')

    def _stream_frame(self, kind, flags, stream, payload):
        raise NotImplementedError


def pack_extension(kind, data):
    return struct.pack('!BH', kind, len(data)) + data


def parse_extensions(reader):
    """The extensions of frames as {type: bytes}."""
    extensions = {}
    while reader.left():
        kind, size = reader.uint(1), reader.uint(2)
        if kind in extensions:
            raise broken(f'extension {kind} twice')
        extensions[kind] = reader.take(size)
    return extensions


def parse_status(payload):
    """What STATUS says."""
    if len(payload) > MAX_STATUS:
        raise broken('too long a STATUS')
    reader = Reader(payload)
    answer = Answer(status=reader.uint(1), execution=reader.uint(1))
    size = reader.uint(2)
    if size > MAX_TEXT:
        raise broken('too long a text in STATUS')
    text = reader.take(size).decode('utf-8', 'replace')
    answer.text = ''.join(c if c.isprintable() else '?' for c in text)
    extensions = parse_extensions(reader)
    answer.trailing = metadata.parse(extensions.pop(METADATA, b''))
    details = extensions.pop(DETAILS, b'')
    if len(details) > MAX_DETAILS:
        raise broken('too long details')
    answer.details = protobuf.parse_details(details)
    if RETRY_AFTER in extensions:
        if len(extensions[RETRY_AFTER]) != 4:
            raise broken('a malformed retry-after')
        answer.retry_after = int.from_bytes(extensions.pop(RETRY_AFTER), 'big')
    if any(kind >= CRITICAL for kind in extensions):
        raise broken('a critical extension in STATUS')
    return answer


def parse_reset(payload):
    if len(payload) != 4:
        raise broken('malformed RESET')
    return int.from_bytes(payload, 'big')
