// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import java.util.Iterator;
import java.util.List;

/** The server's end, fed record by record. */
final class ServerReauth extends Reauth {
    private static final int ATTEMPTS = 16;
    private static final long NANOS_PER_ATTEMPT = 10_000_000_000L;

    private Handshake handshake;
    private long permits = ATTEMPTS;
    private long since = System.nanoTime();

    ServerReauth(Channel channel, Policy policy) {
        super(channel, policy);
    }

    @Override
    void receive(byte[] content) throws Failure {
        int number = attemptOf(content);
        if (number > attempt) {
            takePermit();
            handshake = new ServerHandshake(begin(number), channel.channelId);
        }
        if (number < attempt || handshake == null) {
            return;
        }
        try {
            Iterator<Message> arrived = messages(content).iterator();
            while (arrived.hasNext() && handshake != null) {
                take(arrived.next(), arrived.hasNext());
            }
        } catch (Failure failure) {
            if (!failure.ofToken && !failure.word.equals("PEER_REFUSED")) {
                throw failure;
            }
            handshake = null;
            if (failure.ofToken) {
                send(List.of(Bytes.alert(failure)));
            }
        }
    }

    private void take(Message message, boolean more) throws Failure {
        send(handshake.take(message.type(), message.body()));
        Handshake.Terms terms = handshake.terms();
        if (terms == null) {
            return;
        }
        handshake = null;
        checkNothingBehind(more);
        check(terms);
        channel.renewReceiving(terms.schedule().clientTraffic, terms);
        send(List.of(Bytes.message(Type.SWITCH, new byte[0])));
        channel.renewSending(terms.schedule().serverTraffic, terms);
        channel.renewTerms(terms);
    }

    private void takePermit() throws Failure {
        long gained = (System.nanoTime() - since) / NANOS_PER_ATTEMPT;
        since += gained * NANOS_PER_ATTEMPT;
        permits = Math.min(ATTEMPTS, permits + gained);
        if (permits == 0) {
            throw Failure.broken("too many re-authentications", Code.LIMIT);
        }
        permits--;
    }
}
