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
import java.util.List;
import java.util.Map;
import org.ietf.jgss.GSSException;

/** The command of this peer: a client and a server of the greeter, see tests/interop/README.md. */
public final class Peer {
    private static final int CANNOT = 2;

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
        int colon = options.client.lastIndexOf(':');
        try (Socket socket = new Socket(options.client.substring(0, colon),
                Integer.parseInt(options.client.substring(colon + 1)))) {
            call(socket, options);
            return 0;
        } catch (Failure failure) {
            say("error: " + failure.getMessage());
        } catch (IOException e) {
            say("error: OTHER: " + e.getMessage());
        }
        return 1;
    }

    private static void call(Socket socket, Options options) throws Failure, IOException {
        Channel channel = new Channel(socket, options.policy(options.principal, 1), true);
        try {
            RpcClient client = new RpcClient(channel);
            String reply = "";
            for (int i = 0; i < options.calls; i++) {
                if (options.renew && i > 0) {
                    channel.renew();
                }
                reply = Greeter.parse(client.call(Greeter.SAY_HELLO, Greeter.pack(options.name)));
            }
            if (!options.tamper.equals("close")) {
                client.close();
            }
            Handshake.Terms terms = channel.terms();
            say("server: " + terms.context().peer, "client: " + terms.context().own, "protection: "
                + Policy.LEVELS.get(terms.level()) + " (" + Policy.SUITES.get(terms.suite()) + ")", "reply: " + reply);
        } catch (Failure failure) {
            channel.giveUp(failure);
            throw failure;
        }
    }

    /** Starts a server in the background. */
    private static void listen(Options options) throws IOException, GSSException {
        Policy policy = options.policy(Gss.canonical(options.principal), 0);
        ServerSocket listener = new ServerSocket(0, 64, InetAddress.getByName("127.0.0.1"));
        background(() -> {
            while (true) {
                Socket socket = listener.accept();
                background(() -> serve(socket, policy));
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
    private static void serve(Socket socket, Policy policy) throws IOException {
        try (socket) {
            Channel channel = new Channel(socket, policy, false);
            try {
                new RpcServer(channel, Map.of(Greeter.SAY_HELLO, request -> sayHello(channel, policy, request))).run();
            } catch (Failure failure) {
                channel.giveUp(failure);
                throw failure;
            }
            say("end: CLOSED: orderly");
        } catch (Failure failure) {
            say("end: " + failure.getMessage());
        }
    }

    private static byte[] sayHello(Channel channel, Policy policy, byte[] request) throws Failure {
        if (policy.tamper().equals("close")) {
            throw new Failure("OTHER", "cut, as told", Failure.UNTOLD);
        }
        return Greeter.pack("Hello, " + Greeter.parse(request) + "! You are " + channel.terms().context().peer + ".");
    }
}
