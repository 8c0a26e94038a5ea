#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The command of this peer: a client and a server of the greeter, see tests/interop/README.md."""
import argparse
import os
import signal
import socket
import sys
import threading

from sealpeer import greeter, gss
from sealpeer.channel import Channel
from sealpeer.client import Client
from sealpeer.handshake import Policy
from sealpeer.protocol import CallFailed, Failure, Level, Mechanism, Suite
from sealpeer.server import Server

DRAIN_AFTER = 5  # calls

_output = threading.Lock()


def say(*lines):
    """Prints lines that stay together."""
    with _output:
        print(*lines, sep='\n', flush=True)


def entry(text):
    """KEY=HEX as an entry of metadata."""
    key, _, value = text.partition('=')
    return key, bytes.fromhex(value)


def arguments(words):
    parser = argparse.ArgumentParser(prog='peer.py', allow_abbrev=False)
    role = parser.add_mutually_exclusive_group(required=True)
    role.add_argument('--client', metavar='HOST:PORT')
    role.add_argument('--server', action='store_true')
    role.add_argument('--batch', action='store_true')
    parser.add_argument('--port-file')
    parser.add_argument('--mechanism', choices=['krb5', 'spnego'])
    parser.add_argument('--suite', default=','.join(suite.label for suite in Suite))
    parser.add_argument('--level', choices=['integrity', 'privacy'], default='privacy')
    parser.add_argument('--principal', default='greeter/localhost')
    parser.add_argument('--name', default='world')
    parser.add_argument('--size', type=int, help='client: a name of so many letters')
    parser.add_argument('--metadata', type=entry, action='append', default=[], metavar='KEY=HEX')
    parser.add_argument('--calls', type=int, default=1)
    parser.add_argument('--drain', action='store_true', help='server: send each client away after a while')
    parser.add_argument('--until-drained', action='store_true', help='client: make calls until it was sent away')
    parser.add_argument('--tamper', choices=['token', 'finished', 'transcript', 'record', 'close'], default='')
    parser.add_argument('--renew', action='store_true', help='client: re-authenticate before each call but the first')
    options = parser.parse_args(words)
    labels = {suite.label: suite for suite in Suite}
    try:
        options.suites = [labels[label] for label in options.suite.split(',')]
    except KeyError as error:
        parser.error(f'no suite {error}')
    if options.size is not None:
        options.name = 'x' * options.size
    if options.server and not options.port_file:
        parser.error('--server needs --port-file')
    return options


def policy(options, principal, mechanism):
    """The policy that the options ask for; `mechanism` if they name none, and all if that is None."""
    mechanism = options.mechanism or mechanism
    mechanisms = [Mechanism[mechanism.upper()]] if mechanism else list(Mechanism)
    return Policy(principal, mechanisms, options.suites, Level[options.level.upper()], options.tamper)


def run_client(options):
    """One run of the client; returns its exit status."""
    try:
        say(*call(options))
        return 0
    except CallFailed as failure:
        say(f'error: {failure}', *said(failure.answer))
    except Failure as failure:
        say(f'error: {failure}')
    except OSError as error:
        say(f'error: OTHER: {error}')
    return 1


class Connection:
    """A client's connection, which is made anew when the server has sent it away."""

    def __init__(self, options):
        self._options = options
        self._used = False
        self._open()

    def _open(self):
        host, port = self._options.client.rsplit(':', 1)
        self._sock = socket.create_connection((host, int(port)))
        try:
            self._channel = Channel(self._sock, policy(self._options, self._options.principal, 'krb5'), is_client=True)
            self._client = Client(self._channel)
        except Failure:
            self._sock.close()
            raise

    @property
    def going_away(self):
        return self._client.going_away

    @property
    def terms(self):
        return self._channel.terms

    def call(self):
        try:
            if self.going_away:
                self.close()
                self._open()
            elif self._options.renew and self._used:
                self._channel.reauth.run()
            self._used = True
            return self._client.call(greeter.SAY_HELLO, greeter.pack_text(self._options.name), self._options.metadata)
        except Failure as failure:
            self._channel.give_up(failure)
            raise

    def close(self):
        """In order, unless the options say otherwise."""
        try:
            if self._options.tamper != 'close':
                self._client.close()
        except Failure as failure:
            self._channel.give_up(failure)
            raise
        self._sock.close()


def call(options):
    connection = Connection(options)
    while options.until_drained and not connection.going_away:
        connection.call()
    for _ in range(options.calls):
        answer = connection.call()
    connection.close()
    terms = connection.terms
    return (f'server: {terms.context.peer}', f'client: {terms.context.own}',
            f'protection: {terms.level.name.lower()} ({terms.suite.label})',
            f'reply: {greeter.parse_text(answer.data)}', *said(answer))


def said(answer):
    """What else the server said, line by line."""
    if answer is None:
        return
    if answer.status:
        yield f'code: {answer.status}'
        yield f'execution: {answer.execution}'
    for word, entries in ('initial', answer.initial), ('trailing', answer.trailing), ('detail', answer.details):
        for key, value in entries:
            yield f'{word}: {key}={value.hex()}'
    if answer.retry_after is not None:
        yield f'retry-after: {answer.retry_after}'


def serve(sock, terms_wanted, drain_after):
    """One connection of the server."""
    channel = None
    try:
        channel = Channel(sock, terms_wanted, is_client=False)

        def say_hello(request, metadata):
            if terms_wanted.tamper == 'close':
                raise Failure('OTHER', 'cut, as told')
            return greeter.greet(request, metadata, channel.terms.context.peer)

        Server(channel, {greeter.SAY_HELLO: say_hello}, drain_after).run()
        say('end: CLOSED: orderly')
    except Failure as failure:
        if channel is not None:
            channel.give_up(failure)
        say(f'end: {failure}')
    finally:
        sock.close()


def listen(options):
    """Starts a server in the background."""
    principal = gss.own_principal(options.principal)
    listener = socket.create_server(('127.0.0.1', 0), backlog=64)
    wanted = policy(options, principal, None)
    drain_after = DRAIN_AFTER if options.drain else None

    def accept():
        while True:
            sock = listener.accept()[0]
            threading.Thread(target=serve, args=(sock, wanted, drain_after), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    with open(options.port_file + '.new', 'w', encoding='ascii') as file:
        file.write(f'{listener.getsockname()[1]}\n')
    os.rename(options.port_file + '.new', options.port_file)


def batch():
    """Runs the lines of standard input; servers stay until its end."""
    for line in sys.stdin:
        status = 0
        try:
            options = arguments(line.split())
            if options.server:
                listen(options)
            else:
                status = run_client(options)
        except SystemExit as error:  # argparse has said what is wrong
            status = error.code
        say(f'status: {status}')
    return 0


def main():
    options = arguments(sys.argv[1:])
    if options.batch:
        return batch()
    if options.client:
        return run_client(options)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    listen(options)
    signal.sigwait([signal.SIGTERM])
    return 0


if __name__ == '__main__':
    sys.exit(main())
