// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/** The client's end. It waits; what else comes meanwhile is kept for the caller of the channel. */
final class ClientReauth extends Reauth {
    private final Deque<Message> arrived = new ArrayDeque<>();

    ClientReauth(Channel channel, Policy policy) {
        super(channel, policy);
    }

    void run() throws Failure {
        Handshake handshake = new ClientHandshake(begin(attempt + 1), channel.channelId);
        arrived.clear();
        List<byte[]> flight = handshake.start();
        try {
            while (handshake.terms() == null) {
                send(flight);
                Message message = next();
                flight = handshake.take(message.type(), message.body());
            }
        } catch (Failure failure) {
            if (failure.ofToken) {
                send(List.of(Bytes.alert(failure)));
            }
            throw failure;
        }
        Handshake.Terms terms = handshake.terms();
        check(terms);
        checkNothingBehind(!arrived.isEmpty());
        send(flight);
        channel.renewSending(terms.schedule().clientTraffic, terms);
        if (next().type() != Type.SWITCH) {
            throw Failure.broken("SWITCH is missing");
        }
        checkNothingBehind(!arrived.isEmpty());
        channel.renewReceiving(terms.schedule().serverTraffic, terms);
        channel.renewTerms(terms);
    }

    private Message next() throws Failure {
        while (arrived.isEmpty()) {
            Channel.Opened opened = channel.nextRecord();
            if (opened.type() == Type.CLOSE) {
                throw new Failure("PEER_REFUSED", "closed during a re-authentication", Failure.UNTOLD);
            }
            if (opened.type() == Type.HANDSHAKE) {
                receive(opened.content());
            }
        }
        return arrived.remove();
    }

    @Override
    void receive(byte[] content) throws Failure {
        int number = attemptOf(content);
        if (number > attempt) {
            throw Failure.broken("an attempt that this end has not made");
        }
        if (number == attempt) {
            arrived.addAll(messages(content));
        }
    }
}
