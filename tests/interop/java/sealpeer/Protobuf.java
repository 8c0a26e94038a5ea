// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** As much of the protobuf encoding as the messages of this peer need, and the details of a status. */
final class Protobuf {
    private static final int VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5;
    private static final int STATUS_DETAILS = 3, ANY_TYPE = 1, ANY_VALUE = 2;
    private static final byte[] NOTHING = {};

    /** A field of bytes. */
    private record Field(long number, byte[] value) {}

    /** A detail of a status. */
    record Detail(String type, byte[] message) {}

    private Protobuf() {}

    /** A field of bytes; nothing if it is empty, as proto3 has it. */
    static byte[] pack(int number, byte[] bytes) {
        ByteArrayOutputStream message = new ByteArrayOutputStream();
        if (bytes.length > 0) {
            message.write(number << 3 | BYTES);
            for (int rest = bytes.length; ; rest >>>= 7) {
                message.write(rest > 0x7f ? rest & 0x7f | 0x80 : rest);
                if (rest <= 0x7f) {
                    break;
                }
            }
            message.writeBytes(bytes);
        }
        return message.toByteArray();
    }

    /** The fields of bytes; others are skipped, and of one that stands twice the last one counts. */
    static Map<Long, byte[]> parse(byte[] data) throws Failure {
        Map<Long, byte[]> values = new HashMap<>();
        for (Field field : fields(data)) {
            values.put(field.number, field.value);
        }
        return values;
    }

    private static List<Field> fields(byte[] data) throws Failure {
        try {
            List<Field> fields = new ArrayList<>();
            for (Bytes in = new Bytes(data); in.left() > 0;) {
                long tag = varint(in);
                switch ((int) tag & 7) {
                    case VARINT -> varint(in);
                    case FIXED64 -> in.take(8);
                    case FIXED32 -> in.take(4);
                    case BYTES ->
                        fields.add(new Field(tag >>> 3, in.take((int) Math.min(varint(in), Integer.MAX_VALUE))));
                    default -> throw Failure.broken("wire type");
                }
            }
            return fields;
        } catch (Failure e) {
            throw Failure.ofCall("not a protobuf message");
        }
    }

    private static long varint(Bytes in) throws Failure {
        long value = 0;
        for (int shift = 0; shift < 70; shift += 7) {
            int part = in.small(1);
            value |= (long) (part & 0x7f) << shift;
            if (part < 0x80) {
                return value;
            }
        }
        throw Failure.broken("varint");
    }

    /** A google.rpc.Status of google.protobuf.Any. */
    static byte[] packDetails(List<Detail> details) {
        List<byte[]> parts = new ArrayList<>();
        for (Detail detail : details) {
            byte[] url = ("type.googleapis.com/" + detail.type).getBytes(UTF_8);
            parts.add(pack(STATUS_DETAILS, Bytes.join(pack(ANY_TYPE, url), pack(ANY_VALUE, detail.message))));
        }
        return Bytes.join(parts);
    }

    static List<Detail> parseDetails(byte[] data) throws Failure {
        List<Detail> details = new ArrayList<>();
        for (Field field : fields(data)) {
            if (field.number == STATUS_DETAILS) {
                Map<Long, byte[]> any = parse(field.value);
                String url = new String(any.getOrDefault((long) ANY_TYPE, NOTHING), UTF_8);
                details.add(new Detail(url.substring(url.lastIndexOf('/') + 1),
                    any.getOrDefault((long) ANY_VALUE, NOTHING)));
            }
        }
        return details;
    }
}
