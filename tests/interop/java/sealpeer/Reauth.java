// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Re-authentication: what both ends need. Attempts, and messages that are cut over HANDSHAKE records. */
abstract class Reauth {
    private static final int PIECE = 60000;

    /** A message of an attempt. */
    record Message(int type, byte[] body) {}

    protected final Channel channel;
    protected final Policy policy;
    protected int attempt;
    private byte[] pending = {};

    protected Reauth(Channel channel, Policy policy) {
        this.channel = channel;
        this.policy = policy;
    }

    /** A HANDSHAKE record. */
    abstract void receive(byte[] content) throws Failure;

    protected Policy begin(int number) {
        attempt = number;
        pending = new byte[0];
        return policy.present(channel.terms());
    }

    protected void send(List<byte[]> messages) throws Failure {
        byte[] data = Bytes.join(messages);
        for (int at = 0; at < data.length; at += PIECE) {
            byte[] piece = Arrays.copyOfRange(data, at, Math.min(at + PIECE, data.length));
            channel.send(Type.HANDSHAKE, Bytes.join(Bytes.u16(attempt), piece));
        }
    }

    /** The number of the attempt that a record belongs to. */
    protected static int attemptOf(byte[] content) throws Failure {
        int number = content.length < 3 ? 0 : new Bytes(content).small(2);
        if (number == 0) {
            throw Failure.broken("an empty piece of a re-authentication, or attempt 0");
        }
        return number;
    }

    /** The messages that a record completes. */
    protected List<Message> messages(byte[] content) throws Failure {
        pending = Bytes.join(pending, Arrays.copyOfRange(content, 2, content.length));
        List<Message> complete = new ArrayList<>();
        while (pending.length >= 4) {
            int size = new Bytes(pending).small(3);
            int type = pending[3] & 0xff;
            if (!Type.ofHandshake(type)) {
                throw Failure.broken("type " + type + " in a re-authentication");
            }
            Type.checkSize(type, size);
            if (pending.length < 4 + size) {
                break;
            }
            complete.add(new Message(type, Arrays.copyOfRange(pending, 4, 4 + size)));
            pending = Arrays.copyOfRange(pending, 4 + size, pending.length);
        }
        return complete;
    }

    protected void check(Handshake.Terms terms) throws Failure {
        if (!terms.sameAs(channel.terms())) {
            throw Failure.refused("the re-authentication came out with another identity or protection");
        }
    }

    /** The last message under the old keys has to be the last one in its record. */
    protected void checkNothingBehind(boolean more) throws Failure {
        if (more || pending.length > 0) {
            throw Failure.broken("something behind the last message under the old keys");
        }
    }
}
