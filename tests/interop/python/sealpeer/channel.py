# SPDX-License-Identifier: Apache-2.0
"""A channel over a socket: first handshake, records, re-authentication, close."""
import socket
import time

from . import hello, records
from .handshake import ClientHandshake, ServerHandshake
from .protocol import SIZES, Code, Failure, Type, alert, broken, check_size, code_name, flip
from .reauth import ClientReauth, ServerReauth

HANDSHAKE_SECONDS = 10
LINGER_SECONDS = 2
KEY_UPDATE_COST = 8
KEY_UPDATE_CREDIT = 1024


class Channel:
    """One end of a connection. Ends with Failure, or with receive() returning None."""

    def __init__(self, sock, policy, is_client):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._deadline = time.monotonic() + HANDSHAKE_SECONDS
        self._late = Failure('OTHER', 'the time for the handshake is up', Code.TIMEOUT)
        self._credit = KEY_UPDATE_CREDIT
        self._queue = []
        self._closing = False
        self._spoil = policy.tamper == 'record'
        self.terms = self._handshake((ClientHandshake if is_client else ServerHandshake)(policy))
        self.channel_id = self.terms.schedule.channel_id
        self.reauth = (ClientReauth if is_client else ServerReauth)(self, policy)
        traffic = self.terms.schedule.client_traffic, self.terms.schedule.server_traffic
        self._tx, self._rx = (records.Direction(t, self.terms) for t in (traffic if is_client else traffic[::-1]))
        self._late = Failure('OTHER', 'the security context has expired', Code.EXPIRED)
        self._set_life()

    # ---- First handshake

    def _handshake(self, handshake):
        steps = handshake.run()
        try:
            flight = next(steps)
            while True:
                self._sock.sendall(b''.join(flight))
                flight = steps.send(self._read_message(handshake))
        except StopIteration as done:
            self._sock.sendall(b''.join(done.value.last_flight))
            return done.value
        except Failure as failure:
            if handshake.may_alert and failure.code is not None:
                self._try_send(alert(failure))
                self._linger()
            raise

    def _read_message(self, handshake):
        """One message; type and length are checked before its body is waited for."""
        head = self._read(4)
        size, kind = int.from_bytes(head[:3], 'big'), head[3]
        first = Type.CLIENT_HELLO in handshake.expects or Type.SERVER_HELLO in handshake.expects
        if kind not in SIZES and first:
            raise broken('the peer does not speak sealrpc', None)
        if kind != Type.ALERT and kind not in handshake.expects:
            raise broken(f'a message of type {kind} out of place')
        check_size(kind, size)
        start = self._read(8) if first and kind != Type.ALERT else b''
        if start and start != hello.MAGIC:
            raise broken('the peer does not speak sealrpc', None)
        return kind, start + self._read(size - len(start))

    # ---- Records

    def send(self, content, kind=Type.DATA):
        """Seals and sends one record."""
        if self._tx.used_up and kind != Type.KEY_UPDATE:
            self.update_key()
        record = self._tx.seal(kind, content)
        if self._spoil:
            self._spoil, record = False, flip(record)
        try:
            self._sock.sendall(record)
        except OSError as error:
            raise Failure('TRUNCATED', f'cannot send: {error}') from error

    def update_key(self):
        self.send(b'\0', Type.KEY_UPDATE)
        self._tx = self._tx.next()

    def receive(self):
        """The content of the next DATA record; None after an orderly CLOSE."""
        while not self._queue:
            kind, content = self.next_record()
            if kind == Type.CLOSE:
                return self._closed(content)
            if kind == Type.HANDSHAKE:
                self.reauth.receive(content)
        return self._queue.pop(0)

    def next_record(self):
        """Opens one record. DATA is queued and a key update done; returns (type, content)."""
        head = self._read(4)
        size, kind = int.from_bytes(head[:3], 'big'), head[3]
        if not records.MIN_BODY <= size <= records.MAX_BODY:
            raise records.tampered(f'a record of {size} bytes')
        content = self._rx.open(head, self._read(size))
        if kind == Type.KEY_UPDATE:
            self._updated(content)
            return kind, content
        self._credit = min(KEY_UPDATE_CREDIT, self._credit + 1)
        if kind == Type.DATA:
            if not content:
                raise broken('an empty DATA record')
            self._queue.append(content)
        elif kind not in (Type.CLOSE, Type.HANDSHAKE):
            raise broken(f'a record of type {kind}')
        return kind, content

    def _updated(self, content):
        self._credit -= KEY_UPDATE_COST
        if content != b'\0':
            raise broken('a malformed KEY_UPDATE')
        if self._credit < 0:
            raise broken('too many key updates', Code.LIMIT)
        self._rx = self._rx.next()

    # ---- Re-authentication, for sealpeer.reauth

    def renew_receiving(self, traffic, terms):
        """What the peer sends from now on is under new keys."""
        self._rx = records.Direction(traffic, terms)

    def renew_sending(self, traffic, terms):
        """What this end sends from now on is under new keys."""
        self._tx = records.Direction(traffic, terms)

    def renew_terms(self, terms):
        self.terms = terms
        self._set_life()

    def _set_life(self):
        self._deadline = time.monotonic() + self.terms.context.lifetime

    # ---- The close

    def _closed(self, content):
        if len(content) != 2:
            raise broken('a malformed CLOSE')
        if self._sock_read(1):
            raise broken('something after CLOSE', None)
        code = int.from_bytes(content, 'big')
        if code not in (Code.DONE, Code.GOING_AWAY):
            raise Failure('PEER_REFUSED', f'closed: {code_name(code)}')
        return None

    def close(self, code=Code.DONE):
        """Sends CLOSE and ends this side of the stream; the other stays open until its own CLOSE."""
        if not self._closing:
            self._closing = True
            self.send(code.to_bytes(2, 'big'), Type.CLOSE)
            try:
                self._sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # the peer is gone already

    def give_up(self, failure):
        """Ends the connection after a failure; the peer is told if the failure has a code."""
        if failure.code is not None:
            try:
                self.close(failure.code)
                self._linger()
            except Failure:
                pass  # the peer is gone already
        self.cut()

    def cut(self):
        """Ends the stream as it is."""
        self._sock.close()

    # ---- The stream

    def _try_send(self, data):
        try:
            self._sock.sendall(data)
        except OSError:
            pass  # the peer is gone already

    def _linger(self):
        """Reads what is on its way for a while: a stream closed over unread bytes is reset, and the last word lost."""
        self._deadline = time.monotonic() + LINGER_SECONDS
        try:
            self._sock.shutdown(socket.SHUT_WR)
            while self._sock_read(65536):
                pass
        except (OSError, Failure):
            pass  # the peer is gone, or had its time

    def _sock_read(self, size):
        left = self._deadline - time.monotonic()
        try:
            if left <= 0:
                raise TimeoutError
            self._sock.settimeout(left)
            return self._sock.recv(size)
        except TimeoutError as error:
            raise self._late from error
        except OSError as error:
            raise Failure('TRUNCATED', f'the stream broke: {error}') from error

    def _read(self, size):
        data = b''
        while len(data) < size:
            piece = self._sock_read(size - len(data))
            if not piece:
                raise Failure('TRUNCATED', 'the stream ended without CLOSE')
            data += piece
        return data
