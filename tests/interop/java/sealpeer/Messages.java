// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import java.io.ByteArrayOutputStream;

/** The messages that come on a stream. A unary call has one; any other number is the caller's affair. */
final class Messages {
    private static final int LIMIT = 4 << 20;
    /** Of a message, in a frame that does not complete it. */
    private static final int MIN_PIECE = 1024;

    private final ByteArrayOutputStream data = new ByteArrayOutputStream();
    private long left;
    private int count;
    private boolean tooBig;
    private boolean ended;

    /** Takes a DATA frame. Returns false for a useless one. */
    boolean take(Frame frame) throws Failure {
        byte[] piece = frame.payload();
        boolean end = (frame.flags() & Frame.END) != 0;
        if ((frame.flags() & Frame.FIRST) != 0) {
            piece = first(new Bytes(piece));
        } else if (piece.length > 0 ? left == 0 : !end) {
            throw Failure.broken("a continuation of nothing, or an empty one");
        }
        if (piece.length > left) {
            throw Failure.broken("more than the length of the message");
        }
        left -= piece.length;
        if (!tooBig) { // what is too big is dropped as it comes
            data.writeBytes(piece);
        }
        if (end && left > 0) {
            throw Failure.broken("END inside a message");
        }
        ended |= end;
        return left == 0 || piece.length >= MIN_PIECE;
    }

    private byte[] first(Bytes payload) throws Failure {
        if (left > 0) {
            throw Failure.broken("FIRST inside a message");
        }
        left = payload.number(4);
        if (left > 0 && payload.left() == 0) {
            throw Failure.broken("the first frame of a message has none of it");
        }
        count++;
        data.reset();
        tooBig = left > LIMIT;
        return payload.rest();
    }

    byte[] data() {
        return data.toByteArray();
    }

    /** How many messages have begun. */
    int count() {
        return count;
    }

    boolean tooBig() {
        return tooBig;
    }

    /** No message has begun that is not complete. */
    boolean whole() {
        return left == 0;
    }

    boolean ended() {
        return ended;
    }
}
