# SPDX-License-Identifier: Apache-2.0
"""Both sides of the handshake, without a socket.

A handshake is a generator: it yields a flight (a list of messages, perhaps empty) and is sent the next message that the
peer sent, as (type, body). It returns Terms. So the same code does the first handshake and re-authentications.
"""
import dataclasses
import hmac
import os

from . import gss
from .crypto import Schedule, Share, sha256
from .hello import ClientHello, ServerHello
from .protocol import Code, Failure, Level, Mechanism, Suite, Type, broken, code_name, flip, message, refused

MAX_TOKENS = 16


@dataclasses.dataclass
class Policy:
    """What an end wants (client) or accepts (server)."""
    principal: str
    mechanisms: list
    suites: list
    level: int
    tamper: str = ''


@dataclasses.dataclass
class Terms:
    """What a handshake has settled."""
    context: gss.Context
    suite: Suite
    level: Level
    schedule: Schedule
    last_flight: list

    def same_as(self, other):
        """Whether a re-authentication came out with the same ends and protection."""
        return ((self.context.peer, self.context.own, self.suite, self.level)
                == (other.context.peer, other.context.own, other.suite, other.level))


class Handshake:
    """What both sides need. `expects` is which types may come next; `may_alert`: FINISHED has not been sent."""

    def __init__(self, policy, prefix):
        self.policy = policy
        self.expects = ()
        self.may_alert = True
        self._transcript = prefix
        self._tokens = 0
        self._spoilt = False

    def _add(self, packed):
        self._transcript += packed
        return packed

    def _receive(self, flight, *types):
        """Sends a flight and waits for one message of these types, or ALERT."""
        self.expects = types
        kind, body = yield flight
        if kind == Type.ALERT:
            raise self._alerted(body)
        if kind not in types:
            raise broken(f'a message of type {kind} in place of {"/".join(t.name for t in types)}')
        if kind == Type.TOKEN:
            self._count_token()
        return body

    def _alerted(self, body):
        return Failure('PEER_REFUSED', f'alert {code_name(int.from_bytes(body[:2], "big"))} (not authenticated)')

    def _count_token(self):
        self._tokens += 1
        if self._tokens > MAX_TOKENS:
            raise broken('more than 16 tokens')

    def _token(self, token):
        """TOKEN. The transcript has the true one, whatever goes on the wire."""
        self._count_token()
        packed = self._add(message(Type.TOKEN, token))
        return flip(packed) if self._spoils('token') else packed

    def _spoils(self, what):
        """Whether to spoil this: the first of its kind."""
        if self.policy.tamper != what or self._spoilt:
            return False
        self._spoilt = True
        return True

    def _make_finished(self, context, secret):
        """FINISHED."""
        digest = sha256(self._transcript)
        if self._spoils('transcript'):
            digest = flip(digest)
        packed = self._add(message(Type.FINISHED, context.wrap(digest + secret, True)))
        self.may_alert = False
        return flip(packed[:-1]) + packed[-1:] if self._spoils('finished') else packed

    def _check_finished(self, context, body):
        """Verifies the peer's FINISHED and returns the secret in it."""
        if context.unwrap(flip(body), True) is not None:
            raise refused('the mechanism accepts a FINISHED with a bit flipped')
        content = context.unwrap(body, True)
        if content is None or len(content) != 64:
            raise refused('FINISHED does not verify')
        if not hmac.compare_digest(content[:32], sha256(self._transcript)):
            raise refused('FINISHED is for another handshake: a message was changed on the way')
        self._add(message(Type.FINISHED, body))
        return content[32:]

    def _terms(self, context, hello, secrets, shared, last_flight):
        schedule = Schedule(sha256(self._transcript), *secrets, shared)
        return Terms(context, Suite(hello.suite), Level(hello.level), schedule, last_flight)


class ClientHandshake(Handshake):
    """The initiator."""

    def __init__(self, policy, prefix=b''):
        super().__init__(policy, prefix)
        self._context = None

    def run(self):
        policy, mechanism = self.policy, self.policy.mechanisms[0]
        try:
            self._context = context = gss.Context.initiate(mechanism, policy.principal)
            token = context.step()
        except Failure as failure:  # nothing has been sent, and nothing will be
            raise Failure('OTHER', str(failure)) from failure
        share = Share()
        flight = [self._add(ClientHello(share.public, mechanism, policy.level, policy.suites, policy.principal).pack()),
                  self._token(token)]
        body = yield from self._receive(flight, Type.SERVER_HELLO)
        hello = ServerHello.parse(body)
        self._add(message(Type.SERVER_HELLO, body))
        self._check_hello(hello, share)
        flight = []
        while not context.complete:
            body = yield from self._receive(flight, Type.TOKEN)
            self._add(message(Type.TOKEN, body))
            token = context.step(body)
            if not token and not context.complete:
                raise refused('the mechanism wants to continue without a token')
            flight = [self._token(token)] if token else []
        context.check()
        if not gss.same_principal(policy.principal, context.peer):
            raise refused(f'the server is {context.peer}, not {policy.principal}')
        body = yield from self._receive(flight, Type.FINISHED)
        server_secret, client_secret = self._check_finished(context, body), os.urandom(32)
        finished = self._make_finished(context, client_secret)
        return self._terms(context, hello, (server_secret, client_secret), share.exchange(hello.share), [finished])

    def _alerted(self, body):
        """An alert's token is for the mechanism, which knows what it says; the handshake has failed all the same."""
        failure = super()._alerted(body)
        if len(body) == 2 or self._context.complete:
            return failure
        try:
            self._context.step(body[2:])
        except Failure as error:
            return Failure('PEER_REFUSED', f'{failure} {error}')
        return failure

    def _check_hello(self, hello, share):
        if hello.suite not in self.policy.suites:
            raise broken(f'the server chose suite {hello.suite}, which was not offered')
        if hello.mechanism != self.policy.mechanisms[0]:
            raise broken('the server chose another mechanism')
        if hello.level < self.policy.level:
            raise broken("the server chose a level below this end's floor")
        if hello.share == share.public:
            raise broken('the server has the share of this end')


class ServerHandshake(Handshake):
    """The acceptor. The principal of its policy has a realm."""

    def __init__(self, policy, prefix=b''):
        super().__init__(policy, prefix)
        self._mine = None

    def run(self):
        body = yield from self._receive([], Type.CLIENT_HELLO)
        theirs = ClientHello.parse(body)
        self._add(message(Type.CLIENT_HELLO, body))
        suite, level = self._choose(theirs)
        context = gss.Context.accept(Mechanism(theirs.mechanism), self.policy.principal)
        share, flight = None, []
        while not context.complete:
            body = yield from self._receive(flight, Type.TOKEN)
            self._add(message(Type.TOKEN, body))
            token = context.step(body)
            flight = []
            if share is None:
                share = Share()
                self._mine = ServerHello(share.public, theirs.mechanism, level, suite)
                flight.append(self._add(self._mine.pack()))
            if token:
                flight.append(self._token(token))
            elif not context.complete:
                raise refused('the mechanism wants to continue without a token')
        context.check()
        if not (gss.same_principal(self.policy.principal, context.own)
                and gss.same_principal(theirs.target, context.own)):
            raise refused(f'the ticket is for {context.own}', Code.UNKNOWN_TARGET)
        server_secret = os.urandom(32)
        flight.append(self._make_finished(context, server_secret))
        body = yield from self._receive(flight, Type.FINISHED)
        client_secret = self._check_finished(context, body)
        return self._terms(context, self._mine, (server_secret, client_secret), share.exchange(theirs.share), [])

    def _choose(self, theirs):
        """The suite and the level for this client, or a refusal."""
        policy = self.policy
        if theirs.mechanism not in policy.mechanisms:
            raise refused(f'mechanism {theirs.mechanism} is not accepted', Code.NO_MECHANISM)
        suites = [suite for suite in theirs.suites if suite in policy.suites]
        if not suites:
            raise refused('no common suite', Code.NO_SUITE)
        if not gss.same_principal(theirs.target, policy.principal):
            raise refused(f'{theirs.target} is not a name of this server', Code.UNKNOWN_TARGET)
        return suites[0], max(theirs.level, policy.level)
