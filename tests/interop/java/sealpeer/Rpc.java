// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import java.io.ByteArrayOutputStream;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What both ends of the calls need: SETTINGS, frames packed into records, flow control, PING, the budget. */
abstract class Rpc {
    private static final double BUDGET = 1000, PER_SECOND = 33;
    private static final int STREAM_WINDOW = 3, CONNECTION_WINDOW = 4; // ids of SETTINGS
    /** A size that no other peer has. */
    private static final int MY_STREAM_WINDOW = 100_000;
    /** A WINDOW frame of less costs. */
    private static final int CRUMB = 4096;
    private static final byte[] NOTHING = {};

    /** What is done when a PING has been answered. */
    protected interface Answered {
        void run() throws Failure;
    }

    private record Ping(byte[] payload, Answered answered) {}

    /** What both ends keep of a stream. */
    protected static final class Call {
        final Flow flow;
        final Messages messages = new Messages();

        private Call(Flow flow) {
            this.flow = flow;
        }
    }

    protected final Channel channel;
    protected final Map<Long, Call> calls = new HashMap<>();
    protected long last;
    private final Map<Long, Outgoing> sending = new LinkedHashMap<>();
    private final Flow connection;
    private final Deque<Ping> pings = new ArrayDeque<>();
    private long pinged;
    private long firstAllowance = Flow.FIRST_WINDOW;
    private boolean settled;
    private boolean closing;
    private double tokens = BUDGET;
    private long spentAt = System.nanoTime();

    /** @param settings those before the windows
     *  @param streams how many there may be at once: the connection's window has room for all of them */
    protected Rpc(Channel channel, byte[] settings, int streams) throws Failure {
        this.channel = channel;
        connection = new Flow(Flow.FIRST_WINDOW, streams * MY_STREAM_WINDOW);
        channel.send(Type.DATA, Frame.pack(Frame.SETTINGS, 0, 0, Bytes.join(settings,
            Bytes.u16(STREAM_WINDOW), Bytes.u32(MY_STREAM_WINDOW),
            Bytes.u16(CONNECTION_WINDOW), Bytes.u32(streams * MY_STREAM_WINDOW))));
    }

    protected abstract void take(Frame frame) throws Failure;

    protected abstract void takeGoaway(byte[] payload) throws Failure;

    /** Takes the next stream. */
    protected long open() {
        last++;
        calls.put(last, new Call(new Flow(firstAllowance, MY_STREAM_WINDOW)));
        return last;
    }

    /** The call is over at this end. Returns whether it was there. */
    protected boolean forget(long stream) {
        sending.remove(stream);
        return calls.remove(stream) != null;
    }

    // ---- Sending

    /** Sends frames, as many as fit in a record. */
    protected void send(List<byte[]> frames) throws Failure {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        for (byte[] frame : frames) {
            if (content.size() > 0 && content.size() + frame.length > Direction.MAX_CONTENT) {
                channel.send(Type.DATA, content.toByteArray());
                content.reset();
            }
            content.writeBytes(frame);
        }
        if (content.size() > 0) {
            channel.send(Type.DATA, content.toByteArray());
        }
    }

    /** Sends a message as soon as the peer takes it. */
    protected void queue(long stream, byte[] data, byte[] after) {
        sending.put(stream, new Outgoing(stream, data, calls.get(stream).flow, after));
    }

    /** Sends frames, and of the messages what may be sent; their streams take turns. */
    protected void pump(byte[]... first) throws Failure {
        List<byte[]> frames = new ArrayList<>(Arrays.asList(first));
        int before;
        do {
            before = frames.size();
            for (long stream : List.copyOf(sending.keySet())) {
                byte[] next = sending.get(stream).next(connection);
                if (next.length > 0) {
                    frames.add(next);
                }
                if (sending.get(stream).done()) {
                    sending.remove(stream);
                    sent(stream);
                }
            }
        } while (frames.size() > before);
        send(frames);
    }

    /** A message has left. */
    protected void sent(long stream) {
    }

    /** A PING. When it has been answered, the peer has got all that was sent before it. */
    protected byte[] pack(Answered answered) {
        Ping ping = new Ping(Bytes.u64(++pinged), answered);
        pings.add(ping);
        return Frame.pack(Frame.PING, 0, 0, ping.payload);
    }

    /** Sends CLOSE; what the peer still says has no effect. */
    protected void sendClose() throws Failure {
        channel.close(Code.DONE);
        closing = true;
    }

    protected boolean closing() {
        return closing;
    }

    // ---- Receiving

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
            if (!closing) {
                receive(frame);
            }
        }
        if (!closing) {
            pump();
        }
        return true;
    }

    private void receive(Frame frame) throws Failure {
        switch (frame.type()) {
            case Frame.SETTINGS -> set(new Bytes(frame.payload()));
            case Frame.PING -> ping(frame);
            case Frame.PONG -> pong(frame);
            case Frame.GOAWAY -> takeGoaway(frame.payload());
            case Frame.WINDOW -> opened(frame);
            case Frame.UNKNOWN -> spend();
            case Frame.DATA -> {
                charge(0, connection, frame.payload().length);
                if (calls.containsKey(frame.stream())) {
                    charge(frame.stream(), calls.get(frame.stream()).flow, frame.payload().length);
                }
                take(frame);
            }
            default -> take(frame);
        }
    }

    private void set(Bytes pairs) throws Failure {
        if (settled || pairs.left() % 6 != 0 || pairs.left() > 32 * 6) {
            throw Failure.broken("a second SETTINGS, or a malformed one");
        }
        settled = true;
        for (int before = -1; pairs.left() > 0;) {
            int id = pairs.small(2);
            long value = pairs.number(4);
            if (id <= before) {
                throw Failure.broken("SETTINGS do not rise");
            }
            before = id;
            if (id == STREAM_WINDOW || id == CONNECTION_WINDOW) {
                setWindow(id, value);
            }
        }
    }

    private void setWindow(int id, long value) throws Failure {
        if (value < Flow.FIRST_WINDOW || value > Flow.MAX_WINDOW) {
            throw Failure.broken("SETTINGS with a wrong window");
        }
        if (id == CONNECTION_WINDOW) {
            connection.grow(value - Flow.FIRST_WINDOW);
            return;
        }
        firstAllowance = value;
        for (Call call : calls.values()) {
            call.flow.grow(value - Flow.FIRST_WINDOW);
        }
    }

    private void ping(Frame frame) throws Failure {
        checkPing(frame);
        spend();
        channel.send(Type.DATA, Frame.pack(Frame.PONG, 0, 0, frame.payload()));
    }

    private void pong(Frame frame) throws Failure {
        checkPing(frame);
        if (pings.isEmpty() || !Arrays.equals(pings.peek().payload, frame.payload())) {
            spend();
        } else {
            pings.remove().answered.run();
        }
    }

    private static void checkPing(Frame frame) throws Failure {
        if (frame.payload().length != 8) {
            throw Failure.broken("a malformed PING or PONG");
        }
    }

    /**
     * DATA has come. This end reads everything, so it gives back everything: when the peer has answered a PING, for what
     * comes before the answer was sent under the old window.
     */
    private void charge(long stream, Flow flow, int size) throws Failure {
        int increment = flow.take(size);
        if (increment > 0) {
            channel.send(Type.DATA, pack(() -> giveBack(stream, flow, increment)));
        }
    }

    private void giveBack(long stream, Flow flow, int increment) throws Failure {
        flow.open(increment);
        if (stream == 0 || calls.containsKey(stream) && !calls.get(stream).messages.ended()) {
            channel.send(Type.DATA, Frame.pack(Frame.WINDOW, 0, stream, Bytes.u32(increment)));
        }
    }

    /** WINDOW. One that crosses the end of its stream has no effect. */
    private void opened(Frame frame) throws Failure {
        long increment = frame.payload().length == 4 ? new Bytes(frame.payload()).number(4) : 0;
        if (increment == 0 || increment > Flow.MAX_WINDOW || Long.compareUnsigned(frame.stream(), last) > 0) {
            throw Failure.broken("a malformed WINDOW, or of a stream that is not open");
        }
        if (increment < CRUMB) {
            spend();
        }
        if (frame.stream() == 0) {
            connection.grow(increment);
        } else if (calls.containsKey(frame.stream())) {
            calls.get(frame.stream()).flow.grow(increment);
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

    /** The extensions of frames, by type. */
    static Map<Integer, byte[]> extensions(Bytes in) throws Failure {
        Map<Integer, byte[]> extensions = new HashMap<>();
        while (in.left() > 0) {
            int type = in.small(1);
            if (extensions.put(type, in.take(in.small(2))) != null) {
                throw Failure.broken("an extension stands twice");
            }
        }
        return extensions;
    }

    /** Nothing follows the message. */
    protected static byte[] nothing() {
        return NOTHING;
    }
}
