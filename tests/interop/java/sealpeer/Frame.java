// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import java.util.ArrayList;
import java.util.List;

/** A frame ("Records and frames"). */
record Frame(int type, int flags, long stream, byte[] payload) {
    static final int SETTINGS = 1, HEADERS = 2, DATA = 3, STATUS = 4, RESET = 5, PING = 6, PONG = 7, GOAWAY = 8,
            WINDOW = 9, METADATA = 10;
    /** Of a type that is to be ignored. */
    static final int UNKNOWN = 11;
    static final int FIRST = 1, END = 2;
    private static final int CRITICAL = 128;
    private static final int HEADER = 12;
    /** Of one stream, header included, while others have something to send. */
    private static final int MAX_FRAME = 16384;
    static final int MAX_PIECE = MAX_FRAME - HEADER;

    static byte[] pack(int type, int flags, long stream, byte[] payload) {
        return Bytes.join(Bytes.of(type, flags), Bytes.u16(payload.length), Bytes.u64(stream), payload);
    }

    /** The frames of a DATA record. */
    static List<Frame> parse(byte[] content) throws Failure {
        Bytes in = new Bytes(content);
        List<Frame> frames = new ArrayList<>();
        while (in.left() > 0) {
            int type = in.small(1);
            int flags = in.small(1);
            int size = in.small(2);
            long stream = in.number(8);
            Frame frame = new Frame(Math.min(type, UNKNOWN), flags, stream, in.take(size));
            if (type == 0 || type >= CRITICAL) {
                throw Failure.broken("a frame of type " + type);
            }
            frame.check();
            frames.add(frame);
        }
        return frames;
    }

    private void check() throws Failure {
        if (type == UNKNOWN) {
            return;
        }
        if ((flags & ~(type == DATA ? FIRST | END : 0)) != 0) {
            throw Failure.broken("flags " + flags + " of frame type " + type);
        }
        boolean ofStream = type >= HEADERS && type <= RESET || type == METADATA;
        if ((stream != 0) != ofStream && type != WINDOW) {
            throw Failure.broken("a frame of type " + type + " on stream " + Long.toUnsignedString(stream));
        }
    }
}
