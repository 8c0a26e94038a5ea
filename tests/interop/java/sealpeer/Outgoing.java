// SPDX-License-Identifier: Apache-2.0
package sealpeer;

/** A message on its way. */
final class Outgoing {
    /** Of the message, in a frame that does not complete it. */
    private static final int MIN_PIECE = 1024;
    private static final int LENGTH = 4;
    private static final byte[] NOTHING = {};

    private final long stream;
    private final Bytes rest;
    private final Flow flow;
    private final byte[] after;
    private boolean begun;

    /** @param after a frame that follows the message; without one (empty) it is the last of its stream */
    Outgoing(long stream, byte[] data, Flow flow, byte[] after) {
        this.stream = stream;
        this.rest = new Bytes(Bytes.join(Bytes.u32(data.length), data));
        this.flow = flow;
        this.after = after;
    }

    boolean done() {
        return rest.left() == 0;
    }

    /** The next frames, empty if nothing may be sent now. */
    byte[] next(Flow connection) throws Failure {
        int most = (int) Math.min(Frame.MAX_PIECE, Math.min(flow.allowance(), connection.allowance()));
        int size = Math.min(rest.left(), most);
        if (size < rest.left() && size - (begun ? 0 : LENGTH) < MIN_PIECE) {
            return NOTHING;
        }
        byte[] piece = rest.take(size);
        flow.use(size);
        connection.use(size);
        int flags = (begun ? 0 : Frame.FIRST) | (done() && after.length == 0 ? Frame.END : 0);
        begun = true;
        return Bytes.join(Frame.pack(Frame.DATA, flags, stream, piece), done() ? after : NOTHING);
    }
}
