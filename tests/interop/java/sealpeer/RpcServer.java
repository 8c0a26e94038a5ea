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
    private static final int MAX_STREAMS = 10, MAX_HEADERS = 10240, MAX_METHODS = 4096, MAX_NAME = 1024,
            MAX_NAMES = 256 << 10, LATE_STREAMS = 1024;
    private static final int METADATA = 1, ATTEMPT = 2, CRITICAL = 128; // types of extensions of HEADERS
    private static final long OF_DEADLINE = 1;
    private static final long ALL = -1; // as unsigned

    /** A method: makes the answer to a request. */
    interface Handler {
        Answer answer(byte[] request, List<Metadata.Entry> metadata) throws Failure;
    }

    private record Request(String method, List<Metadata.Entry> metadata) {}

    private final Map<String, Handler> methods;
    private final List<String> names = new ArrayList<>();
    private final Map<Long, Request> requests = new HashMap<>(); // that are not answered
    private final Set<Long> lateStreams = new LinkedHashSet<>();
    private int bytesOfNames;
    private int untilDrain;
    private long lastTaken = ALL;

    /** @param drainAfter sends the client away, in two phases, after so many calls; 0: never */
    RpcServer(Channel channel, Map<String, Handler> methods, int drainAfter) throws Failure {
        super(channel, Bytes.join(Bytes.u16(1), Bytes.u32(MAX_STREAMS)), MAX_STREAMS);
        this.methods = methods;
        untilDrain = drainAfter;
    }

    /** Serves until the client closes, or has been sent away. */
    void run() throws Failure {
        while (receive()) {
            if (lastTaken != ALL && calls.isEmpty() && !closing()) {
                sendClose();
            }
        }
        channel.close(Code.DONE);
    }

    @Override
    protected void takeGoaway(byte[] payload) throws Failure {
        throw Failure.broken("GOAWAY from a client");
    }

    // ---- Frames of streams

    @Override
    protected void take(Frame frame) throws Failure {
        boolean opened = Long.compareUnsigned(frame.stream(), last) <= 0;
        if (Long.compareUnsigned(frame.stream(), lastTaken) > 0) {
            return; // it has crossed the GOAWAY
        }
        if (frame.type() == Frame.HEADERS) {
            takeHeaders(frame);
        } else if (frame.type() == Frame.STATUS || frame.type() == Frame.METADATA || !opened) {
            throw Failure.broken("a frame of type " + frame.type() + " for stream " + frame.stream());
        } else if (frame.type() == Frame.RESET) {
            takeReset(frame);
        } else if (requests.containsKey(frame.stream())) {
            takeData(frame);
        } else if (calls.containsKey(frame.stream())) {
            throw Failure.broken("DATA after its end for stream " + frame.stream());
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
        open();
        Bytes in = new Bytes(frame.payload());
        long number = in.number(4);
        long timeout = in.number(8);
        String method = method(number, in.take(in.small(2)));
        Map<Integer, byte[]> extensions = extensions(in);
        List<Metadata.Entry> metadata = metadata(extensions.getOrDefault(METADATA, nothing()));
        if (extensions.getOrDefault(ATTEMPT, new byte[1]).length != 1) {
            throw Failure.broken("a malformed attempt");
        }
        if (frame.payload().length > MAX_HEADERS) {
            refuse(last, Answer.RESOURCE_EXHAUSTED, "too many bytes of HEADERS");
        } else if (metadata == null) {
            refuse(last, Answer.INVALID_ARGUMENT, "broken metadata");
        } else if (timeout == 0) {
            refuse(last, Answer.DEADLINE_EXCEEDED, "no time left");
        } else if (extensions.keySet().stream().anyMatch(type -> type >= CRITICAL)) {
            refuse(last, Answer.UNIMPLEMENTED, "a critical extension");
        } else if (!methods.containsKey(method)) {
            refuse(last, Answer.UNIMPLEMENTED, "no such method");
        } else if (calls.size() > MAX_STREAMS) {
            refuse(last, Answer.RESOURCE_EXHAUSTED, "too many calls on this connection");
        } else {
            requests.put(last, new Request(method, metadata));
            return;
        }
        makeLate(last);
    }

    /** The entries; null for a broken block. */
    private static List<Metadata.Entry> metadata(byte[] block) {
        try {
            return Metadata.parse(block);
        } catch (Failure failure) {
            return null;
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

    private void takeData(Frame frame) throws Failure {
        Messages messages = calls.get(frame.stream()).messages;
        if (!messages.take(frame)) {
            spend();
        }
        if (messages.tooBig()) {
            refuse(frame.stream(), Answer.RESOURCE_EXHAUSTED, "the request is too big");
            if (!messages.ended()) {
                makeLate(frame.stream());
            }
        } else if (messages.ended()) {
            run(frame.stream(), requests.remove(frame.stream()), messages);
        }
    }

    /** The client takes no interest any more: what is left of an answer is not sent. */
    private void takeReset(Frame frame) throws Failure {
        boolean free = resetReason(frame) == OF_DEADLINE;
        requests.remove(frame.stream());
        boolean known = forget(frame.stream());
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

    // ---- Answers

    private void run(long stream, Request request, Messages messages) throws Failure {
        if (messages.count() != 1) {
            refuse(stream, Answer.UNIMPLEMENTED, "the method takes one message");
            return;
        }
        Answer answer;
        try {
            answer = methods.get(request.method).answer(messages.data(), request.metadata);
        } catch (Failure failure) {
            if (!failure.word.equals("STATUS")) {
                throw failure;
            }
            answer = new Answer(Answer.INTERNAL, Answer.EXECUTED, failure.getMessage());
        }
        answer(stream, answer);
        if (untilDrain > 0 && --untilDrain == 0) {
            send(List.of(packGoaway(), pack(this::stop)));
        }
    }

    private void answer(long stream, Answer answer) throws Failure {
        if (!answer.initial.isEmpty()) {
            send(List.of(Frame.pack(Frame.METADATA, 0, stream, Metadata.pack(answer.initial))));
        }
        if (answer.status != 0) {
            send(List.of(answer.packStatus(stream)));
            forget(stream);
        } else {
            queue(stream, answer.data, answer.trailing.isEmpty() ? nothing() : answer.packStatus(stream));
        }
    }

    @Override
    protected void sent(long stream) {
        forget(stream);
    }

    private void refuse(long stream, int status, String text) throws Failure {
        requests.remove(stream);
        send(List.of(new Answer(status, Answer.NOT_EXECUTED, text).packStatus(stream)));
        forget(stream);
    }

    // ---- Two phases of GOAWAY

    private byte[] packGoaway() {
        byte[] text = "time to go".getBytes(UTF_8);
        return Frame.pack(Frame.GOAWAY, 0, 0,
            Bytes.join(Bytes.u64(lastTaken), Bytes.u16(Code.GOING_AWAY), Bytes.u32(0), Bytes.u16(text.length), text));
    }

    /** What the client opened before it knew has come. */
    private void stop() throws Failure {
        lastTaken = last;
        send(List.of(packGoaway()));
    }
}
