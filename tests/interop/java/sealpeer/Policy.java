// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import java.util.List;

/** What an end wants (client) or accepts (server). */
record Policy(String principal, List<Integer> mechanisms, List<Integer> suites, int level, String tamper) {
    static final int INTEGRITY = 1, PRIVACY = 2;
    static final int AES256_GCM = 1, AES128_GCM = 2, CHACHA20_POLY1305 = 3, GSS = 4;
    static final List<String> SUITES = List.of("", "aes256-gcm", "aes128-gcm", "chacha20-poly1305", "gss");
    static final List<String> LEVELS = List.of("", "integrity", "privacy");
    static final List<String> MECHANISMS = List.of("", "krb5", "spnego");

    /** For a re-authentication: exactly what holds. */
    Policy present(Handshake.Terms terms) {
        return new Policy(principal, mechanisms, List.of(terms.suite()), terms.level(), "");
    }
}
