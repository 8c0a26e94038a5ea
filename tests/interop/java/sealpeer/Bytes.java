// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** Byte strings: made of fields, and taken apart with every length checked. */
final class Bytes {
    private final byte[] data;
    private int at;

    Bytes(byte[] data) {
        this.data = data;
    }

    int left() {
        return data.length - at;
    }

    byte[] take(int size) throws Failure {
        if (size < 0 || size > left()) {
            throw Failure.broken("a field is longer than its message");
        }
        at += size;
        return Arrays.copyOfRange(data, at - size, at);
    }

    byte[] rest() throws Failure {
        return take(left());
    }

    /** An unsigned number of at most 8 bytes; one of 8 is to be compared as unsigned. */
    long number(int size) throws Failure {
        long value = 0;
        for (byte b : take(size)) {
            value = value << 8 | b & 0xff;
        }
        return value;
    }

    int small(int size) throws Failure {
        return (int) number(size);
    }

    static byte[] join(byte[]... parts) {
        ByteArrayOutputStream joined = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            joined.writeBytes(part);
        }
        return joined.toByteArray();
    }

    static byte[] join(Iterable<byte[]> parts) {
        ByteArrayOutputStream joined = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            joined.writeBytes(part);
        }
        return joined.toByteArray();
    }

    static byte[] of(int... values) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            bytes[i] = (byte) values[i];
        }
        return bytes;
    }

    static byte[] u16(int value) {
        return of(value >> 8, value);
    }

    static byte[] u32(int value) {
        return ByteBuffer.allocate(4).putInt(value).array();
    }

    static byte[] u64(long value) {
        return ByteBuffer.allocate(8).putLong(value).array();
    }

    /** The 4 bytes before every body. */
    static byte[] header(int type, int size) {
        return of(size >> 16, size >> 8, size, type);
    }

    static byte[] message(int type, byte[] body) {
        return join(header(type, body.length), body);
    }

    static byte[] alert(Failure failure) {
        return message(Type.ALERT, u16(failure.code));
    }

    /** A copy with the lowest bit flipped of the byte that is so far from the end. */
    static byte[] flip(byte[] data, int fromEnd) {
        byte[] copy = data.clone();
        copy[copy.length - fromEnd] ^= 1;
        return copy;
    }
}
