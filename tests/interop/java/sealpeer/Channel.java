// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import org.ietf.jgss.GSSException;

/** One end of a connection: first handshake, records, close. Ends with Failure, or with receive() returning null. */
final class Channel implements AutoCloseable {
    private static final int HANDSHAKE_SECONDS = 10, LINGER_SECONDS = 2;
    private static final int KEY_UPDATE_COST = 8, KEY_UPDATE_CREDIT = 1024;
    private static final long NANOS = 1_000_000_000L;

    /** A record that has been opened. */
    record Opened(int type, byte[] content) {}

    private final Socket socket;
    private final DataInputStream in;
    private final Deque<byte[]> queue = new ArrayDeque<>();
    private final Reauth reauth;
    final byte[] channelId;
    private Handshake.Terms terms;
    private Direction sending;
    private Direction receiving;
    private Failure late = new Failure("OTHER", "the time for the handshake is up", Code.TIMEOUT);
    private long deadline = System.nanoTime() + HANDSHAKE_SECONDS * NANOS;
    private int credit = KEY_UPDATE_CREDIT;
    private boolean spoil;
    private boolean closing;

    Channel(Socket socket, Policy policy, boolean client) throws Failure, IOException {
        this.socket = socket;
        socket.setTcpNoDelay(true);
        in = new DataInputStream(socket.getInputStream());
        spoil = policy.tamper().equals("record");
        byte[] nothing = {};
        terms = handshake(client ? new ClientHandshake(policy, nothing) : new ServerHandshake(policy, nothing));
        channelId = terms.schedule().channelId;
        reauth = client ? new ClientReauth(this, policy) : new ServerReauth(this, policy);
        byte[] toServer = terms.schedule().clientTraffic;
        byte[] toClient = terms.schedule().serverTraffic;
        sending = new Direction(client ? toServer : toClient, terms);
        receiving = new Direction(client ? toClient : toServer, terms);
        late = new Failure("OTHER", "the security context has expired", Code.EXPIRED);
        setLife();
    }

    Handshake.Terms terms() {
        return terms;
    }

    // ---- First handshake

    private Handshake.Terms handshake(Handshake handshake) throws Failure {
        try {
            write(Bytes.join(handshake.start()));
            while (handshake.terms() == null) {
                write(Bytes.join(readMessage(handshake)));
            }
            return handshake.terms();
        } catch (Failure failure) {
            if (handshake.mayAlert() && failure.code != Failure.UNTOLD) {
                tryWrite(Bytes.alert(failure));
                linger();
            }
            throw failure;
        }
    }

    /** Takes one message and returns its answer. Type and length are checked before its body is waited for. */
    private List<byte[]> readMessage(Handshake handshake) throws Failure {
        byte[] header = read(4);
        int size = new Bytes(header).small(3);
        int type = header[3] & 0xff;
        boolean first = handshake.expects() == Type.CLIENT_HELLO || handshake.expects() == Type.SERVER_HELLO;
        if (!Type.ofHandshake(type)) {
            throw Failure.broken("type " + type + " in a handshake", first ? Failure.UNTOLD : Code.PROTOCOL);
        }
        if (type != Type.ALERT && type != handshake.expects()) {
            throw Failure.broken("a message of type " + type + " out of place");
        }
        Type.checkSize(type, size);
        byte[] start = read(first && type != Type.ALERT ? Hello.MAGIC.length : 0);
        if (start.length > 0 && !Arrays.equals(start, Hello.MAGIC)) {
            throw Failure.broken("the peer does not speak sealrpc", Failure.UNTOLD);
        }
        return handshake.take(type, Bytes.join(start, read(size - start.length)));
    }

    // ---- Records

    void send(int type, byte[] content) throws Failure {
        if (sending.usedUp() && type != Type.KEY_UPDATE) {
            updateKey();
        }
        byte[] record = sending.seal(type, content);
        write(spoil ? Bytes.flip(record, 1) : record);
        spoil = false;
    }

    private void updateKey() throws Failure {
        send(Type.KEY_UPDATE, Bytes.of(0));
        sending = sending.next();
    }

    /** The content of the next DATA record, null after an orderly CLOSE. */
    byte[] receive() throws Failure {
        while (queue.isEmpty()) {
            Opened opened = nextRecord();
            if (opened.type == Type.CLOSE) {
                closed(opened.content);
                return null;
            }
            if (opened.type == Type.HANDSHAKE) {
                reauth.receive(opened.content);
            }
        }
        return queue.remove();
    }

    /** Opens one record. DATA is queued and a key update done. */
    Opened nextRecord() throws Failure {
        byte[] header = read(4);
        int size = new Bytes(header).small(3);
        if (size < Direction.TAG || size > Direction.MAX_BODY) {
            throw Failure.tampered("a record of " + size + " bytes");
        }
        Opened opened = new Opened(header[3] & 0xff, receiving.open(header, read(size)));
        if (opened.type == Type.KEY_UPDATE) {
            updated(opened.content);
            return opened;
        }
        credit = Math.min(KEY_UPDATE_CREDIT, credit + 1);
        if (opened.type == Type.DATA) {
            if (opened.content.length == 0) {
                throw Failure.broken("an empty DATA record");
            }
            queue.add(opened.content);
        } else if (opened.type != Type.CLOSE && opened.type != Type.HANDSHAKE) {
            throw Failure.broken("a record of type " + opened.type);
        }
        return opened;
    }

    private void updated(byte[] content) throws Failure {
        if (content.length != 1 || content[0] != 0) {
            throw Failure.broken("a malformed KEY_UPDATE");
        }
        credit -= KEY_UPDATE_COST;
        if (credit < 0) {
            throw Failure.broken("too many key updates", Code.LIMIT);
        }
        receiving = receiving.next();
    }

    // ---- Re-authentication

    /** Re-authenticates: a client. */
    void renew() throws Failure {
        ((ClientReauth) reauth).run();
    }

    void renewSending(byte[] traffic, Handshake.Terms renewed) {
        sending = new Direction(traffic, renewed);
    }

    void renewReceiving(byte[] traffic, Handshake.Terms renewed) {
        receiving = new Direction(traffic, renewed);
    }

    void renewTerms(Handshake.Terms renewed) throws Failure {
        terms = renewed;
        setLife();
    }

    private void setLife() throws Failure {
        try {
            deadline = System.nanoTime() + terms.context().secondsLeft() * NANOS;
        } catch (GSSException e) {
            throw late;
        }
    }

    // ---- The close

    private void closed(byte[] content) throws Failure {
        if (content.length != 2) {
            throw Failure.broken("a malformed CLOSE");
        }
        int code = new Bytes(content).small(2);
        if (!atEnd()) {
            throw Failure.broken("something after CLOSE", Failure.UNTOLD);
        }
        if (code != Code.DONE && code != Code.GOING_AWAY) {
            throw new Failure("PEER_REFUSED", "closed: " + Code.name(code), Failure.UNTOLD);
        }
    }

    /** Sends CLOSE and ends this side of the stream; the other stays open until its own CLOSE. */
    void close(int code) throws Failure {
        if (closing) {
            return;
        }
        closing = true;
        send(Type.CLOSE, Bytes.u16(code));
        try {
            socket.shutdownOutput();
        } catch (IOException e) {
            // the peer is gone already
        }
    }

    /** Ends the connection after a failure; the peer is told if the failure has a code. */
    void giveUp(Failure failure) {
        if (failure.code != Failure.UNTOLD) {
            try {
                close(failure.code);
                linger();
            } catch (Failure e) {
                // the peer is gone already
            }
        }
        close();
    }

    /** Ends the stream as it is. */
    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException e) {
            // it is ended all the same
        }
    }

    // ---- The stream

    private void write(byte[] data) throws Failure {
        try {
            socket.getOutputStream().write(data);
        } catch (IOException e) {
            throw Failure.truncated("cannot send: " + e.getMessage());
        }
    }

    private void tryWrite(byte[] data) {
        try {
            write(data);
        } catch (Failure e) {
            // the peer is gone already
        }
    }

    /** Reads what is on its way for a while: a stream closed over unread bytes is reset, and the last word lost. */
    private void linger() {
        deadline = System.nanoTime() + LINGER_SECONDS * NANOS;
        try {
            socket.shutdownOutput();
            while (!atEnd()) {
                in.skip(in.available());
            }
        } catch (IOException | Failure e) {
            // the peer is gone, or had its time
        }
    }

    private void setTimeout() throws IOException {
        long millis = (deadline - System.nanoTime()) / 1_000_000;
        if (millis <= 0) {
            throw new SocketTimeoutException();
        }
        socket.setSoTimeout((int) Math.min(millis, Integer.MAX_VALUE));
    }

    /** Each read(2) gets the time that is left: bytes do not extend it. */
    private byte[] read(int size) throws Failure {
        byte[] data = new byte[size];
        try {
            for (int at = 0; at < size;) {
                setTimeout();
                int count = in.read(data, at, size - at);
                if (count < 0) {
                    throw new EOFException("the stream ended without CLOSE");
                }
                at += count;
            }
            return data;
        } catch (SocketTimeoutException e) {
            throw late;
        } catch (IOException e) {
            throw Failure.truncated(e.getMessage());
        }
    }

    private boolean atEnd() throws Failure {
        try {
            setTimeout();
            return in.read() < 0;
        } catch (SocketTimeoutException e) {
            throw late;
        } catch (IOException e) {
            throw Failure.truncated(e.getMessage());
        }
    }
}
