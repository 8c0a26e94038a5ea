// SPDX-License-Identifier: Apache-2.0
package sealpeer;

/** Codes of ALERT and CLOSE ("Codes"). */
final class Code {
    static final int DONE = 0, GOING_AWAY = 1, PROTOCOL = 2, AUTHENTICATION = 3, NO_VERSION = 4, NO_SUITE = 5, NO_MECHANISM = 6,
            LEVEL = 7, UNKNOWN_TARGET = 8, NOT_MUTUAL = 9, TIMEOUT = 10, EXPIRED = 12, LIMIT = 13;
    private static final String[] NAMES = {"DONE", "GOING_AWAY", "PROTOCOL", "AUTHENTICATION", "NO_VERSION", "NO_SUITE",
        "NO_MECHANISM", "LEVEL", "UNKNOWN_TARGET", "NOT_MUTUAL", "TIMEOUT", "OVERLOADED", "EXPIRED", "LIMIT",
        "INTERNAL"};

    private Code() {}

    /** For people; a code that is not known is shown as a number. */
    static String name(int code) {
        return code < NAMES.length ? NAMES[code] : "code " + code;
    }
}
