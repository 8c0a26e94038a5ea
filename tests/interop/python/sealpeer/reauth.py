# SPDX-License-Identifier: Apache-2.0
"""Re-authentication: a handshake inside HANDSHAKE records."""
import dataclasses
import time

from .handshake import ClientHandshake, ServerHandshake
from .protocol import SIZES, Code, Failure, TokenRefused, Type, alert, broken, check_size, message, refused

PIECE = 60000
ATTEMPTS = 16
SECONDS_PER_ATTEMPT = 10


class _Reauth:
    """What both ends need: attempts, and messages cut over records."""

    def __init__(self, channel, policy):
        self._channel = channel
        self._policy = policy
        self._attempt = 0
        self._bytes = b''

    def _present(self):
        """The policy of a re-authentication: exactly what holds."""
        terms = self._channel.terms
        return dataclasses.replace(self._policy, suites=[terms.suite], level=terms.level, tamper='')

    def _begin(self, attempt, handshake_class):
        self._attempt, self._bytes = attempt, b''
        return handshake_class(self._present(), self._channel.channel_id).run()

    def _send(self, messages):
        data = b''.join(messages)
        for at in range(0, len(data), PIECE):
            self._channel.send(self._attempt.to_bytes(2, 'big') + data[at:at + PIECE], Type.HANDSHAKE)

    def _alert(self, failure):
        self._send([alert(failure)])

    def _messages(self, piece):
        """The messages that a piece completes."""
        self._bytes += piece
        while len(self._bytes) >= 4:
            size, kind = int.from_bytes(self._bytes[:3], 'big'), self._bytes[3]
            if kind not in SIZES:
                raise broken(f'type {kind} in a re-authentication')
            check_size(kind, size)
            if len(self._bytes) < 4 + size:
                return
            body, self._bytes = self._bytes[4:4 + size], self._bytes[4 + size:]
            yield kind, body

    def _check(self, terms):
        if not terms.same_as(self._channel.terms):
            raise refused('the re-authentication came out with another identity or protection')

    def _ends_record(self):
        if self._bytes:
            raise broken('something behind the last message under the old keys')


def _split(content):
    if len(content) < 3:
        raise broken('an empty piece of a re-authentication')
    attempt = int.from_bytes(content[:2], 'big')
    if attempt == 0:
        raise broken('attempt 0')
    return attempt, content[2:]


class ClientReauth(_Reauth):
    """The client's end; it waits, and what else comes meanwhile is kept for the caller of the channel."""

    def run(self):
        """Re-authenticates. After Failure PEER_REFUSED or OTHER the attempt has failed and the channel goes on."""
        steps = self._begin(self._attempt + 1, ClientHandshake)
        self._send(next(steps))
        try:
            while True:
                self._send(steps.send(self._next_message()))
        except StopIteration as done:
            terms = done.value
        except TokenRefused as failure:
            self._alert(failure)
            raise Failure('OTHER', str(failure)) from failure
        self._check(terms)
        self._ends_record()
        self._send(terms.last_flight)
        self._channel.renew_sending(terms.schedule.client_traffic, terms)
        if self._next_message()[0] != Type.SWITCH:
            raise broken('SWITCH is missing')
        self._ends_record()
        self._channel.renew_receiving(terms.schedule.server_traffic, terms)
        self._channel.renew_terms(terms)

    def _next_message(self):
        for found in self._messages(b''):
            return found
        while True:
            kind, content = self._channel.next_record()
            if kind == Type.CLOSE:
                raise Failure('PEER_REFUSED', 'closed during a re-authentication')
            if kind == Type.HANDSHAKE:
                for found in self._messages(self._current(content)):
                    return found

    def _current(self, content):
        attempt, piece = _split(content)
        if attempt > self._attempt:
            raise broken('an attempt that this end has not made')
        return piece if attempt == self._attempt else b''

    def receive(self, content):
        """A piece while no attempt is running: of one that is over."""
        self._current(content)


class ServerReauth(_Reauth):
    """The server's end; fed piece by piece."""

    def __init__(self, channel, policy):
        super().__init__(channel, policy)
        self._steps = None
        self._permits = ATTEMPTS
        self._since = time.monotonic()

    def receive(self, content):
        attempt, piece = _split(content)
        if attempt > self._attempt:
            self._take_permit()
            self._steps = self._begin(attempt, ServerHandshake)
            next(self._steps)
        if attempt < self._attempt or self._steps is None:
            return
        try:
            for found in self._messages(piece):
                self._send(self._steps.send(found))
        except StopIteration as done:
            self._finish(done.value)
        except TokenRefused as failure:
            self._steps = None
            self._alert(failure)
        except Failure as failure:
            if failure.word != 'PEER_REFUSED':
                raise
            self._steps = None

    def _finish(self, terms):
        self._steps = None
        self._ends_record()
        self._check(terms)
        self._channel.renew_receiving(terms.schedule.client_traffic, terms)
        self._send([message(Type.SWITCH, b'')])
        self._channel.renew_sending(terms.schedule.server_traffic, terms)
        self._channel.renew_terms(terms)

    def _take_permit(self):
        now = time.monotonic()
        gained = int((now - self._since) / SECONDS_PER_ATTEMPT)
        self._since += gained * SECONDS_PER_ATTEMPT
        self._permits = min(ATTEMPTS, self._permits + gained)
        if self._permits == 0:
            raise broken('too many re-authentications', Code.LIMIT)
        self._permits -= 1
