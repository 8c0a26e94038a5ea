# SPDX-License-Identifier: Apache-2.0
"""X25519, HKDF and the key schedule ("Keys"), on python3-cryptography."""
import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .protocol import broken


def sha256(data):
    return hashlib.sha256(data).digest()


def hmac_sha256(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def expand(secret, info, size):
    """HKDF-Expand of RFC 5869."""
    output, block = b'', b''
    while len(output) < size:
        block = hmac_sha256(secret, block + info + bytes([len(output) // 32 + 1]))
        output += block
    return output[:size]


def expand_label(secret, label, size):
    label = b'sealrpc1 ' + label.encode()
    return expand(secret, size.to_bytes(2, 'big') + bytes([len(label)]) + label + b'\0', size)


class Share:
    """One end's X25519 key of one handshake."""

    def __init__(self, private=None):
        self._private = private or X25519PrivateKey.generate()
        self.public = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def exchange(self, share):
        try:
            return self._private.exchange(X25519PublicKey.from_public_bytes(share))
        except ValueError as error:  # the library refuses an all-zero result
            raise broken("the peer's X25519 share gives an all-zero secret") from error


class Schedule:
    """What both ends derive from a finished handshake."""

    def __init__(self, transcript_hash, server_secret, client_secret, shared):
        # HKDF-Extract is one HMAC with the salt as key.
        self.master = hmac_sha256(transcript_hash, server_secret + client_secret + shared)
        self.client_traffic = expand_label(self.master, 'c traffic', 32)
        self.server_traffic = expand_label(self.master, 's traffic', 32)
        self.channel_id = expand_label(self.master, 'channel id', 32)
