// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.security.GeneralSecurityException;
import java.security.InvalidKeyException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import javax.crypto.KeyAgreement;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** X25519, SHA-256 and HKDF, from the JDK ("Keys"). */
final class Crypto {
    private static final SecureRandom RANDOM = new SecureRandom();

    private Crypto() {}

    static byte[] random(int size) {
        byte[] bytes = new byte[size];
        RANDOM.nextBytes(bytes);
        return bytes;
    }

    static byte[] sha256(byte[] data) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(data);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    static byte[] hmac(byte[] key, byte[]... data) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            for (byte[] part : data) {
                mac.update(part);
            }
            return mac.doFinal();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    static byte[] expandLabel(byte[] secret, String label, int size) {
        byte[] name = ("sealrpc1 " + label).getBytes(US_ASCII);
        byte[] info = Bytes.join(Bytes.u16(size), Bytes.of(name.length), name, Bytes.of(0));
        // HKDF-Expand; no output here is longer than one block
        return Arrays.copyOf(hmac(secret, info, Bytes.of(1)), size);
    }

    /** What both ends derive from a finished handshake. */
    static final class Schedule {
        final byte[] clientTraffic;
        final byte[] serverTraffic;
        final byte[] channelId;

        Schedule(byte[] transcriptHash, byte[] serverSecret, byte[] clientSecret, byte[] shared) {
            // HKDF-Extract is one HMAC with the salt as key
            byte[] master = hmac(transcriptHash, serverSecret, clientSecret, shared);
            clientTraffic = expandLabel(master, "c traffic", 32);
            serverTraffic = expandLabel(master, "s traffic", 32);
            channelId = expandLabel(master, "channel id", 32);
        }
    }

    /** One end's X25519 key of one handshake. */
    static final class Share {
        /** What the JDK puts before the 32 bytes of a public key (RFC 8410). */
        private static final byte[] ENCODING = Bytes.of(0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 3, 0x21, 0);
        private final KeyPair pair;
        final byte[] bytes;

        Share() {
            try {
                pair = KeyPairGenerator.getInstance("X25519").generateKeyPair();
            } catch (GeneralSecurityException e) {
                throw new IllegalStateException(e);
            }
            byte[] encoded = pair.getPublic().getEncoded();
            bytes = Arrays.copyOfRange(encoded, encoded.length - 32, encoded.length);
        }

        byte[] exchange(byte[] peer) throws Failure {
            try {
                KeyAgreement agreement = KeyAgreement.getInstance("X25519");
                agreement.init(pair.getPrivate());
                agreement.doPhase(KeyFactory.getInstance("X25519")
                        .generatePublic(new X509EncodedKeySpec(Bytes.join(ENCODING, peer))), true);
                return agreement.generateSecret();
            } catch (InvalidKeyException e) { // the JDK refuses an all-zero result
                throw Failure.broken("the peer's X25519 share gives an all-zero secret");
            } catch (GeneralSecurityException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
