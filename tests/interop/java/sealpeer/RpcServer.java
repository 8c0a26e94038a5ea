// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Serves the calls of one connection; the handlers answer at once. */
final class RpcServer extends Rpc {
    private static final int MAX_STREAMS = 100, MAX_HEADERS = 8192, MAX_METHODS = 4096, MAX_NAME = 1024,
            MAX_NAMES = 256 << 10, LATE_STREAMS = 1024;
    private static final int DEADLINE_EXCEEDED = 4, RESOURCE_EXHAUSTED = 8, UNIMPLEMENTED = 12, INTERNAL = 13;
    private static final int NOT_EXECUTED = 1, EXECUTED = 2;
    private static final long OF_DEADLINE = 1;

    /** A method: makes the reply of a request. */
    interface Handler {
        byte[] answer(byte[] request) throws Failure;
    }

    private record Call(String method, Messages request) {}

    private final Map<String, Handler> methods;
    private final List<String> names = new ArrayList<>();
    private final Map<Long, Call> open = new HashMap<>();
    private final Set<Long> lateStreams = new LinkedHashSet<>();
    private int bytesOfNames;
    private long last;

    RpcServer(Channel channel, Map<String, Handler> methods) throws Failure {
        super(channel, Bytes.join(Bytes.u16(1), Bytes.u32(MAX_STREAMS)));
        this.methods = methods;
    }

    /** Serves until the client closes. */
    void run() throws Failure {
        while (receive()) {
            // receive() does all
        }
        channel.close(Code.DONE);
    }

    @Override
    protected void takeGoaway(byte[] payload) throws Failure {
        throw Failure.broken("GOAWAY from a client");
    }

    @Override
    protected void take(Frame frame) throws Failure {
        if (frame.type() == Frame.HEADERS) {
            takeHeaders(frame);
        } else if (frame.type() == Frame.STATUS || Long.compareUnsigned(frame.stream(), last) > 0) {
            throw Failure.broken("a frame of type " + frame.type() + " for stream " + frame.stream());
        } else if (frame.type() == Frame.RESET) {
            takeReset(frame);
        } else if (open.containsKey(frame.stream())) {
            takeData(frame);
        } else if (!lateStreams.contains(frame.stream())) {
            spend();
        } else if ((frame.flags() & Frame.END) != 0) {
            lateStreams.remove(frame.stream());
        }
    }

    private void takeHeaders(Frame frame) throws Failure {
        if (frame.stream() != last + 1) {
            throw Failure.broken("stream " + frame.stream() + " follows " + last);
        }
        last = frame.stream();
        Bytes in = new Bytes(frame.payload());
        long number = in.number(4);
        long timeout = in.number(8);
        String method = method(number, in.take(in.small(2)));
        boolean critical = anyCritical(in);
        if (frame.payload().length > MAX_HEADERS) {
            refuse(RESOURCE_EXHAUSTED, "too many bytes of HEADERS");
        } else if (timeout == 0) {
            refuse(DEADLINE_EXCEEDED, "no time left");
        } else if (critical) {
            refuse(UNIMPLEMENTED, "a critical extension");
        } else if (!methods.containsKey(method)) {
            refuse(UNIMPLEMENTED, "no such method");
        } else if (open.size() >= MAX_STREAMS) {
            refuse(RESOURCE_EXHAUSTED, "too many calls");
        } else {
            open.put(last, new Call(method, new Messages()));
        }
    }

    /** The name of a method number; empty if its name cannot be one. */
    private String method(long number, byte[] name) throws Failure {
        if (number == names.size() + 1 && number <= MAX_METHODS) {
            bytesOfNames += name.length;
            boolean valid = name.length > 0 && name.length <= MAX_NAME && bytesOfNames <= MAX_NAMES;
            for (byte b : name) {
                valid &= b != 0;
            }
            names.add(valid ? new String(name, UTF_8) : "");
        } else if (number < 1 || number > names.size() || name.length > 0) {
            throw Failure.broken("method number " + number);
        }
        return names.get((int) number - 1);
    }

    private void refuse(int status, String text) throws Failure {
        sendStatus(last, status, NOT_EXECUTED, text);
        makeLate(last);
    }

    private void takeData(Frame frame) throws Failure {
        Call call = open.get(frame.stream());
        Messages request = call.request;
        if (!request.take(frame)) {
            spend();
        }
        if (request.tooBig()) {
            open.remove(frame.stream());
            sendStatus(frame.stream(), RESOURCE_EXHAUSTED, NOT_EXECUTED, "the request is too big");
            if (!request.ended()) {
                makeLate(frame.stream());
            }
        } else if (request.ended()) {
            open.remove(frame.stream());
            answer(frame.stream(), call);
        }
    }

    private void answer(long stream, Call call) throws Failure {
        if (call.request.count() != 1) {
            sendStatus(stream, UNIMPLEMENTED, NOT_EXECUTED, "the method takes one message");
            return;
        }
        try {
            send(Frame.ofMessage(stream, methods.get(call.method).answer(call.request.data())));
        } catch (Failure failure) {
            if (!failure.word.equals("STATUS")) {
                throw failure;
            }
            sendStatus(stream, INTERNAL, EXECUTED, failure.getMessage());
        }
    }

    /** A call that is reset before its request is whole has no handler that could answer. */
    private void takeReset(Frame frame) throws Failure {
        boolean free = resetReason(frame) == OF_DEADLINE;
        boolean known = open.remove(frame.stream()) != null;
        known |= lateStreams.remove(frame.stream());
        if (!free || !known) {
            spend();
        }
    }

    private void makeLate(long stream) {
        lateStreams.add(stream);
        if (lateStreams.size() > LATE_STREAMS) {
            lateStreams.remove(lateStreams.iterator().next());
        }
    }

    private void sendStatus(long stream, int status, int execution, String text) throws Failure {
        byte[] bytes = text.getBytes(UTF_8);
        channel.send(Type.DATA, Frame.pack(Frame.STATUS, 0, stream,
            Bytes.join(Bytes.of(status, execution), Bytes.u16(bytes.length), bytes)));
    }
}
