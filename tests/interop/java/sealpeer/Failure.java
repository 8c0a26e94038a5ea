// SPDX-License-Identifier: Apache-2.0
package sealpeer;

/**
 * The end of a connection: how it ended, in the words of tests/interop/README.md, and what the peer is told about it.
 */
class Failure extends Exception {
    private static final long serialVersionUID = 1;
    /** The code of ALERT and CLOSE that tells the peer nothing. */
    static final int UNTOLD = -1;

    final String word;
    final int code;
    /** The mechanism refused a token or has no credentials: in a re-authentication only the attempt has failed. */
    final boolean ofToken;

    private Failure(String word, String text, int code, boolean ofToken) {
        super(word + ": " + text);
        this.word = word;
        this.code = code;
        this.ofToken = ofToken;
    }

    Failure(String word, String text, int code) {
        this(word, text, code, false);
    }

    /** The peer broke the protocol. */
    static Failure broken(String text) {
        return new Failure("PROTOCOL", text, Code.PROTOCOL);
    }

    /** The peer broke the protocol in a way that has a code of its own. */
    static Failure broken(String text, int code) {
        return new Failure("PROTOCOL", text, code);
    }

    /** This end refuses an identity, FINISHED or the terms. */
    static Failure refused(String text, int code) {
        return new Failure("AUTHENTICATION", text, code);
    }

    static Failure refused(String text) {
        return refused(text, Code.AUTHENTICATION);
    }

    /** The mechanism refused a token, or has no credentials. (JGSS gives no error tokens out.) */
    static Failure tokenRefused(String text) {
        return new Failure("AUTHENTICATION", text, Code.AUTHENTICATION, true);
    }

    /** A record does not verify: the peer is not told. */
    static Failure tampered(String text) {
        return new Failure("TAMPERED", text, UNTOLD);
    }

    static Failure truncated(String text) {
        return new Failure("TRUNCATED", text, UNTOLD);
    }

    /** A call failed, the channel did not. A client that gives up then closes in order. */
    static Failure ofCall(String text) {
        return new Failure("STATUS", text, Code.DONE);
    }
}
