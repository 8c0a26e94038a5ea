// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import java.util.ArrayList;
import java.util.List;

/** The acceptor. The principal of its policy has a realm. */
final class ServerHandshake extends Handshake {
    private Hello theirs;
    private final Hello mine = new Hello();
    private Crypto.Share share;
    private byte[] secret;

    ServerHandshake(Policy policy, byte[] prefix) {
        super(policy, prefix);
        expects = Type.CLIENT_HELLO;
    }

    @Override
    List<byte[]> start() {
        return List.of();
    }

    @Override
    protected List<byte[]> takeHello(byte[] body) throws Failure {
        theirs = Hello.parseClient(body);
        if (!policy.mechanisms().contains(theirs.mechanism)) {
            throw Failure.refused("mechanism " + theirs.mechanism + " is not accepted", Code.NO_MECHANISM);
        }
        mine.mechanism = theirs.mechanism;
        mine.suites = theirs.suites.stream().filter(policy.suites()::contains).limit(1).toList();
        if (mine.suites.isEmpty()) {
            throw Failure.refused("no common suite", Code.NO_SUITE);
        }
        mine.level = Math.max(theirs.level, policy.level());
        if (!Gss.samePrincipal(theirs.target, policy.principal())) {
            throw Failure.refused(theirs.target + " is not a name of this server", Code.UNKNOWN_TARGET);
        }
        context = Gss.accept(theirs.mechanism, policy.principal());
        expects = Type.TOKEN;
        return List.of();
    }

    @Override
    protected List<byte[]> takeToken(byte[] body) throws Failure {
        byte[] answer = step(body);
        List<byte[]> flight = new ArrayList<>();
        if (share == null) {
            share = new Crypto.Share();
            mine.share = share.bytes;
            flight.add(add(mine.packServer()));
        }
        if (answer.length > 0) {
            flight.add(token(answer));
        }
        if (context.complete()) {
            checkContext();
            secret = Crypto.random(32);
            flight.add(makeFinished(secret));
            expects = Type.FINISHED;
        }
        return flight;
    }

    private void checkContext() throws Failure {
        context.check();
        if (!Gss.samePrincipal(policy.principal(), context.own) || !Gss.samePrincipal(theirs.target, context.own)) {
            throw Failure.refused("the ticket is for " + context.own, Code.UNKNOWN_TARGET);
        }
    }

    @Override
    protected List<byte[]> takeFinished(byte[] body) throws Failure {
        byte[] clientSecret = checkFinished(body);
        settle(mine, secret, clientSecret, share.exchange(theirs.share));
        return List.of();
    }
}
