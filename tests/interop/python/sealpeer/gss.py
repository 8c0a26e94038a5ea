# SPDX-License-Identifier: Apache-2.0
"""The security context, on python3-gssapi, and what must hold of it before FINISHED."""
import gssapi
from gssapi import raw

from .protocol import Code, Failure, Mechanism, TokenRefused, refused

# An error of the mechanism is raised by the call that met it, with its token.
gssapi.SecurityContext.__DEFER_STEP_ERRORS__ = False

KRB5 = gssapi.OID.from_int_seq('1.2.840.113554.1.2.2')
OIDS = {Mechanism.KRB5: KRB5, Mechanism.SPNEGO: gssapi.OID.from_int_seq('1.3.6.1.5.5.2')}
AUTH_TARG = gssapi.OID.from_int_seq('1.3.6.1.5.5.13.11')  # GSS_C_MA_AUTH_TARG
SASL_SSF = gssapi.OID.from_int_seq('1.2.840.113554.1.2.2.5.15')  # GSS_C_SEC_CONTEXT_SASL_SSF

_flag = gssapi.RequirementFlag
REQUIRED = (_flag.mutual_authentication | _flag.confidentiality | _flag.integrity | _flag.replay_detection
            | _flag.out_of_sequence_detection)


def principal(text):
    return gssapi.Name(text, gssapi.NameType.kerberos_principal)


def without_realm(name):
    """A principal up to its realm, which begins at the last @ without a backslash before it."""
    at = name.rfind('@')
    while at > 0 and name[at - 1] == '\\':
        at = name.rfind('@', 0, at)
    return name if at < 0 else name[:at]


def same_principal(target, proved):
    """Whether `proved` is what `target` asks for: with its realm if it names one."""
    return proved == target or without_realm(proved) == target


def _credentials(usage, mechanism, name=None):
    """Credentials for one mechanism; SPNEGO negotiates krb5 and nothing else."""
    credentials = gssapi.Credentials(name=name, usage=usage, mechs=[OIDS[mechanism]])
    if mechanism == Mechanism.SPNEGO:
        raw.set_neg_mechs(credentials, [KRB5])
    return credentials


class Context:
    """A security context that is being made, or is complete."""

    def __init__(self, context):
        self._context = context
        self.peer = None
        self.own = None

    @classmethod
    def initiate(cls, mechanism, target):
        try:
            return cls(gssapi.SecurityContext(
                name=principal(target), mech=OIDS[mechanism], flags=REQUIRED, usage='initiate',
                creds=_credentials('initiate', mechanism)))
        except gssapi.exceptions.GSSError as error:
            raise TokenRefused(f'no credentials: {error}') from error

    @classmethod
    def accept(cls, mechanism, name):
        try:
            return cls(gssapi.SecurityContext(creds=_credentials('accept', mechanism, principal(name)), usage='accept'))
        except gssapi.exceptions.GSSError as error:
            raise TokenRefused(f'no credentials for {name}: {error}') from error

    @property
    def complete(self):
        return self._context.complete

    def step(self, token=None):
        """Gives a token to the mechanism and returns its answer, b'' if it has none."""
        try:
            return self._context.step(token) or b''
        except gssapi.exceptions.GSSError as error:
            raise TokenRefused(f'the mechanism failed: {error}', error.token or b'') from error

    def check(self):
        """Number 1, 2, 4 and 5 of "What must hold", and who the two ends are."""
        context = self._context
        # The mechanism before the names: not every mechanism survives being asked for them.
        if AUTH_TARG not in raw.inquire_attrs_for_mech(context.mech).mech_attrs:
            raise refused(f'{context.mech} does not authenticate its target', Code.NOT_MUTUAL)
        if context.actual_flags & REQUIRED != REQUIRED:
            raise refused(f'the context lacks flags: it has {context.actual_flags!r}', Code.NOT_MUTUAL)
        peer, own = context.initiator_name, context.target_name
        if context.locally_initiated:
            peer, own = own, peer
        if peer is None or own is None:
            raise refused('an end has no name')
        if peer.name_type == gssapi.NameType.anonymous:
            raise refused('the peer is anonymous')
        self.peer, self.own = str(peer), str(own)
        strength = raw.inquire_sec_context_by_oid(context, SASL_SSF)
        if int.from_bytes(strength[0], 'big') < 128:
            raise refused("the mechanism's keys are weaker than 128 bits", Code.LEVEL)
        if self.lifetime <= 0:
            raise refused('the life of the context is over', Code.EXPIRED)

    @property
    def lifetime(self):
        """Seconds that are left."""
        return self._context.lifetime

    def wrap(self, content, confidential):
        result = self._context.wrap(content, confidential)
        if result.encrypted != confidential:
            raise Failure('OTHER', 'wrap did not protect as asked', Code.INTERNAL)
        return result.message

    def unwrap(self, token, confidential):
        """The content, or None if the token is not exactly as it should be."""
        try:
            result = self._context.unwrap(token)
        except gssapi.exceptions.GSSError:  # also supplementary status: a duplicate, a gap
            return None
        return result.message if result.encrypted == confidential else None


def own_principal(name):
    """The server's principal with its realm; fails if the keytab has no key for it."""
    return str(_credentials('accept', Mechanism.KRB5, principal(name)).name)
