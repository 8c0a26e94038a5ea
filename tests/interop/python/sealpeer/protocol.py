# SPDX-License-Identifier: Apache-2.0
"""Numbers and names of the protocol, the one exception, and a reader that checks lengths."""
import enum


class Type(enum.IntEnum):
    """Types of messages ("Header")."""
    CLIENT_HELLO = 0x01
    SERVER_HELLO = 0x02
    TOKEN = 0x03
    FINISHED = 0x04
    ALERT = 0x05
    SWITCH = 0x06
    DATA = 0x20
    KEY_UPDATE = 0x21
    CLOSE = 0x22
    HANDSHAKE = 0x23


#: The sizes that the body of a handshake message may have.
SIZES = {
    Type.CLIENT_HELLO: (11, 4096),
    Type.SERVER_HELLO: (10, 4096),
    Type.TOKEN: (1, 131072),
    Type.FINISHED: (64, 1024),
    Type.ALERT: (2, 4096),
    Type.SWITCH: (0, 0),
}


class Code(enum.IntEnum):
    """Codes of ALERT and CLOSE ("Codes")."""
    DONE = 0
    GOING_AWAY = 1
    PROTOCOL = 2
    AUTHENTICATION = 3
    NO_VERSION = 4
    NO_SUITE = 5
    NO_MECHANISM = 6
    LEVEL = 7
    UNKNOWN_TARGET = 8
    NOT_MUTUAL = 9
    TIMEOUT = 10
    OVERLOADED = 11
    EXPIRED = 12
    LIMIT = 13
    INTERNAL = 14


class Level(enum.IntEnum):
    INTEGRITY = 1
    PRIVACY = 2


class Suite(enum.IntEnum):
    AES256_GCM = 1
    AES128_GCM = 2
    CHACHA20_POLY1305 = 3
    GSS = 4

    @property
    def label(self):
        return self.name.lower().replace('_', '-')


class Mechanism(enum.IntEnum):
    KRB5 = 1
    SPNEGO = 2


def code_name(number):
    """The name of a code, for people; a code that is not known is shown as a number."""
    return Code(number).name if number in Code.__members__.values() else f'code {number}'


class Failure(Exception):
    """The end of a connection.

    `word` says how it ended in the words of tests/interop/README.md. `code` is what the peer is told in an ALERT or
    CLOSE, None if it is told nothing; `token` is the mechanism's error token for the ALERT.
    """

    def __init__(self, word, text, code=None, token=b''):
        super().__init__(f'{word}: {text}')
        self.word = word
        self.code = code
        self.token = token


class TokenRefused(Failure):
    """The mechanism refused a token or has no credentials. In a re-authentication only the attempt has failed."""

    def __init__(self, text, token=b''):
        super().__init__('AUTHENTICATION', text, Code.AUTHENTICATION, token)


class CallFailed(Failure):
    """A call failed; the channel is as good as before. A client that gives up then closes in order.

    `answer` is what the server said, None if it said nothing.
    """

    def __init__(self, text, answer=None):
        super().__init__('STATUS', text, Code.DONE)
        self.answer = answer


def broken(text, code=Code.PROTOCOL):
    """The peer broke the protocol."""
    return Failure('PROTOCOL', text, code)


def refused(text, code=Code.AUTHENTICATION):
    """This end refuses an identity, FINISHED or the terms."""
    return Failure('AUTHENTICATION', text, code)


class Reader:
    """Takes fields off the front of bytes; one that is longer than what is left breaks the protocol."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def left(self):
        return len(self.data) - self.at

    def take(self, size):
        if size > self.left():
            raise broken('a field is longer than its message')
        self.at += size
        return self.data[self.at - size:self.at]

    def uint(self, size):
        return int.from_bytes(self.take(size), 'big')


def message(kind, body):
    """A message: header and body."""
    return len(body).to_bytes(3, 'big') + bytes([kind]) + body


def flip(data):
    """The same bytes with the lowest bit of the last one flipped."""
    return data[:-1] + bytes([data[-1] ^ 1])


def alert(failure):
    return message(Type.ALERT, failure.code.to_bytes(2, 'big') + failure.token[:4000])


def check_size(kind, size):
    least, most = SIZES[kind]
    if not least <= size <= most:
        raise broken(f'a message of type {kind} with {size} bytes')
