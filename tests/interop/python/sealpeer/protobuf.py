# SPDX-License-Identifier: Apache-2.0
"""As much of the protobuf encoding as the messages of this peer need, and the details of a status."""
from .protocol import CallFailed

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_TYPE_PREFIX = 'type.googleapis.com/'


def _varint(number):
    data = b''
    while number > 0x7f:
        data += bytes([number & 0x7f | 0x80])
        number >>= 7
    return data + bytes([number])


def _read_varint(data, at):
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        number |= (data[at] & 0x7f) << shift
        at += 1
        if data[at - 1] < 0x80:
            return number, at
    raise CallFailed('not a protobuf message')


def pack_bytes(number, data):
    """A field of bytes; nothing if it is empty, as proto3 has it."""
    return bytes([number << 3 | _BYTES]) + _varint(len(data)) + data if data else b''


def fields(data):
    """The fields of bytes as (number, value); others are skipped."""
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        wire_type = tag & 7
        if wire_type == _VARINT:
            _, at = _read_varint(data, at)
        elif wire_type == _BYTES:
            size, start = _read_varint(data, at)
            at = start + size
            if at <= len(data):
                yield tag >> 3, data[start:at]
        elif wire_type in (_FIXED64, _FIXED32):
            at += 8 if wire_type == _FIXED64 else 4
        else:
            raise CallFailed('not a protobuf message')
    if at != len(data):
        raise CallFailed('not a protobuf message')


def pack_details(details):
    """A google.rpc.Status of google.protobuf.Any, from (type name, message)."""
    return b''.join(pack_bytes(3, pack_bytes(1, (_TYPE_PREFIX + name).encode()) + pack_bytes(2, message))
                    for name, message in details)


def parse_details(data):
    """The details as (type name, message)."""
    details = []
    for number, packed in fields(data):
        if number == 3:
            wrapped = dict(fields(packed))
            details.append((wrapped.get(1, b'').decode('utf-8', 'replace').rpartition('/')[2], wrapped.get(2, b'')))
    return details
