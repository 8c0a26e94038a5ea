# SPDX-License-Identifier: Apache-2.0
"""CLIENT_HELLO and SERVER_HELLO."""
import dataclasses
import os

from .protocol import Code, Reader, Type, broken, message

MAGIC = b'sealrpc\0'
VERSION = 1
ONE_WAY = 1
#: Of this process.
INSTANCE = os.urandom(16)


@dataclasses.dataclass
class ClientHello:
    share: bytes
    mechanism: int
    level: int
    suites: list
    target: str
    random: bytes = dataclasses.field(default_factory=lambda: os.urandom(32))
    instance: bytes = INSTANCE
    flags: int = 0

    def pack(self):
        target = self.target.encode()
        return message(Type.CLIENT_HELLO, b''.join((
            MAGIC, bytes([1]), VERSION.to_bytes(2, 'big'), self.random, self.instance, self.share,
            bytes([self.mechanism, self.flags, self.level, len(self.suites)]), bytes(self.suites),
            len(target).to_bytes(2, 'big'), target, bytes(2))))

    @classmethod
    def parse(cls, body):
        reader = Reader(body)
        _read_magic(reader)
        count = reader.uint(1)
        if not 1 <= count <= 16:
            raise broken(f'{count} versions')
        if VERSION not in [reader.uint(2) for _ in range(count)]:
            raise broken('no common version', Code.NO_VERSION)
        random, instance, share, mechanism, flags, level = _read_middle(reader)
        suites = list(reader.take(reader.uint(1)))
        if not 1 <= len(suites) <= 32 or len(set(suites)) != len(suites):
            raise broken('number of suites, or one twice')
        target = _target(reader.take(reader.uint(2)))
        _read_extensions(reader)
        return cls(share, mechanism, level, suites, target, random, instance, flags)


@dataclasses.dataclass
class ServerHello:
    share: bytes
    mechanism: int
    level: int
    suite: int
    random: bytes = dataclasses.field(default_factory=lambda: os.urandom(32))
    instance: bytes = INSTANCE
    flags: int = 0

    def pack(self):
        return message(Type.SERVER_HELLO, b''.join((
            MAGIC, VERSION.to_bytes(2, 'big'), self.random, self.instance, self.share,
            bytes([self.mechanism, self.flags, self.level, self.suite]), bytes(2))))

    @classmethod
    def parse(cls, body):
        reader = Reader(body)
        _read_magic(reader)
        if reader.uint(2) != VERSION:
            raise broken('the server chose a version that was not offered')
        random, instance, share, mechanism, flags, level = _read_middle(reader)
        suite = reader.uint(1)
        _read_extensions(reader)
        return cls(share, mechanism, level, suite, random, instance, flags)


def _read_magic(reader):
    if reader.take(8) != MAGIC:
        raise broken('a hello without the magic', None)


def _read_middle(reader):
    """The fields that both hellos have in common."""
    random, instance, share = reader.take(32), reader.take(16), reader.take(32)
    mechanism, flags, level = reader.uint(1), reader.uint(1), reader.uint(1)
    if flags & ~ONE_WAY:
        raise broken(f'flags {flags:#x}')
    if level not in (1, 2):
        raise broken(f'level {level}')
    if instance == INSTANCE:
        raise broken('this end is talking to itself')
    return random, instance, share, mechanism, flags, level


def _target(data):
    if not 1 <= len(data) <= 1024:
        raise broken(f'a target of {len(data)} bytes')
    try:
        text = data.decode('utf-8')
    except UnicodeDecodeError as error:
        raise broken('the target is not UTF-8') from error
    if any(ord(c) < 0x20 or ord(c) == 0x7f for c in text):
        raise broken('a control character in the target')
    return text


def _read_extensions(reader):
    if reader.uint(2) != reader.left():
        raise broken('the length of the extensions is not what is left')
    last = -1
    while reader.left():
        kind = reader.uint(2)
        reader.take(reader.uint(2))
        if kind <= last:
            raise broken('extensions do not rise')
        if kind >= 0x8000:
            raise broken(f'critical extension {kind:#x}')
        last = kind
