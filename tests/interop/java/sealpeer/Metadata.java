// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** Metadata blocks: lists of entries. */
final class Metadata {
    private static final int MAX = 8192;
    private static final Pattern KEY = Pattern.compile("(?!seal-)[a-z0-9._-]{1,255}");
    private static final Pattern TEXT = Pattern.compile("([!-~]([ -~]*[!-~])?)?");

    record Entry(String key, byte[] value) {}

    private Metadata() {}

    static byte[] pack(List<Entry> entries) {
        List<byte[]> parts = new ArrayList<>();
        for (Entry entry : entries) {
            parts.add(Bytes.of(entry.key.length()));
            parts.add(Bytes.u16(entry.value.length));
            parts.add(entry.key.getBytes(US_ASCII));
            parts.add(entry.value);
        }
        return Bytes.join(parts);
    }

    /** The entries of a block, each checked. */
    static List<Entry> parse(byte[] block) throws Failure {
        List<Entry> entries = new ArrayList<>();
        for (Bytes in = new Bytes(block); in.left() > 0;) {
            int keySize = in.small(1);
            int valueSize = in.small(2);
            Entry entry = new Entry(new String(in.take(keySize), ISO_8859_1), in.take(valueSize));
            if (!KEY.matcher(entry.key).matches() || !(entry.key.endsWith("-bin")
                || TEXT.matcher(new String(entry.value, ISO_8859_1)).matches())) {
                throw Failure.broken("metadata with a wrong key, or a value that is not text");
            }
            entries.add(entry);
        }
        if (block.length > MAX) {
            throw Failure.broken("too many bytes of metadata");
        }
        return entries;
    }
}
