# SPDX-License-Identifier: Apache-2.0
"""demo.Greeter of examples/greeter/greeter.proto: both messages have one string, with number 1. And what a peer does with
metadata and for the name that it does not greet: see tests/interop/README.md."""
from .protobuf import fields, pack_bytes
from .rpc import EXECUTED, Answer

SAY_HELLO = 'demo.Greeter/SayHello'
REQUEST, REPLY = 'demo.HelloRequest', 'demo.HelloReply'
STRANGER = 'nobody'
_NOT_FOUND = 5
_RETRY_AFTER = 1500


def pack_text(text):
    return pack_bytes(1, text.encode())


def parse_text(data):
    """The string of a message; other fields are skipped."""
    return dict(fields(data)).get(1, b'').decode('utf-8', 'replace')


def greet(request, metadata, principal):
    """The answer to a request."""
    name = parse_text(request)
    answer = Answer(initial=[entry for entry in metadata if entry[0].startswith('initial-')],
                    trailing=[entry for entry in metadata if entry[0].startswith('trailing-')])
    if name == STRANGER:
        answer.status, answer.execution, answer.text = _NOT_FOUND, EXECUTED, 'I do not know you.'
        answer.details = [(REPLY, pack_text(principal)), (REQUEST, request)]
        answer.retry_after = _RETRY_AFTER
    else:
        answer.data = pack_text(f'Hello, {name}! You are {principal}.')
    return answer
