// SPDX-License-Identifier: Apache-2.0
package sealpeer;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.security.jgss.ExtendedGSSContext;
import com.sun.security.jgss.InquireType;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import javax.security.auth.kerberos.EncryptionKey;
import javax.security.auth.login.AppConfigurationEntry;
import javax.security.auth.login.AppConfigurationEntry.LoginModuleControlFlag;
import javax.security.auth.login.Configuration;
import org.ietf.jgss.GSSContext;
import org.ietf.jgss.GSSCredential;
import org.ietf.jgss.GSSException;
import org.ietf.jgss.GSSManager;
import org.ietf.jgss.GSSName;
import org.ietf.jgss.MessageProp;
import org.ietf.jgss.Oid;

/** A security context of JGSS, and what must hold of it before FINISHED. */
final class Gss {
    static final int KRB5_MECHANISM = 1, SPNEGO_MECHANISM = 2;
    private static final Oid KRB5 = oid("1.2.840.113554.1.2.2");
    private static final Oid SPNEGO = oid("1.3.6.1.5.5.2");
    private static final Oid PRINCIPAL_NAME = oid("1.2.840.113554.1.2.2.1");
    private static final int LEAST_BITS = 128;
    private static final GSSManager MANAGER = GSSManager.getInstance();

    private final GSSContext context;
    private final GSSCredential credential;
    private final boolean initiator;
    String peer;
    String own;

    private Gss(GSSContext context, GSSCredential credential, boolean initiator) {
        this.context = context;
        this.credential = credential;
        this.initiator = initiator;
    }

    private static Oid oid(String text) {
        try {
            return new Oid(text);
        } catch (GSSException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Lets JGSS find what the environment names, as MIT and Heimdal do. */
    static void useEnvironment() {
        if (System.getenv("KRB5_CONFIG") != null) {
            System.setProperty("java.security.krb5.conf", System.getenv("KRB5_CONFIG"));
        }
        System.setProperty("javax.security.auth.useSubjectCredsOnly", "false");
        Configuration.setConfiguration(new Configuration() {
            @Override
            public AppConfigurationEntry[] getAppConfigurationEntry(String name) {
                Map<String, String> options = name.endsWith("accept") ? acceptOptions() : initiateOptions();
                return new AppConfigurationEntry[] {new AppConfigurationEntry(
                    "com.sun.security.auth.module.Krb5LoginModule", LoginModuleControlFlag.REQUIRED, options)};
            }
        });
    }

    private static String file(String variable) {
        String value = System.getenv(variable);
        return value != null && value.startsWith("FILE:") ? value.substring("FILE:".length()) : value;
    }

    private static Map<String, String> initiateOptions() {
        Map<String, String> options = new HashMap<>(Map.of("useTicketCache", "true", "doNotPrompt", "true"));
        options.put("ticketCache", file("KRB5CCNAME"));
        return options;
    }

    private static Map<String, String> acceptOptions() {
        Map<String, String> options = new HashMap<>(Map.of("useKeyTab", "true", "storeKey", "true",
            "doNotPrompt", "true", "isInitiator", "false", "principal", "*"));
        options.put("keyTab", file("KRB5_KTNAME"));
        return options;
    }

    private static Oid mechanism(int number) {
        return number == SPNEGO_MECHANISM ? SPNEGO : KRB5;
    }

    private static GSSName principal(String name) throws GSSException {
        return MANAGER.createName(name, PRINCIPAL_NAME);
    }

    static Gss initiate(int mechanism, String target) throws Failure {
        try {
            GSSCredential credential = MANAGER.createCredential(null, GSSCredential.INDEFINITE_LIFETIME,
                mechanism(mechanism), GSSCredential.INITIATE_ONLY);
            GSSContext context = MANAGER.createContext(principal(target), mechanism(mechanism), credential,
                GSSContext.DEFAULT_LIFETIME);
            context.requestMutualAuth(true);
            context.requestConf(true);
            context.requestInteg(true);
            context.requestReplayDet(true);
            context.requestSequenceDet(true);
            return new Gss(context, credential, true);
        } catch (GSSException e) {
            throw Failure.tokenRefused("no credentials: " + e.getMessage());
        }
    }

    static Gss accept(int mechanism, String name) throws Failure {
        try {
            GSSCredential credential = MANAGER.createCredential(principal(name), GSSCredential.INDEFINITE_LIFETIME,
                mechanism(mechanism), GSSCredential.ACCEPT_ONLY);
            return new Gss(MANAGER.createContext(credential), credential, false);
        } catch (GSSException e) {
            throw Failure.tokenRefused("no credentials for " + name + ": " + e.getMessage());
        }
    }

    /** The principal with its realm. */
    static String canonical(String name) throws GSSException {
        return text(principal(name).canonicalize(KRB5));
    }

    /** The principal that is in an exported name (RFC 2743, 3.2): toString() may leave the realm out. */
    private static String text(GSSName name) throws GSSException {
        ByteBuffer exported = ByteBuffer.wrap(name.export());
        exported.position(2);
        exported.position(4 + exported.getShort());
        byte[] principal = new byte[exported.getInt()];
        exported.get(principal);
        return new String(principal, UTF_8);
    }

    boolean complete() {
        return context.isEstablished();
    }

    /** Gives a token to the mechanism and returns its answer, empty if it has none. */
    byte[] step(byte[] token) throws Failure {
        try {
            byte[] answer = initiator ? context.initSecContext(token, 0, token.length)
                : context.acceptSecContext(token, 0, token.length);
            return answer == null ? Bytes.of() : answer;
        } catch (GSSException e) {
            throw Failure.tokenRefused("the mechanism failed: " + e.getMessage());
        }
    }

    /** Number 1, 2, 4 and 5 of "What must hold", and who the two ends are. */
    void check() throws Failure {
        try {
            // JGSS cannot be asked for GSS_C_MA_AUTH_TARG. Of its mechanisms krb5 has it.
            if (!context.getMech().equals(KRB5)) {
                throw Failure.refused(context.getMech() + " does not authenticate its target", Code.NOT_MUTUAL);
            }
            if (!(context.getMutualAuthState() && context.getConfState() && context.getIntegState()
                    && context.getReplayDetState() && context.getSequenceDetState())) {
                throw Failure.refused("the context lacks flags", Code.NOT_MUTUAL);
            }
            if (context.getAnonymityState() || context.getSrcName() == null || context.getTargName() == null
                    || context.getSrcName().isAnonymous()) {
                throw Failure.refused("an end has no name");
            }
            peer = text(initiator ? context.getTargName() : context.getSrcName());
            own = text(initiator ? context.getSrcName() : context.getTargName());
            if (strength() < LEAST_BITS) {
                throw Failure.refused("the mechanism's keys are too weak", Code.LEVEL);
            }
            if (secondsLeft() <= 0) {
                throw Failure.refused("the life of the context is over", Code.EXPIRED);
            }
        } catch (GSSException e) {
            throw Failure.refused("the context cannot be asked: " + e.getMessage());
        }
    }

    private int strength() throws GSSException {
        Object key = ((ExtendedGSSContext) context).inquireSecContext(InquireType.KRB5_GET_SESSION_KEY_EX);
        return ((EncryptionKey) key).getEncoded().length * 8;
    }

    int secondsLeft() throws GSSException {
        int ofContext = context.getLifetime();
        return initiator ? Math.min(ofContext, credential.getRemainingLifetime()) : ofContext;
    }

    byte[] wrap(byte[] content, boolean confidential) {
        try {
            MessageProp properties = new MessageProp(0, confidential);
            byte[] token = context.wrap(content, 0, content.length, properties);
            if (properties.getPrivacy() != confidential) {
                throw new IllegalStateException("wrap did not protect as asked");
            }
            return token;
        } catch (GSSException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The content, or null if the token is not exactly as it should be. */
    byte[] unwrap(byte[] token, boolean confidential) {
        try {
            MessageProp properties = new MessageProp(0, false);
            byte[] content = context.unwrap(token, 0, token.length, properties);
            // JGSS reports supplementary status here and not by an exception: it is not GSS_S_COMPLETE either.
            boolean inOrder = !properties.isDuplicateToken() && !properties.isOldToken() && !properties.isUnseqToken()
                && !properties.isGapToken();
            return inOrder && properties.getPrivacy() == confidential ? content : null;
        } catch (GSSException e) {
            return null;
        }
    }

    /** Whether the name that was proved is what a target asks for: with its realm if the target has one. */
    static boolean samePrincipal(String target, String proved) {
        return proved.equals(target) || withoutRealm(proved).equals(target);
    }

    /** A principal up to its realm, which begins at the last @ without a backslash before it. */
    private static String withoutRealm(String name) {
        int at = name.lastIndexOf('@');
        while (at > 0 && name.charAt(at - 1) == '\\') {
            at = name.lastIndexOf('@', at - 1);
        }
        return at < 0 ? name : name.substring(0, at);
    }
}
