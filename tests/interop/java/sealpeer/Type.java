// SPDX-License-Identifier: Apache-2.0
package sealpeer;

/** Types of messages ("Header"), and the sizes that those of the handshake may have. */
final class Type {
    static final int CLIENT_HELLO = 1, SERVER_HELLO = 2, TOKEN = 3, FINISHED = 4, ALERT = 5, SWITCH = 6;
    static final int DATA = 0x20, KEY_UPDATE = 0x21, CLOSE = 0x22, HANDSHAKE = 0x23;
    private static final int[] LEAST = {0, 11, 10, 1, 64, 2, 0};
    private static final int[] MOST = {0, 4096, 4096, 131072, 1024, 4096, 0};

    private Type() {}

    static boolean ofHandshake(int type) {
        return type >= CLIENT_HELLO && type <= SWITCH;
    }

    static void checkSize(int type, int size) throws Failure {
        if (size < LEAST[type] || size > MOST[type]) {
            throw Failure.broken("a message of type " + type + " with " + size + " bytes");
        }
    }
}
