// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.List;

/**
 * demo.Greeter of examples/greeter/greeter.proto: both messages have one string, with number 1. And what a peer does with
 * metadata and for the name that it does not greet: see tests/interop/README.md.
 */
final class Greeter {
    static final String SAY_HELLO = "demo.Greeter/SayHello";
    private static final String REQUEST = "demo.HelloRequest", REPLY = "demo.HelloReply", STRANGER = "nobody";
    private static final int RETRY_AFTER = 1500;

    private Greeter() {}

    static byte[] pack(String text) {
        return Protobuf.pack(1, text.getBytes(UTF_8));
    }

    /** The string of a message; other fields are skipped. */
    static String parse(byte[] data) throws Failure {
        return new String(Protobuf.parse(data).getOrDefault(1L, new byte[0]), UTF_8);
    }

    /** The answer to a request. */
    static Answer greet(byte[] request, List<Metadata.Entry> metadata, String principal) throws Failure {
        String name = parse(request);
        Answer answer = Answer.ok();
        if (name.equals(STRANGER)) {
            answer = new Answer(Answer.NOT_FOUND, Answer.EXECUTED, "I do not know you.");
            answer.details = List.of(new Protobuf.Detail(REPLY, pack(principal)), new Protobuf.Detail(REQUEST, request));
            answer.retryAfter = RETRY_AFTER;
        }
        answer.data = pack("Hello, " + name + "! You are " + principal + ".");
        answer.initial = metadata.stream().filter(entry -> entry.key().startsWith("initial-")).toList();
        answer.trailing = metadata.stream().filter(entry -> entry.key().startsWith("trailing-")).toList();
        return answer;
    }
}
