// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import java.io.ByteArrayOutputStream;
import java.util.List;

/** What both ends of the calls need: SETTINGS, frames packed into records, PING, the budget. */
abstract class Rpc {
    private static final double BUDGET = 1000, PER_SECOND = 33;

    protected final Channel channel;
    private boolean settled;
    private double tokens = BUDGET;
    private long spentAt = System.nanoTime();

    protected Rpc(Channel channel, byte[] settings) throws Failure {
        this.channel = channel;
        channel.send(Type.DATA, Frame.pack(Frame.SETTINGS, 0, 0, settings));
    }

    protected abstract void take(Frame frame) throws Failure;

    protected abstract void takeGoaway(byte[] payload) throws Failure;

    /** Sends frames, as many as fit in a record. */
    protected void send(List<byte[]> frames) throws Failure {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        for (byte[] frame : frames) {
            if (content.size() + frame.length > Direction.MAX_CONTENT) {
                channel.send(Type.DATA, content.toByteArray());
                content.reset();
            }
            content.writeBytes(frame);
        }
        channel.send(Type.DATA, content.toByteArray());
    }

    /** Takes a record. Returns false when the peer has closed. */
    protected boolean receive() throws Failure {
        byte[] content = channel.receive();
        if (content == null) {
            return false;
        }
        for (Frame frame : Frame.parse(content)) {
            if (!settled && frame.type() != Frame.SETTINGS) {
                throw Failure.broken("the first frame is not SETTINGS");
            }
            switch (frame.type()) {
                case Frame.SETTINGS -> set(new Bytes(frame.payload()));
                case Frame.PING, Frame.PONG -> ping(frame);
                case Frame.GOAWAY -> takeGoaway(frame.payload());
                case Frame.UNKNOWN -> spend();
                default -> take(frame);
            }
        }
        return true;
    }

    private void set(Bytes pairs) throws Failure {
        if (settled || pairs.left() % 6 != 0 || pairs.left() > 32 * 6) {
            throw Failure.broken("a second SETTINGS, or a malformed one");
        }
        settled = true;
        for (int last = -1; pairs.left() > 0;) {
            int id = pairs.small(2);
            pairs.take(4);
            if (id <= last) {
                throw Failure.broken("SETTINGS do not rise");
            }
            last = id;
        }
    }

    /** This end sends no PING, so that a PONG answers none. */
    private void ping(Frame frame) throws Failure {
        if (frame.payload().length != 8) {
            throw Failure.broken("a malformed PING or PONG");
        }
        spend();
        if (frame.type() == Frame.PING) {
            channel.send(Type.DATA, Frame.pack(Frame.PONG, 0, 0, frame.payload()));
        }
    }

    /** Something of the peer's that is of no use. */
    protected void spend() throws Failure {
        long now = System.nanoTime();
        tokens = Math.min(BUDGET, tokens + PER_SECOND * (now - spentAt) / 1e9);
        spentAt = now;
        if (tokens < 1) {
            throw Failure.broken("too many useless frames", Code.LIMIT);
        }
        tokens--;
    }

    protected static long resetReason(Frame frame) throws Failure {
        if (frame.payload().length != 4) {
            throw Failure.broken("a malformed RESET");
        }
        return new Bytes(frame.payload()).number(4);
    }

    /** Extensions of frames; returns whether one of them is critical. */
    protected static boolean anyCritical(Bytes extensions) throws Failure {
        boolean critical = false;
        while (extensions.left() > 0) {
            critical |= extensions.small(1) >= 128;
            extensions.take(extensions.small(2));
        }
        return critical;
    }
}
