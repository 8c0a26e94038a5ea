# SPDX-License-Identifier: Apache-2.0
"""Records ("Records"): one direction under one traffic secret."""
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from .crypto import expand_label, hmac_sha256
from .protocol import Code, Failure, Level, Suite, Type, broken

TAG = 16
MAX_CONTENT = 65536
MIN_BODY, MAX_BODY = TAG, 66048
MAX_RECORDS = 2**24
MAX_BYTES = 2**36


def tampered(text):
    """A record that does not verify: the peer is not told."""
    return Failure('TAMPERED', text)


def header(kind, size):
    return size.to_bytes(3, 'big') + bytes([kind])


class _Aead:
    """The suites with an AEAD."""

    def __init__(self, traffic, suite, level):
        key = expand_label(traffic, 'key', 16 if suite == Suite.AES128_GCM else 32)
        self._iv = expand_label(traffic, 'iv', 12)
        self._cipher = (ChaCha20Poly1305 if suite == Suite.CHACHA20_POLY1305 else AESGCM)(key)
        self._private = level == Level.PRIVACY

    def _nonce(self, number):
        return self._iv[:4] + (int.from_bytes(self._iv[4:], 'big') ^ number).to_bytes(8, 'big')

    def seal(self, number, kind, content):
        head = header(kind, len(content) + TAG)
        if self._private:
            return head + self._cipher.encrypt(self._nonce(number), content, head)
        return head + content + self._cipher.encrypt(self._nonce(number), b'', head + content)

    def open(self, number, head, body):
        try:
            if self._private:
                return self._cipher.decrypt(self._nonce(number), body, head)
            self._cipher.decrypt(self._nonce(number), body[-TAG:], head + body[:-TAG])
            return body[:-TAG]
        except InvalidTag as error:
            raise tampered('a record does not verify') from error


class _Gss:
    """Suite gss: the mechanism's wrap, bound to its place by a MAC."""

    def __init__(self, traffic, level, context):
        self._mac = expand_label(traffic, 'mac', 32)
        self._private = level == Level.PRIVACY
        self._context = context

    def _tag(self, number, head, token):
        return hmac_sha256(self._mac, number.to_bytes(8, 'big') + head + token)[:TAG]

    def seal(self, number, kind, content):
        token = self._context.wrap(content, self._private)
        head = header(kind, len(token) + TAG)
        return head + token + self._tag(number, head, token)

    def open(self, number, head, body):
        token, tag = body[:-TAG], body[-TAG:]
        if not hmac.compare_digest(tag, self._tag(number, head, token)):
            raise tampered('the tag of a record does not verify')
        content = self._context.unwrap(token, self._private)
        if content is None:
            raise tampered('the token of a record does not verify')
        return content


class Direction:
    """Seals or opens the records of one direction under one traffic secret."""

    def __init__(self, traffic, terms):
        self._traffic = traffic
        self._terms = terms
        if terms.suite == Suite.GSS:
            self._suite = _Gss(traffic, terms.level, terms.context)
        else:
            self._suite = _Aead(traffic, terms.suite, terms.level)
        self._number = 0
        self._bytes = 0

    def next(self):
        """The same direction after a key update."""
        return Direction(expand_label(self._traffic, 'upd', 32), self._terms)

    @property
    def used_up(self):
        """Whether the next record must be KEY_UPDATE."""
        return self._number >= MAX_RECORDS or self._bytes >= MAX_BYTES

    def seal(self, kind, content):
        record = self._suite.seal(self._number, kind, content)
        self._count(len(record) - 4)
        return record

    def open(self, head, body):
        content = self._suite.open(self._number, head, body)
        if len(content) > MAX_CONTENT:
            raise broken('content of a record too long')
        if self.used_up and head[3] != Type.KEY_UPDATE:
            raise broken('the peer did not update its key', Code.LIMIT)
        self._count(len(body))
        return content

    def _count(self, size):
        self._number += 1
        self._bytes += size
