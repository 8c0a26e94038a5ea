#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes every test vector of docs/protocol.md anew, from the inputs that are given there.

usage: vectors.py PROTOCOL.MD
"""
import sys
import types

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from sealpeer.crypto import Schedule, Share, expand_label, sha256
from sealpeer.hello import ClientHello, ServerHello
from sealpeer.protocol import Level, Suite, Type, message
from sealpeer.records import Direction


class StandIn:
    """The mechanism of the vectors: it puts a word in front."""

    def wrap(self, content, confidential):
        return (b'WRAP' if confidential else b'SIGN') + content

    def unwrap(self, token, confidential):
        return token[4:] if token[:4] == self.wrap(b'', confidential) else None


class Vectors:
    """The block of vectors: a title, then lines of hexadecimal."""

    def __init__(self, path):
        self.given = {}
        self.made = set()
        self.wrong = 0
        with open(path, encoding='utf-8') as file:
            block = file.read().split('```text\n')[1].split('```')[0]
        for line in block.splitlines():
            if line.startswith('  '):
                self.given[title] += bytes.fromhex(line)
            else:
                title = line
                self.given[title] = b''

    def __getitem__(self, title):
        return self.given[title]

    def inputs(self, *titles):
        """Values that are given, not made."""
        self.made.update(titles)
        return [self.given[title] for title in titles]

    def compare(self, title, value):
        self.made.add(title)
        if self.given.get(title) != value:
            self.wrong += 1
            print(f'vectors: {title}: made {value.hex()}')


def handshake(vectors):
    """The handshake up to the key schedule; returns the schedule."""
    keys = vectors.inputs('X25519 private key of the client', 'X25519 private key of the server')
    client_share, server_share = (Share(X25519PrivateKey.from_private_bytes(key)) for key in keys)
    client, server = ClientHello.parse(vectors['CLIENT_HELLO'][4:]), ServerHello.parse(vectors['SERVER_HELLO'][4:])
    client.share, server.share = client_share.public, server_share.public
    flights = {
        'CLIENT_HELLO': client.pack(),
        'TOKEN of the client': message(Type.TOKEN, b'client token' * 2),
        'SERVER_HELLO': server.pack(),
        'TOKEN of the server': message(Type.TOKEN, b'server token' * 2),
        'FINISHED of the server': message(Type.FINISHED, b'wrapped by the server ' * 5 + b'wrapped by the'),
        'FINISHED of the client': message(Type.FINISHED, b'wrapped by the client ' * 5 + b'wrapped by the'),
    }
    transcript = b''
    for title, packed in flights.items():
        if title.startswith('FINISHED'):
            vectors.compare(f"TH in the {title.rsplit(' ', 1)[1]}'s FINISHED", sha256(transcript))
        vectors.compare(title, packed)
        transcript += packed
    vectors.compare('TH after both', sha256(transcript))
    shared = client_share.exchange(server_share.public)
    vectors.compare('X25519 shared secret', shared)
    return Schedule(sha256(transcript), *vectors.inputs('server secret', 'client secret'), shared)


def keys(vectors, schedule):
    traffic = schedule.client_traffic
    vectors.compare('master', schedule.master)
    vectors.compare('c traffic', traffic)
    vectors.compare('s traffic', schedule.server_traffic)
    vectors.compare('channel id', schedule.channel_id)
    vectors.compare('key, 32 bytes, from c traffic', expand_label(traffic, 'key', 32))
    vectors.compare('key, 16 bytes, from c traffic', expand_label(traffic, 'key', 16))
    vectors.compare('iv from c traffic', expand_label(traffic, 'iv', 12))
    vectors.compare('mac from c traffic', expand_label(traffic, 'mac', 32))
    vectors.compare('upd from c traffic: the next generation', expand_label(traffic, 'upd', 32))


def records(vectors, traffic):
    for suite in Suite:
        for level in reversed(Level):
            terms = types.SimpleNamespace(suite=suite, level=level, context=StandIn())
            end = Direction(traffic, terms)
            title = f'{suite.label}, {level.name.lower()}: record'
            vectors.compare(f'{title} 0, DATA "first"', end.seal(Type.DATA, b'first'))
            vectors.compare(f'{title} 1, KEY_UPDATE', end.seal(Type.KEY_UPDATE, b'\0'))
            end = end.next()
            vectors.compare(f'{title} 0 under the next key, CLOSE 0', end.seal(Type.CLOSE, bytes(2)))


def main():
    vectors = Vectors(sys.argv[1])
    schedule = handshake(vectors)
    keys(vectors, schedule)
    records(vectors, schedule.client_traffic)
    for title in vectors.given.keys() - vectors.made:
        vectors.wrong += 1
        print(f'vectors: {title}: not made')
    print(f'vectors: {len(vectors.given)}, {vectors.wrong} wrong')
    return 1 if vectors.wrong or not vectors.given else 0


if __name__ == '__main__':
    sys.exit(main())
