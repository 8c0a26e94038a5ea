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
from sealpeer.handshake import Policy
from sealpeer.protocol import Failure, Level, Mechanism, Suite
from sealpeer.rpc import Client, Server

_output = threading.Lock()


def say(*lines):
    """Prints lines that stay together."""
    with _output:
        print(*lines, sep='\n', flush=True)


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
    parser.add_argument('--calls', type=int, default=1)
    parser.add_argument('--tamper', choices=['token', 'finished', 'transcript', 'record', 'close'], default='')
    parser.add_argument('--renew', action='store_true', help='client: re-authenticate before each call but the first')
    options = parser.parse_args(words)
    labels = {suite.label: suite for suite in Suite}
    try:
        options.suites = [labels[label] for label in options.suite.split(',')]
    except KeyError as error:
        parser.error(f'no suite {error}')
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
        host, port = options.client.rsplit(':', 1)
        with socket.create_connection((host, int(port))) as sock:
            say(*call(sock, options))
        return 0
    except Failure as failure:
        say(f'error: {failure}')
    except OSError as error:
        say(f'error: OTHER: {error}')
    return 1


def call(sock, options):
    channel = Channel(sock, policy(options, options.principal, 'krb5'), is_client=True)
    try:
        client = Client(channel)
        for number in range(options.calls):
            if options.renew and number > 0:
                channel.reauth.run()
            reply = greeter.parse_text(client.call(greeter.SAY_HELLO, greeter.pack_text(options.name)))
        if options.tamper != 'close':
            client.close()
    except Failure as failure:
        channel.give_up(failure)
        raise
    terms = channel.terms
    return (f'server: {terms.context.peer}', f'client: {terms.context.own}',
            f'protection: {terms.level.name.lower()} ({terms.suite.label})', f'reply: {reply}')


def serve(sock, terms_wanted):
    """One connection of the server."""
    channel = None
    try:
        channel = Channel(sock, terms_wanted, is_client=False)

        def say_hello(request):
            if terms_wanted.tamper == 'close':
                raise Failure('OTHER', 'cut, as told')
            return greeter.pack_text(f'Hello, {greeter.parse_text(request)}! You are {channel.terms.context.peer}.')

        Server(channel, {greeter.SAY_HELLO: say_hello}).run()
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

    def accept():
        while True:
            sock = listener.accept()[0]
            threading.Thread(target=serve, args=(sock, wanted), daemon=True).start()

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
