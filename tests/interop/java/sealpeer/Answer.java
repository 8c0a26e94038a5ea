// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** How a call ended. */
final class Answer {
    static final int INVALID_ARGUMENT = 3, DEADLINE_EXCEEDED = 4, NOT_FOUND = 5, RESOURCE_EXHAUSTED = 8, UNIMPLEMENTED = 12, INTERNAL = 13,
            UNAVAILABLE = 14;
    static final int UNKNOWN = 0, NOT_EXECUTED = 1, EXECUTED = 2;
    private static final int MAX_STATUS = 32768, MAX_TEXT = 1024, MAX_DETAILS = 16384;
    private static final int METADATA = 1, DETAILS = 2, RETRY_AFTER = 3, CRITICAL = 128;
    private static final byte[] NOTHING = {};

    final int status;
    final int execution;
    final String text;
    byte[] data = NOTHING;
    List<Metadata.Entry> initial = new ArrayList<>();
    List<Metadata.Entry> trailing = new ArrayList<>();
    List<Protobuf.Detail> details = new ArrayList<>();
    /** -1: not said. */
    long retryAfter = -1;

    Answer(int status, int execution, String text) {
        this.status = status;
        this.execution = execution;
        this.text = text;
    }

    static Answer ok() {
        return new Answer(0, EXECUTED, "");
    }

    /** The frame STATUS. */
    byte[] packStatus(long stream) {
        byte[] bytes = text.getBytes(UTF_8);
        List<byte[]> parts = new ArrayList<>(List.of(Bytes.of(status, execution), Bytes.u16(bytes.length), bytes));
        if (!trailing.isEmpty()) {
            parts.add(packExtension(METADATA, Metadata.pack(trailing)));
        }
        if (!details.isEmpty()) {
            parts.add(packExtension(DETAILS, Protobuf.packDetails(details)));
        }
        if (retryAfter >= 0) {
            parts.add(packExtension(RETRY_AFTER, Bytes.u32((int) retryAfter)));
        }
        return Frame.pack(Frame.STATUS, 0, stream, Bytes.join(parts));
    }

    static byte[] packExtension(int type, byte[] data) {
        return Bytes.join(Bytes.of(type), Bytes.u16(data.length), data);
    }

    /** What STATUS says. */
    static Answer parse(byte[] payload) throws Failure {
        Bytes in = new Bytes(payload);
        int status = in.small(1);
        int execution = in.small(1);
        int size = in.small(2);
        Answer answer = new Answer(status, execution, new String(in.take(size), UTF_8).replaceAll("\\p{Cntrl}", "?"));
        Map<Integer, byte[]> extensions = Rpc.extensions(in);
        answer.trailing = Metadata.parse(extensions.getOrDefault(METADATA, NOTHING));
        byte[] details = extensions.getOrDefault(DETAILS, NOTHING);
        answer.details = Protobuf.parseDetails(details);
        byte[] retryAfter = extensions.get(RETRY_AFTER);
        if (retryAfter != null) {
            answer.retryAfter = retryAfter.length == 4 ? new Bytes(retryAfter).number(4) : -1;
        }
        boolean critical = extensions.keySet().stream().anyMatch(type -> type >= CRITICAL);
        if (critical || payload.length > MAX_STATUS || size > MAX_TEXT || details.length > MAX_DETAILS
            || retryAfter != null && retryAfter.length != 4) {
            throw Failure.broken("STATUS with a critical extension, or something too long");
        }
        return answer;
    }
}
