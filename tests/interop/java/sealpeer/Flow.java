// SPDX-License-Identifier: Apache-2.0
package sealpeer;

/** Flow control of a stream, or of the connection: what the peer takes, and what this end does. */
final class Flow {
    static final int FIRST_WINDOW = 65536;
    static final int MAX_WINDOW = Integer.MAX_VALUE;

    private final int size;
    private long allowance;
    private int left;
    private int owed;

    /** @param allowance what the peer takes
     *  @param size what this end takes */
    Flow(long allowance, int size) {
        this.allowance = allowance;
        this.size = size;
        left = size;
    }

    // ---- What the peer takes

    long allowance() {
        return allowance;
    }

    void use(int bytes) {
        allowance -= bytes;
    }

    void grow(long bytes) throws Failure {
        allowance += bytes;
        if (allowance > MAX_WINDOW) {
            throw Failure.broken("too large a window");
        }
    }

    // ---- What this end takes

    /** Counts what has come. Returns by how much the window should be opened again: half of it, or nothing. */
    int take(int bytes) throws Failure {
        if (bytes > left) {
            throw Failure.broken("more than the window");
        }
        left -= bytes;
        owed += bytes;
        if (owed < size / 2) {
            return 0;
        }
        int increment = owed;
        owed = 0;
        return increment;
    }

    void open(int increment) {
        left += increment;
    }
}
