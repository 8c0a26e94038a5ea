// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.ietf.jgss.GSSException;

/** The command of this peer: a client and a server of the greeter, see tests/interop/README.md. */
public final class Peer {
    private static final int CANNOT = 2, DRAIN_AFTER = 5;

    private Peer() {}

    public static void main(String[] words) throws IOException, InterruptedException {
        Gss.useEnvironment();
        if (words.length == 1 && words[0].equals("--batch")) {
            batch();
            return;
        }
        int status = run(words);
        if (status != 0 || !List.of(words).contains("--server")) {
            System.exit(status);
        }
        // SIGTERM is how a server is meant to end; the JVM would say 143
        Runtime.getRuntime().addShutdownHook(new Thread(() -> Runtime.getRuntime().halt(0)));
        Thread.currentThread().join();
    }

    /** Runs the lines of standard input; servers stay until its end. */
    private static void batch() throws IOException {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            say("status: " + run(line.trim().split(" +")));
        }
        System.exit(0);
    }

    private static int run(String[] words) throws IOException {
        Options options;
        try {
            options = new Options(words);
        } catch (IllegalArgumentException e) {
            System.err.println("peer: " + e.getMessage());
            return CANNOT;
        }
        if (options.client != null) {
            return client(options);
        }
        try {
            listen(options);
            return 0;
        } catch (GSSException e) {
            System.err.println("peer: " + e.getMessage());
            return 1;
        }
    }

    private static synchronized void say(String... lines) {
        System.out.println(String.join("\n", lines));
        System.out.flush();
    }

    private static int client(Options options) {
        try (Connection connection = new Connection(options)) {
            while (options.untilDrained && !connection.goingAway()) {
                if (connection.call().status != 0) {
                    break;
                }
            }
            Answer answer = connection.call();
            for (int i = 1; i < options.calls && answer.status == 0; i++) {
                answer = connection.call();
            }
            if (!options.tamper.equals("close")) {
                connection.finish();
            }
            say(lines(answer, connection.terms()).toArray(new String[0]));
            return answer.status == 0 ? 0 : 1;
        } catch (Failure failure) {
            say("error: " + failure.getMessage());
        } catch (IOException e) {
            say("error: OTHER: " + e.getMessage());
        }
        return 1;
    }

    /** What a client prints. */
    private static List<String> lines(Answer answer, Handshake.Terms terms) throws Failure {
        List<String> lines = new ArrayList<>();
        if (answer.status == 0) {
            lines.addAll(List.of("server: " + terms.context().peer, "client: " + terms.context().own, "protection: "
                + Policy.LEVELS.get(terms.level()) + " (" + Policy.SUITES.get(terms.suite()) + ")",
                "reply: " + Greeter.parse(answer.data)));
        } else {
            lines.addAll(List.of("error: STATUS: status " + answer.status + ", execution " + answer.execution + ": "
                + answer.text, "code: " + answer.status, "execution: " + answer.execution));
        }
        HexFormat hex = HexFormat.of();
        answer.initial.forEach(entry -> lines.add("initial: " + entry.key() + "=" + hex.formatHex(entry.value())));
        answer.trailing.forEach(entry -> lines.add("trailing: " + entry.key() + "=" + hex.formatHex(entry.value())));
        answer.details.forEach(detail -> lines.add("detail: " + detail.type() + "=" + hex.formatHex(detail.message())));
        if (answer.retryAfter >= 0) {
            lines.add("retry-after: " + answer.retryAfter);
        }
        return lines;
    }

    /** Starts a server in the background. */
    private static void listen(Options options) throws IOException, GSSException {
        Policy policy = options.policy(Gss.canonical(options.principal), 0);
        ServerSocket listener = new ServerSocket(0, 64, InetAddress.getByName("127.0.0.1"));
        background(() -> {
            while (true) {
                Socket socket = listener.accept();
                background(() -> serve(socket, policy, options.drain ? DRAIN_AFTER : 0));
            }
        });
        Path file = Path.of(options.portFile);
        Path unfinished = Path.of(options.portFile + ".new");
        Files.writeString(unfinished, listener.getLocalPort() + "\n");
        Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
    }

    private interface Work {
        void run() throws IOException;
    }

    private static void background(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (IOException | RuntimeException e) {
                say("end: OTHER: " + e);
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    /** One connection of the server. */
    private static void serve(Socket socket, Policy policy, int drainAfter) throws IOException {
        try (socket) {
            Channel channel = new Channel(socket, policy, false);
            try {
                RpcServer.Handler sayHello = (request, metadata) -> sayHello(channel, policy, request, metadata);
                new RpcServer(channel, Map.of(Greeter.SAY_HELLO, sayHello), drainAfter).run();
            } catch (Failure failure) {
                channel.giveUp(failure);
                throw failure;
            }
            say("end: CLOSED: orderly");
        } catch (Failure failure) {
            say("end: " + failure.getMessage());
        }
    }

    private static Answer sayHello(Channel channel, Policy policy, byte[] request, List<Metadata.Entry> metadata)
            throws Failure {
        if (policy.tamper().equals("close")) {
            throw new Failure("OTHER", "cut, as told", Failure.UNTOLD);
        }
        return Greeter.greet(request, metadata, channel.terms().context().peer);
    }
}
