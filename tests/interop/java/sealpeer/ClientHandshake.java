// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import java.util.Arrays;
import java.util.List;

/** The initiator. */
final class ClientHandshake extends Handshake {
    private final Crypto.Share share = new Crypto.Share();
    private Hello theirs;

    ClientHandshake(Policy policy, byte[] prefix) {
        super(policy, prefix);
    }

    @Override
    List<byte[]> start() throws Failure {
        Hello hello = new Hello();
        hello.share = share.bytes;
        hello.mechanism = policy.mechanisms().get(0);
        hello.level = policy.level();
        hello.suites = policy.suites();
        hello.target = policy.principal();
        byte[] first;
        try {
            context = Gss.initiate(hello.mechanism, policy.principal());
            first = context.step(Bytes.of());
        } catch (Failure failure) { // nothing has been sent, and nothing will be
            throw new Failure("OTHER", failure.getMessage(), Failure.UNTOLD);
        }
        expects = Type.SERVER_HELLO;
        return List.of(add(hello.packClient()), token(first));
    }

    @Override
    protected List<byte[]> takeHello(byte[] body) throws Failure {
        theirs = Hello.parseServer(body);
        if (!policy.suites().contains(theirs.suites.get(0))) {
            throw Failure.broken("the server chose a suite that was not offered");
        }
        if (theirs.mechanism != policy.mechanisms().get(0)) {
            throw Failure.broken("the server chose another mechanism");
        }
        if (theirs.level < policy.level()) {
            throw Failure.broken("the server chose a level below this end's floor");
        }
        if (Arrays.equals(theirs.share, share.bytes)) {
            throw Failure.broken("the server has the share of this end");
        }
        return next(List.of());
    }

    @Override
    protected List<byte[]> takeToken(byte[] body) throws Failure {
        byte[] answer = step(body);
        return next(answer.length == 0 ? List.of() : List.of(token(answer)));
    }

    private List<byte[]> next(List<byte[]> flight) throws Failure {
        expects = context.complete() ? Type.FINISHED : Type.TOKEN;
        if (context.complete()) {
            context.check();
            if (!Gss.samePrincipal(policy.principal(), context.peer)) {
                throw Failure.refused("the server is " + context.peer + ", not " + policy.principal());
            }
        }
        return flight;
    }

    @Override
    protected List<byte[]> takeFinished(byte[] body) throws Failure {
        byte[] serverSecret = checkFinished(body);
        byte[] clientSecret = Crypto.random(32);
        byte[] shared = share.exchange(theirs.share);
        byte[] finished = makeFinished(clientSecret);
        settle(theirs, serverSecret, clientSecret, shared);
        return List.of(finished);
    }

    /** An alert's token is for the mechanism, which knows what it says; the handshake has failed all the same. */
    @Override
    protected Failure alerted(byte[] body) throws Failure {
        Failure failure = super.alerted(body);
        if (body.length == 2 || context.complete()) {
            return failure;
        }
        try {
            context.step(Arrays.copyOfRange(body, 2, body.length));
            return failure;
        } catch (Failure error) {
            return new Failure("PEER_REFUSED", failure.getMessage() + " " + error.getMessage(), Failure.UNTOLD);
        }
    }
}
