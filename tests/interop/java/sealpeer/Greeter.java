// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;

/** demo.Greeter of examples/greeter/greeter.proto: both messages have one string, with number 1. */
final class Greeter {
    static final String SAY_HELLO = "demo.Greeter/SayHello";
    private static final int STRING_1 = 1 << 3 | 2;
    private static final int VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5;

    private Greeter() {}

    static byte[] pack(String text) {
        ByteArrayOutputStream message = new ByteArrayOutputStream();
        byte[] bytes = text.getBytes(UTF_8);
        if (bytes.length > 0) {
            message.write(STRING_1);
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

    /** The string of a message; other fields are skipped. */
    static String parse(byte[] data) throws Failure {
        try {
            Bytes in = new Bytes(data);
            String text = "";
            while (in.left() > 0) {
                long tag = varint(in);
                switch ((int) tag & 7) {
                    case VARINT -> varint(in);
                    case FIXED64 -> in.take(8);
                    case FIXED32 -> in.take(4);
                    case BYTES -> {
                        String value = new String(in.take((int) Math.min(varint(in), Integer.MAX_VALUE)), UTF_8);
                        text = tag == STRING_1 ? value : text;
                    }
                    default -> throw Failure.broken("wire type");
                }
            }
            return text;
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
}
