// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/** Seals or opens the records of one direction under one traffic secret ("Records"). */
final class Direction {
    static final int TAG = 16, MAX_CONTENT = 65536, MAX_BODY = 66048;
    private static final long MAX_RECORDS = 1L << 24, MAX_BYTES = 1L << 36;

    private final byte[] traffic;
    private final Handshake.Terms terms;
    private final boolean confidential;
    private final byte[] key;
    private final byte[] iv;
    private long number;
    private long bytes;

    Direction(byte[] traffic, Handshake.Terms terms) {
        this.traffic = traffic;
        this.terms = terms;
        confidential = terms.level() == Policy.PRIVACY;
        if (terms.suite() == Policy.GSS) {
            key = Crypto.expandLabel(traffic, "mac", 32);
            iv = null;
        } else {
            key = Crypto.expandLabel(traffic, "key", terms.suite() == Policy.AES128_GCM ? 16 : 32);
            iv = Crypto.expandLabel(traffic, "iv", 12);
        }
    }

    /** The same direction after a key update. */
    Direction next() {
        return new Direction(Crypto.expandLabel(traffic, "upd", 32), terms);
    }

    /** Whether the next record must be KEY_UPDATE. */
    boolean usedUp() {
        return number >= MAX_RECORDS || bytes >= MAX_BYTES;
    }

    byte[] seal(int type, byte[] content) {
        try {
            byte[] record = terms.suite() == Policy.GSS ? sealGss(type, content) : sealAead(type, content);
            number++;
            bytes += record.length - 4;
            return record;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    byte[] open(byte[] header, byte[] body) throws Failure {
        byte[] content = terms.suite() == Policy.GSS ? openGss(header, body) : openAead(header, body);
        if (content.length > MAX_CONTENT) {
            throw Failure.broken("content of a record too long");
        }
        if (usedUp() && header[3] != Type.KEY_UPDATE) {
            throw Failure.broken("the peer did not update its key", Code.LIMIT);
        }
        number++;
        bytes += body.length;
        return content;
    }

    private byte[] sealAead(int type, byte[] content) throws GeneralSecurityException {
        byte[] header = Bytes.header(type, content.length + TAG);
        if (confidential) {
            return Bytes.join(header, aead(Cipher.ENCRYPT_MODE, header, content));
        }
        return Bytes.join(header, content, aead(Cipher.ENCRYPT_MODE, Bytes.join(header, content), Bytes.of()));
    }

    private byte[] openAead(byte[] header, byte[] body) throws Failure {
        try {
            if (confidential) {
                return aead(Cipher.DECRYPT_MODE, header, body);
            }
            byte[] content = Arrays.copyOf(body, body.length - TAG);
            byte[] tag = Arrays.copyOfRange(body, content.length, body.length);
            aead(Cipher.DECRYPT_MODE, Bytes.join(header, content), tag);
            return content;
        } catch (AEADBadTagException e) {
            throw Failure.tampered("a record does not verify");
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private byte[] aead(int mode, byte[] associated, byte[] data) throws GeneralSecurityException {
        byte[] nonce = iv.clone();
        byte[] count = Bytes.u64(number);
        for (int i = 0; i < count.length; i++) {
            nonce[nonce.length - count.length + i] ^= count[i];
        }
        Cipher cipher;
        if (terms.suite() == Policy.CHACHA20_POLY1305) {
            cipher = Cipher.getInstance("ChaCha20-Poly1305");
            cipher.init(mode, new SecretKeySpec(key, "ChaCha20"), new IvParameterSpec(nonce));
        } else {
            cipher = Cipher.getInstance("AES/GCM/NoPadding");
            cipher.init(mode, new SecretKeySpec(key, "AES"), new GCMParameterSpec(TAG * 8, nonce));
        }
        // Not as a ByteBuffer: the JDK's ChaCha20-Poly1305 then gets data of 16 bytes and more wrong (seen in 17.0.15).
        cipher.updateAAD(associated);
        return cipher.doFinal(data);
    }

    private byte[] sealGss(int type, byte[] content) {
        byte[] token = terms.context().wrap(content, confidential);
        byte[] header = Bytes.header(type, token.length + TAG);
        return Bytes.join(header, token, tag(header, token));
    }

    private byte[] openGss(byte[] header, byte[] body) throws Failure {
        byte[] token = Arrays.copyOf(body, body.length - TAG);
        byte[] tag = Arrays.copyOfRange(body, token.length, body.length);
        if (!MessageDigest.isEqual(tag, tag(header, token))) {
            throw Failure.tampered("the tag of a record does not verify");
        }
        byte[] content = terms.context().unwrap(token, confidential);
        if (content == null) {
            throw Failure.tampered("the token of a record does not verify");
        }
        return content;
    }

    private byte[] tag(byte[] header, byte[] token) {
        return Arrays.copyOf(Crypto.hmac(key, Bytes.u64(number), header, token), TAG);
    }
}
