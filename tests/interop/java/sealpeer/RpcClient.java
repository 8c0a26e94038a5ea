// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A client of unary calls, one at a time. */
final class RpcClient extends Rpc {
    private static final long NO_DEADLINE = -1;
    private static final int TOO_BIG = 2;

    private final Map<String, Integer> numbers = new HashMap<>();
    private final Set<Long> lateStreams = new HashSet<>();
    private long stream;
    private long lastTaken = -1; // as unsigned: all
    private Messages reply;
    private String failure;

    RpcClient(Channel channel) throws Failure {
        super(channel, new byte[0]);
    }

    /** Makes a call and returns its reply. */
    byte[] call(String method, byte[] request) throws Failure {
        stream++;
        byte[] name = numbers.containsKey(method) ? new byte[0] : method.getBytes(UTF_8);
        int number = numbers.computeIfAbsent(method, m -> numbers.size() + 1);
        reply = new Messages();
        failure = null;
        List<byte[]> frames = new ArrayList<>();
        frames.add(Frame.pack(Frame.HEADERS, 0, stream, Bytes.join(Bytes.u32(number), Bytes.u64(NO_DEADLINE),
            Bytes.u16(name.length), name)));
        frames.addAll(Frame.ofMessage(stream, request));
        send(frames);
        while (!reply.ended() && failure == null) {
            if (!receive()) {
                throw Failure.ofCall("UNAVAILABLE: the server has closed the connection");
            }
        }
        if (failure == null && reply.count() != 1) {
            failure = reply.count() + " messages in the reply of a unary call";
        }
        if (failure != null) {
            throw Failure.ofCall(failure);
        }
        return reply.data();
    }

    /** Sends CLOSE and waits for the server's. */
    void close() throws Failure {
        channel.close(Code.DONE);
        while (receive()) {
            // what was on its way
        }
    }

    @Override
    protected void take(Frame frame) throws Failure {
        if (frame.type() == Frame.HEADERS || Long.compareUnsigned(frame.stream(), stream) > 0) {
            throw Failure.broken("a frame of type " + frame.type() + " for stream " + frame.stream());
        }
        String ending = frame.type() == Frame.STATUS ? status(new Bytes(frame.payload()))
            : frame.type() == Frame.RESET ? "the server reset the call, reason " + resetReason(frame) : null;
        if (lateStreams.contains(frame.stream())) {
            if (ending != null || (frame.flags() & Frame.END) != 0) {
                lateStreams.remove(frame.stream());
            }
        } else if (frame.stream() != stream || reply.ended() || failure != null) {
            spend();
        } else if (ending != null) {
            failure = ending;
        } else {
            takeData(frame);
        }
    }

    private void takeData(Frame frame) throws Failure {
        if (!reply.take(frame)) {
            spend();
        }
        if (reply.tooBig()) {
            failure = "RESOURCE_EXHAUSTED: the reply is too big";
            if (!reply.ended()) {
                lateStreams.add(stream);
                channel.send(Type.DATA, Frame.pack(Frame.RESET, 0, stream, Bytes.u32(TOO_BIG)));
            }
        }
    }

    @Override
    protected void takeGoaway(byte[] payload) throws Failure {
        Bytes in = new Bytes(payload);
        long last = in.number(8);
        int code = in.small(2);
        in.take(4);
        in.take(in.small(2));
        if (in.left() > 0 || Long.compareUnsigned(last, lastTaken) > 0) {
            throw Failure.broken("GOAWAY is malformed or raises the last stream");
        }
        lastTaken = last;
        if (Long.compareUnsigned(stream, last) > 0 && reply != null && !reply.ended()) {
            failure = "UNAVAILABLE, not executed: the server is going away: " + Code.name(code);
        }
    }

    /** What STATUS says, for people. */
    private static String status(Bytes in) throws Failure {
        int status = in.small(1);
        int execution = in.small(1);
        int size = in.small(2);
        String text = new String(in.take(size), UTF_8).replaceAll("\\p{Cntrl}", "?");
        if (size > 1024 || anyCritical(in)) {
            throw Failure.broken("STATUS with a text too long or a critical extension");
        }
        return "status " + status + ", execution " + execution + ": " + text;
    }
}
