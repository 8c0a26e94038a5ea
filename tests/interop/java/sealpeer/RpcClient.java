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
    private static final int METADATA = 1, ATTEMPT = 2; // types of extensions of HEADERS

    private final Map<String, Integer> numbers = new HashMap<>();
    private final Set<Long> lateStreams = new HashSet<>();
    private long lastTaken = -1; // as unsigned: all
    private boolean goingAway;
    private List<Metadata.Entry> initial;
    private Answer answer; // of the current call, once it is over

    RpcClient(Channel channel) throws Failure {
        super(channel, nothing(), 1);
    }

    /** The server has asked to open no more calls. */
    boolean goingAway() {
        return goingAway;
    }

    /** Makes a call and returns how it ended. */
    Answer call(String method, byte[] request, List<Metadata.Entry> metadata) throws Failure {
        if (goingAway) {
            return new Answer(Answer.UNAVAILABLE, Answer.NOT_EXECUTED, "the server takes no more calls");
        }
        long stream = open();
        byte[] name = numbers.containsKey(method) ? nothing() : method.getBytes(UTF_8);
        int number = numbers.computeIfAbsent(method, m -> numbers.size() + 1);
        answer = null;
        initial = null;
        queue(stream, request, nothing());
        pump(Frame.pack(Frame.HEADERS, 0, stream, Bytes.join(Bytes.u32(number), Bytes.u64(NO_DEADLINE),
            Bytes.u16(name.length), name, Answer.packExtension(ATTEMPT, Bytes.of(1)),
            metadata.isEmpty() ? nothing() : Answer.packExtension(METADATA, Metadata.pack(metadata)))));
        while (answer == null) {
            if (!receive()) {
                answer = new Answer(Answer.UNAVAILABLE, Answer.UNKNOWN, "the server has closed the connection");
            }
        }
        forget(stream);
        answer.initial = initial != null ? initial : new ArrayList<>();
        return answer;
    }

    /** Sends CLOSE and waits for the server's. */
    void close() throws Failure {
        sendClose();
        while (receive()) {
            // what was on its way
        }
    }

    @Override
    protected void take(Frame frame) throws Failure {
        if (frame.type() == Frame.HEADERS || Long.compareUnsigned(frame.stream(), last) > 0) {
            throw Failure.broken("a frame of type " + frame.type() + " for stream " + frame.stream());
        }
        Answer ending = frame.type() == Frame.STATUS ? Answer.parse(frame.payload()) : frame.type() == Frame.RESET
            ? new Answer(Answer.INTERNAL, Answer.UNKNOWN, "the server reset the call, reason " + resetReason(frame))
            : null;
        if (lateStreams.contains(frame.stream())) {
            if (ending != null || frame.type() == Frame.DATA && (frame.flags() & Frame.END) != 0) {
                lateStreams.remove(frame.stream());
            }
        } else if (!calls.containsKey(frame.stream()) || answer != null) {
            spend();
        } else if (ending != null) {
            end(ending);
        } else if (frame.type() == Frame.METADATA) {
            takeMetadata(frame);
        } else {
            takeData(frame);
        }
    }

    private Messages reply() {
        return calls.get(last).messages;
    }

    private void takeMetadata(Frame frame) throws Failure {
        if (initial != null || reply().count() > 0) {
            throw Failure.broken("METADATA twice, or after a message");
        }
        initial = Metadata.parse(frame.payload());
    }

    private void takeData(Frame frame) throws Failure {
        Messages reply = reply();
        if (!reply.take(frame)) {
            spend();
        }
        if (reply.tooBig()) {
            answer = new Answer(Answer.RESOURCE_EXHAUSTED, Answer.UNKNOWN, "the reply is too big");
            if (!reply.ended()) {
                lateStreams.add(last);
                forget(last);
                channel.send(Type.DATA, Frame.pack(Frame.RESET, 0, last, Bytes.u32(TOO_BIG)));
            }
        } else if (reply.ended()) {
            end(Answer.ok());
        }
    }

    /** The server has ended the call. */
    private void end(Answer ending) {
        boolean whole = reply().count() == 1 && reply().whole();
        answer = ending.status == 0 && !whole ? new Answer(Answer.INTERNAL, Answer.EXECUTED,
            reply().count() + " messages in the reply of a unary call") : ending;
        answer.data = reply().data();
    }

    @Override
    protected void takeGoaway(byte[] payload) throws Failure {
        Bytes in = new Bytes(payload);
        long lastOne = in.number(8);
        int code = in.small(2);
        in.take(4);
        in.take(in.small(2));
        if (in.left() > 0 || Long.compareUnsigned(lastOne, lastTaken) > 0) {
            throw Failure.broken("GOAWAY is malformed or raises the last stream");
        }
        goingAway = true;
        lastTaken = lastOne;
        if (Long.compareUnsigned(last, lastOne) > 0 && answer == null) {
            answer = new Answer(Answer.UNAVAILABLE, Answer.NOT_EXECUTED, "the server is going away: " + Code.name(code));
        }
    }
}
