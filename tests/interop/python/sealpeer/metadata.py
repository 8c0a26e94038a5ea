# SPDX-License-Identifier: Apache-2.0
"""Metadata blocks: lists of (key, value), the key a string, the value bytes."""
import re
import struct

from .protocol import Reader, broken

MAX = 8192
_KEY = re.compile(r'(?!seal-)[a-z0-9._-]{1,255}')
_TEXT = re.compile(rb'([!-~]([ -~]*[!-~])?)?')


def pack(entries):
    return b''.join(struct.pack('!BH', len(key), len(value)) + key.encode() + value for key, value in entries)


def parse(block):
    """The entries of a block, each checked. Ends with Failure where the block is broken."""
    if len(block) > MAX:
        raise broken('too many bytes of metadata')
    reader, entries = Reader(block), []
    while reader.left():
        sizes = reader.uint(1), reader.uint(2)
        key, value = reader.take(sizes[0]).decode('latin-1'), reader.take(sizes[1])
        if not _KEY.fullmatch(key):
            raise broken(f'metadata with the key {key!r}')
        if not key.endswith('-bin') and not _TEXT.fullmatch(value):
            raise broken(f'metadata with a value of {key} that is not text')
        entries.append((key, value))
    return entries
