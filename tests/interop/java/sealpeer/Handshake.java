// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import java.io.ByteArrayOutputStream;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.List;

/**
 * One side of a handshake, without a socket: start() gives the first flight, take() takes a message of the peer's and
 * gives the next flight, perhaps empty. So the same code does the first handshake and re-authentications.
 */
abstract class Handshake {
    private static final int MAX_TOKENS = 16;
    private static final int DIGEST = 32;

    /** What a handshake has settled. */
    record Terms(Gss context, int suite, int level, Crypto.Schedule schedule) {
        /** Whether a re-authentication came out with the same ends and protection. */
        boolean sameAs(Terms other) {
            return context.peer.equals(other.context.peer) && context.own.equals(other.context.own)
                && suite == other.suite && level == other.level;
        }
    }

    protected final Policy policy;
    protected Gss context;
    /** The one type that may come next, besides ALERT. */
    protected int expects;
    private final ByteArrayOutputStream transcript = new ByteArrayOutputStream();
    private int tokens;
    private boolean spoilt;
    private boolean finishedSent;
    private Terms terms;

    protected Handshake(Policy policy, byte[] prefix) {
        this.policy = policy;
        transcript.writeBytes(prefix);
    }

    abstract List<byte[]> start() throws Failure;

    protected abstract List<byte[]> takeHello(byte[] body) throws Failure;

    protected abstract List<byte[]> takeToken(byte[] body) throws Failure;

    protected abstract List<byte[]> takeFinished(byte[] body) throws Failure;

    int expects() {
        return expects;
    }

    /** Null until the handshake is over. Its last flight may still have to be sent. */
    Terms terms() {
        return terms;
    }

    boolean mayAlert() {
        return !finishedSent;
    }

    /** Takes one message, and returns the flight that answers it. */
    List<byte[]> take(int type, byte[] body) throws Failure {
        if (type == Type.ALERT) {
            throw alerted(body);
        }
        if (type != expects) {
            throw Failure.broken("a message of type " + type + " in place of " + expects);
        }
        switch (type) {
            case Type.TOKEN:
                countToken();
                add(Bytes.message(type, body));
                return takeToken(body);
            case Type.FINISHED:
                return takeFinished(body);
            default:
                add(Bytes.message(type, body));
                return takeHello(body);
        }
    }

    protected Failure alerted(byte[] body) throws Failure {
        return new Failure("PEER_REFUSED", "alert " + Code.name(new Bytes(body).small(2)) + " (not authenticated)",
            Failure.UNTOLD);
    }

    protected byte[] add(byte[] message) {
        transcript.writeBytes(message);
        return message;
    }

    private void countToken() throws Failure {
        if (++tokens > MAX_TOKENS) {
            throw Failure.broken("more than 16 tokens");
        }
    }

    /** Whether to spoil this: the first of its kind. */
    private boolean spoils(String what) {
        boolean now = policy.tamper().equals(what) && !spoilt;
        spoilt |= now;
        return now;
    }

    /** TOKEN. The transcript has the true one, whatever goes on the wire. */
    protected byte[] token(byte[] token) throws Failure {
        countToken();
        byte[] message = add(Bytes.message(Type.TOKEN, token));
        return spoils("token") ? Bytes.flip(message, 1) : message;
    }

    /** Gives a token to the context and returns its answer, empty only if the context is complete. */
    protected byte[] step(byte[] token) throws Failure {
        byte[] answer = context.step(token);
        if (answer.length == 0 && !context.complete()) {
            throw Failure.refused("the mechanism wants to continue without a token");
        }
        return answer;
    }

    protected byte[] makeFinished(byte[] secret) {
        byte[] digest = Crypto.sha256(transcript.toByteArray());
        if (spoils("transcript")) {
            digest = Bytes.flip(digest, 1);
        }
        byte[] message = add(Bytes.message(Type.FINISHED, context.wrap(Bytes.join(digest, secret), true)));
        finishedSent = true;
        return spoils("finished") ? Bytes.flip(message, 2) : message;
    }

    /** Verifies the peer's FINISHED and returns the secret in it. */
    protected byte[] checkFinished(byte[] body) throws Failure {
        if (context.unwrap(Bytes.flip(body, 1), true) != null) {
            throw Failure.refused("the mechanism accepts a FINISHED with a bit flipped");
        }
        byte[] content = context.unwrap(body, true);
        if (content == null || content.length != 2 * DIGEST) {
            throw Failure.refused("FINISHED does not verify");
        }
        byte[] digest = Crypto.sha256(transcript.toByteArray());
        if (!MessageDigest.isEqual(Arrays.copyOf(content, DIGEST), digest)) {
            throw Failure.refused("FINISHED is for another handshake: a message was changed on the way");
        }
        add(Bytes.message(Type.FINISHED, body));
        return Arrays.copyOfRange(content, DIGEST, content.length);
    }

    protected void settle(Hello chosen, byte[] serverSecret, byte[] clientSecret, byte[] shared) {
        byte[] digest = Crypto.sha256(transcript.toByteArray());
        terms = new Terms(context, chosen.suites.get(0), chosen.level,
            new Crypto.Schedule(digest, serverSecret, clientSecret, shared));
        expects = Type.SWITCH; // after a re-authentication, at the client
    }
}
