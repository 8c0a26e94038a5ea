// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import java.io.IOException;
import java.net.Socket;

/** A client's connection, which is made anew when the server has sent it away. */
final class Connection implements AutoCloseable {
    private final Options options;
    private Socket socket;
    private Channel channel;
    private RpcClient client;
    private boolean used;

    Connection(Options options) throws Failure, IOException {
        this.options = options;
        open();
    }

    private void open() throws Failure, IOException {
        int colon = options.client.lastIndexOf(':');
        socket = new Socket(options.client.substring(0, colon), Integer.parseInt(options.client.substring(colon + 1)));
        try {
            channel = new Channel(socket, options.policy(options.principal, 1), true);
            client = new RpcClient(channel);
        } catch (Failure failure) {
            socket.close();
            throw failure;
        }
    }

    boolean goingAway() {
        return client.goingAway();
    }

    Handshake.Terms terms() {
        return channel.terms();
    }

    Answer call() throws Failure, IOException {
        try {
            if (goingAway()) {
                finish();
                open();
            } else if (options.renew && used) {
                channel.renew();
            }
            used = true;
            return client.call(Greeter.SAY_HELLO, Greeter.pack(options.name), options.metadata);
        } catch (Failure failure) {
            channel.giveUp(failure);
            throw failure;
        }
    }

    /** Ends it in order. */
    void finish() throws Failure {
        try {
            client.close();
        } catch (Failure failure) {
            channel.giveUp(failure);
            throw failure;
        }
        channel.close();
    }

    /** Ends the stream as it is. */
    @Override
    public void close() throws IOException {
        socket.close();
    }
}
