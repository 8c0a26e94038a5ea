# SPDX-License-Identifier: Apache-2.0
"""A client of unary calls, one at a time."""
import struct

from . import metadata
from .flow import FIRST_WINDOW
from .frames import END, NO_DEADLINE, Frame, pack
from .protocol import CallFailed, broken, code_name
from .rpc import MAX_TEXT, METADATA, NOT_EXECUTED, Answer, End, pack_extension, parse_reset, parse_status

TOO_BIG = 2  # reason of RESET
RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE = 8, 13, 14
UNKNOWN = 0


class Client(End):
    def __init__(self, channel):
        super().__init__(channel, b'', FIRST_WINDOW)
        self._last_taken = 2**64 - 1
        self._numbers = {}
        self._late = set()
        self._answer = None  # of the current call, once it is over
        self._initial = None
        self.going_away = False

    def call(self, method, request, entries=()):
        """Makes a call and returns its Answer. Ends with CallFailed if the call failed and the channel did not."""
        if self.going_away:
            raise CallFailed('the server takes no more calls', Answer(UNAVAILABLE, NOT_EXECUTED))
        stream = self._open()
        self._answer, self._initial = None, None
        self._queue(stream, request)
        self._pump([pack(Frame.HEADERS, stream, self._headers(method, entries))])
        while self._answer is None:
            if not self._receive():
                self._answer = Answer(UNAVAILABLE, UNKNOWN, 'the server has closed the connection')
        self._forget(stream)
        self._answer.initial = self._initial or []
        if self._answer.status:
            raise CallFailed(f'status {self._answer.status}, execution {self._answer.execution}: {self._answer.text}',
                             self._answer)
        return self._answer

    def _headers(self, method, entries):
        name = b'' if method in self._numbers else method.encode()
        number = self._numbers.setdefault(method, len(self._numbers) + 1)
        block = metadata.pack(entries)
        return (struct.pack('!IQH', number, NO_DEADLINE, len(name)) + name
                + (pack_extension(METADATA, block) if block else b''))

    def close(self):
        """Sends CLOSE and waits for the server's."""
        self._close()
        while self._receive():
            pass

    def _stream_frame(self, kind, flags, stream, payload):
        if stream > self._last or kind == Frame.HEADERS:
            raise broken(f'{kind.name} for stream {stream}')
        ended = None
        if kind == Frame.STATUS:
            ended = parse_status(payload)
        elif kind == Frame.RESET:
            ended = Answer(INTERNAL, UNKNOWN, f'the server reset the call, reason {parse_reset(payload)}')
        if stream in self._late:
            if ended or (kind == Frame.DATA and flags & END):
                self._late.discard(stream)
        elif stream not in self._calls or self._answer is not None:
            self._budget.spend()
        elif ended:
            self._end(ended)
        elif kind == Frame.METADATA:
            self._take_metadata(stream, payload)
        else:
            self._take(stream, flags, payload)

    def _take_metadata(self, stream, payload):
        if self._initial is not None or self._calls[stream].messages.count:
            raise broken('METADATA twice, or after a message')
        self._initial = metadata.parse(payload)

    def _take(self, stream, flags, payload):
        messages = self._calls[stream].messages
        if not messages.take(flags, payload):
            self._budget.spend()
        if messages.too_big:
            self._answer = Answer(RESOURCE_EXHAUSTED, UNKNOWN, 'the reply is too big')
            if not messages.ended:
                self._late.add(stream)
                self._forget(stream)
                self._channel.send(pack(Frame.RESET, stream, TOO_BIG.to_bytes(4, 'big')))
        elif messages.ended:
            self._end(Answer())

    def _end(self, answer):
        """The server has ended the call."""
        messages = self._calls[self._last].messages
        if answer.status == 0 and (messages.count != 1 or not messages.whole):
            answer.status, answer.text = INTERNAL, f'{messages.count} messages in the reply of a unary call'
        answer.data = messages.data
        self._answer = answer

    def _goaway(self, payload):
        if len(payload) < 16 or len(payload) != 16 + int.from_bytes(payload[14:16], 'big') or len(payload) > 16 + MAX_TEXT:
            raise broken('malformed GOAWAY')
        last, code = struct.unpack_from('!QH', payload)
        if last > self._last_taken:
            raise broken('GOAWAY raises the last stream')
        self.going_away = True
        self._last_taken = last
        if self._answer is None and self._last > last:
            self._answer = Answer(UNAVAILABLE, NOT_EXECUTED, f'the server is going away: {code_name(code)}')
