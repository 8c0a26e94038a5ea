// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/** The options of a peer (tests/interop/README.md). */
final class Options {
    private static final List<String> TAMPERINGS = List.of("token", "finished", "transcript", "record", "close");

    String client;
    String portFile;
    String principal = "greeter/localhost";
    String name = "world";
    String tamper = "";
    int calls = 1;
    boolean renew;
    boolean drain;
    boolean untilDrained;
    final List<Metadata.Entry> metadata = new ArrayList<>();
    private boolean server;
    private int mechanism;
    private int level = Policy.PRIVACY;
    private List<Integer> suites = List.of(1, 2, 3, 4);

    /** Throws IllegalArgumentException for what this peer cannot do. */
    Options(String[] words) {
        for (int i = 0; i < words.length; i++) {
            switch (words[i]) {
                case "--server" -> server = true;
                case "--renew" -> renew = true;
                case "--drain" -> drain = true;
                case "--until-drained" -> untilDrained = true;
                default -> {
                    if (i + 1 == words.length) {
                        throw new IllegalArgumentException(words[i] + " needs a value, or is not an option");
                    }
                    set(words[i], words[++i]);
                }
            }
        }
        if (server ? client != null || portFile == null : client == null) {
            throw new IllegalArgumentException("--client HOST:PORT, or --server --port-file FILE, or --batch");
        }
    }

    private void set(String option, String value) {
        switch (option) {
            case "--client" -> client = value;
            case "--port-file" -> portFile = value;
            case "--principal" -> principal = value;
            case "--name" -> name = value;
            case "--size" -> name = "x".repeat(Integer.parseInt(value));
            case "--metadata" -> metadata.add(entry(value));
            case "--calls" -> calls = Integer.parseInt(value);
            case "--tamper" -> tamper = TAMPERINGS.get(known(TAMPERINGS, value));
            case "--mechanism" -> mechanism = known(Policy.MECHANISMS, value);
            case "--level" -> level = known(Policy.LEVELS, value);
            case "--suite" ->
                suites = Arrays.stream(value.split(",")).map(suite -> known(Policy.SUITES, suite)).toList();
            default -> throw new IllegalArgumentException("no option " + option);
        }
    }

    /** KEY=HEX as an entry of metadata. */
    private static Metadata.Entry entry(String text) {
        int equals = text.indexOf('=');
        if (equals < 0) {
            throw new IllegalArgumentException("no metadata: " + text);
        }
        return new Metadata.Entry(text.substring(0, equals), HexFormat.of().parseHex(text, equals + 1, text.length()));
    }

    private static int known(List<String> values, String value) {
        int index = value.isEmpty() ? -1 : values.indexOf(value);
        if (index < 0) {
            throw new IllegalArgumentException("cannot do " + value);
        }
        return index;
    }

    /** @param otherwise the mechanism if the options name none, 0 for all */
    Policy policy(String wanted, int otherwise) {
        int one = mechanism != 0 ? mechanism : otherwise;
        List<Integer> mechanisms = one != 0 ? List.of(one) : List.of(Gss.KRB5_MECHANISM, Gss.SPNEGO_MECHANISM);
        return new Policy(wanted, mechanisms, suites, level, tamper);
    }
}
