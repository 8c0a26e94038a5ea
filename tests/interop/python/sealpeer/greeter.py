# SPDX-License-Identifier: Apache-2.0
"""demo.Greeter of examples/greeter/greeter.proto: both messages have one string, with number 1."""
from .protocol import CallFailed

SAY_HELLO = 'demo.Greeter/SayHello'
_STRING_1 = 1 << 3 | 2


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


def pack_text(text):
    data = text.encode()
    return bytes([_STRING_1]) + _varint(len(data)) + data if data else b''


def parse_text(data):
    """The string of a message; other fields are skipped."""
    text, at = '', 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        wire_type = tag & 7
        if wire_type == 0:
            _, at = _read_varint(data, at)
        elif wire_type == 2:
            size, start = _read_varint(data, at)
            at = start + size
            if tag == _STRING_1 and at <= len(data):
                text = data[start:at].decode('utf-8', 'replace')
        elif wire_type in (1, 5):
            at += 8 if wire_type == 1 else 4
        else:
            raise CallFailed('not a protobuf message')
    if at != len(data):
        raise CallFailed('not a protobuf message')
    return text
