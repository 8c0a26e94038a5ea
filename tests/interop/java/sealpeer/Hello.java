// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;

/** CLIENT_HELLO and SERVER_HELLO: what they have in common, and what only the client's has. */
final class Hello {
    static final byte[] MAGIC = {'s', 'e', 'a', 'l', 'r', 'p', 'c', 0};
    private static final int VERSION = 1;
    private static final int ONE_WAY = 1;
    private static final int CRITICAL = 0x8000;
    /** Of this process. */
    private static final byte[] INSTANCE = Crypto.random(16);

    byte[] share;
    int mechanism;
    int level;
    /** All that are offered, or the one that was chosen. */
    List<Integer> suites;
    /** The client's only. */
    String target;

    private byte[] common() {
        return Bytes.join(Crypto.random(32), INSTANCE, share, Bytes.of(mechanism, 0, level));
    }

    byte[] packClient() {
        byte[] numbers = new byte[suites.size()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = suites.get(i).byteValue();
        }
        byte[] name = target.getBytes(UTF_8);
        return Bytes.message(Type.CLIENT_HELLO, Bytes.join(MAGIC, Bytes.of(1), Bytes.u16(VERSION), common(),
            Bytes.of(numbers.length), numbers, Bytes.u16(name.length), name, Bytes.u16(0)));
    }

    byte[] packServer() {
        return Bytes.message(Type.SERVER_HELLO, Bytes.join(MAGIC, Bytes.u16(VERSION), common(), Bytes.of(suites.get(0)),
            Bytes.u16(0)));
    }

    static Hello parseClient(byte[] body) throws Failure {
        Bytes in = new Bytes(body);
        readMagic(in);
        int versions = in.small(1);
        if (versions < 1 || versions > 16) {
            throw Failure.broken(versions + " versions");
        }
        boolean known = false;
        for (int i = 0; i < versions; i++) {
            known |= in.small(2) == VERSION;
        }
        if (!known) {
            throw Failure.broken("no common version", Code.NO_VERSION);
        }
        Hello hello = new Hello();
        hello.readCommon(in);
        int count = in.small(1);
        hello.suites = new ArrayList<>();
        for (byte suite : in.take(count)) {
            hello.suites.add(suite & 0xff);
        }
        if (count < 1 || count > 32 || new HashSet<>(hello.suites).size() != count) {
            throw Failure.broken("number of suites, or one twice");
        }
        hello.target = readTarget(in);
        readExtensions(in);
        return hello;
    }

    static Hello parseServer(byte[] body) throws Failure {
        Bytes in = new Bytes(body);
        readMagic(in);
        if (in.small(2) != VERSION) {
            throw Failure.broken("the server chose a version that was not offered");
        }
        Hello hello = new Hello();
        hello.readCommon(in);
        hello.suites = List.of(in.small(1));
        readExtensions(in);
        return hello;
    }

    private static void readMagic(Bytes in) throws Failure {
        if (!Arrays.equals(in.take(MAGIC.length), MAGIC)) {
            throw Failure.broken("a hello without the magic", Failure.UNTOLD);
        }
    }

    private void readCommon(Bytes in) throws Failure {
        in.take(32);
        if (Arrays.equals(in.take(16), INSTANCE)) {
            throw Failure.broken("this end is talking to itself");
        }
        share = in.take(32);
        mechanism = in.small(1);
        int flags = in.small(1);
        if ((flags & ~ONE_WAY) != 0) {
            throw Failure.broken("flags " + flags);
        }
        level = in.small(1);
        if (level != Policy.INTEGRITY && level != Policy.PRIVACY) {
            throw Failure.broken("level " + level);
        }
    }

    private static String readTarget(Bytes in) throws Failure {
        int size = in.small(2);
        if (size < 1 || size > 1024) {
            throw Failure.broken("a target of " + size + " bytes");
        }
        try {
            String text = UTF_8.newDecoder().decode(ByteBuffer.wrap(in.take(size))).toString();
            if (text.chars().anyMatch(c -> c < 0x20 || c == 0x7f)) {
                throw Failure.broken("a control character in the target");
            }
            return text;
        } catch (CharacterCodingException e) {
            throw Failure.broken("the target is not UTF-8");
        }
    }

    private static void readExtensions(Bytes in) throws Failure {
        if (in.small(2) != in.left()) {
            throw Failure.broken("the length of the extensions is not what is left");
        }
        int last = -1;
        while (in.left() > 0) {
            int type = in.small(2);
            in.take(in.small(2));
            if (type <= last || type >= CRITICAL) {
                throw Failure.broken("extension " + type + " after " + last);
            }
            last = type;
        }
    }
}
