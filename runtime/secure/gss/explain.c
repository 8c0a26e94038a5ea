/* SPDX-License-Identifier: Apache-2.0 */
/* One line of text for each cause: who, for whom, why, what to do. */
#include "secure/gss/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int seal__gss_keytab_error(const char *keytab, const char *principal, const char *why,
                           const char *contents, seal_error **reterr) {
    bool repeats = strcmp(why, contents) == 0;
    const char *wanted = principal == NULL ? "PRINCIPAL" : principal;
    return seal__error(reterr, SEAL_ERROR_KEYTAB,
                       "keytab %s gives no key for %s: %s%s%s%s; add the key (kadmin: ktadd -k %s "
                       "%s; Active Directory: seal keytab alias %s --keytab %s), and check name, "
                       "owner and mode of the file",
                       keytab, principal == NULL ? "anybody" : principal, why,
                       repeats ? "" : " (in it: ", repeats ? "" : contents, repeats ? "" : ")",
                       keytab, wanted, wanted, keytab);
}

static const char *service(const seal__gss_failure *f) {
    return f->at->service == NULL ? "the service" : f->at->service;
}

/* A client keytab without a key for the principal; 0 when that is not what is wrong. */
static int client_keytab_error(const seal__gss_failure *f, seal_error **reterr) {
    const char *keytab = f->at->client_keytab;
    const char *principal = f->at->client_principal;
    char first[SEAL__GSS_TEXT];
    char contents[1024];
    seal__gss_keytab_principal(keytab, 0, first, sizeof first);
    if (principal == NULL ? first[0] != '\0' : seal__gss_keytab_kvno(keytab, principal) > 0)
        return 0;
    seal__gss_keytab_contents(keytab, contents, sizeof contents);
    return seal__gss_keytab_error(keytab, principal,
                                  first[0] == '\0' ? contents : "there is no entry for it",
                                  contents, reterr);
}

static int expired(const seal__gss_failure *f, bool acceptor, seal_error **reterr) {
    if (acceptor)
        return seal__error(
            reterr, SEAL_ERROR_CREDENTIALS_EXPIRED,
            "the client's ticket for %s has expired, by this host's clock: %s; the client needs a "
            "new one (\"kinit\"), or a clock is wrong",
            service(f), f->text);
    char when[64] = "";
    long long ahead = (long long)f->peer.ahead_s;
    if (f->peer.present)
        return seal__error(reterr, SEAL_ERROR_CREDENTIALS_EXPIRED,
                           "ticket of %s for %s has expired by the clock of the server, which is "
                           "%lld s %s this host's: "
                           "%s; run \"kinit\", or synchronize the clocks (NTP)",
                           f->client, service(f), ahead < 0 ? -ahead : ahead,
                           ahead < 0 ? "behind" : "ahead of", f->text);
    time_t end = (time_t)seal__gss_ccache_end(f->at->ccache);
    struct tm utc;
    if (end > 0 && gmtime_r(&end, &utc) != NULL)
        strftime(when, sizeof when, " at %Y-%m-%d %H:%M:%S UTC", &utc);
    return seal__error(reterr, SEAL_ERROR_CREDENTIALS_EXPIRED,
                       "ticket of %s in %s has expired%s, so there is none for %s: %s; %s",
                       f->client, f->store, when, service(f), f->text,
                       f->at->client_keytab == NULL
                           ? "run \"kinit\", or set client_keytab"
                           : "check that the KDC still serves the principal of the client keytab");
}

static int no_ticket(const seal__gss_failure *f, seal_error **reterr) {
    const seal__gss_situation *at = f->at;
    int rc = at->client_keytab == NULL ? 0 : client_keytab_error(f, reterr);
    if (rc < 0)
        return rc;
    int64_t end = seal__gss_ccache_end(at->ccache);
    if (end > 0 && end <= (int64_t)time(NULL))
        return expired(f, false, reterr);
    bool named = strstr(f->text, f->store) != NULL;
    return seal__error(reterr, SEAL_ERROR_CREDENTIALS, "no Kerberos ticket for %s: %s%s%s%s; %s",
                       service(f), f->text, named ? "" : " (", named ? "" : f->store,
                       named ? "" : ")",
                       at->client_keytab == NULL ? "run \"kinit\", or set client_keytab"
                                                 : "check client_keytab and client_principal");
}

static int clocks(const seal__gss_failure *f, bool acceptor, seal_error **reterr) {
    const char *remedy = "synchronize the clocks of clients, servers and KDCs (NTP)";
    if (acceptor)
        return seal__error(reterr, SEAL_ERROR_CLOCK_SKEW,
                           "the clocks of this host (%s) and the client differ by more than the "
                           "clockskew of krb5.conf "
                           "(300 s unless set): %s; %s",
                           service(f), f->text, remedy);
    long long ahead = (long long)f->peer.ahead_s;
    if (f->peer.present)
        return seal__error(reterr, SEAL_ERROR_CLOCK_SKEW,
                           "clocks differ: that of %s is %lld s %s this host's: %s; %s", service(f),
                           ahead < 0 ? -ahead : ahead, ahead < 0 ? "behind" : "ahead of", f->text,
                           remedy);
    if (f->cause == SEAL__GSS_CAUSE_NOT_YET)
        return seal__error(
            reterr, SEAL_ERROR_CLOCK_SKEW,
            "the ticket of %s for %s in %s is not valid yet by this host's clock: %s; %s",
            f->client, service(f), f->store, f->text, remedy);
    return seal__error(reterr, SEAL_ERROR_CLOCK_SKEW,
                       "clocks differ between this host and the KDC or %s: %s; %s", service(f),
                       f->text, remedy);
}

static int unknown_service(const seal__gss_failure *f, seal_error **reterr) {
    const char *krbtgt = strstr(f->text, "krbtgt/");
    if (krbtgt != NULL)
        return seal__error(reterr, SEAL_ERROR_UNKNOWN_SERVICE,
                           "no way from the realm of %s to the one of %s: %s; set [domain_realm], "
                           "name the realm in the "
                           "principal, or have the realms trust each other",
                           f->client, service(f), f->text);
    return seal__error(reterr, SEAL_ERROR_UNKNOWN_SERVICE,
                       "service %s is not registered with the KDC: %s; register the SPN (kadmin: "
                       "addprinc -randkey %s), "
                       "or correct class and host",
                       service(f), f->text, service(f));
}

static int kdc(const seal__gss_failure *f, seal_error **reterr) {
    char files[SEAL__GSS_TEXT];
    seal__gss_config_files(files, sizeof files);
    return seal__error(
        reterr, SEAL_ERROR_KDC_UNREACHABLE,
        "no KDC answers, so there is no ticket for %s: %s; check kdc= of the realm in %s, DNS SRV "
        "records, and that port 88 is open",
        service(f), f->text, files);
}

int seal__gss_config_error(const char *text, seal_error **reterr) {
    char files[SEAL__GSS_TEXT];
    seal__gss_config_files(files, sizeof files);
    return seal__error(
        reterr, SEAL_ERROR_KERBEROS_CONFIG,
        "Kerberos configuration (%s): %s; correct it, or point KRB5_CONFIG to the right file",
        files, text);
}

static int account(const seal__gss_failure *f, seal_error **reterr) {
    return seal__error(reterr, SEAL_ERROR_CREDENTIALS,
                       "the KDC gives %s no ticket: %s; have the account checked there", f->client,
                       f->text);
}

static int keytab_error(const seal__gss_failure *f, seal_error **reterr) {
    char contents[1024];
    seal__gss_keytab_contents(f->at->keytab, contents, sizeof contents);
    return seal__gss_keytab_error(f->store, service(f), f->text, contents, reterr);
}

/* The library says which version the ticket has: "... kvno 3 ...". */
static int acceptor_key(const seal__gss_failure *f, seal_error **reterr) {
    char contents[1024];
    seal__gss_keytab_contents(f->at->keytab, contents, sizeof contents);
    unsigned ours =
        f->at->service == NULL ? 0 : seal__gss_keytab_kvno(f->at->keytab, f->at->service);
    unsigned tickets = 0;
    const char *kvno = strstr(f->text, "kvno ");
    if (kvno != NULL)
        tickets = (unsigned)strtoul(kvno + 5, NULL, 10);
    const char *advice = "keytab and KDC have different keys: export the keytab again";
    if (tickets > ours)
        advice = "the keytab is out of date: export it again";
    else if (tickets != 0 && tickets < ours)
        advice = "the ticket is out of date: the client must get a new one (kdestroy, kinit), or "
                 "put back the old "
                 "key; otherwise export the keytab again";
    return seal__error(reterr, SEAL_ERROR_KEY_VERSION,
                       "the client's ticket for %s does not fit the keytab %s: %s (in it: %s); %s "
                       "(kadmin: ktadd -k %s %s)",
                       service(f), f->store, f->text, contents, advice, f->store, service(f));
}

static int key(const seal__gss_failure *f, bool acceptor, seal_error **reterr) {
    char name[SEAL__GSS_TEXT];
    if (acceptor)
        return acceptor_key(f, reterr);
    if (f->at->phase == SEAL__GSS_INITIATOR_CONTINUES)
        return seal__error(reterr, SEAL_ERROR_KEY_VERSION,
                           "%s cannot open the ticket of %s: %s; drop the ticket (kdestroy, "
                           "kinit), or have the server's "
                           "keytab exported again",
                           service(f), f->client, f->text);
    seal__gss_client_keytab_name(f->at->client_keytab, name, sizeof name);
    return seal__error(reterr, SEAL_ERROR_CREDENTIALS,
                       "the KDC has another key for %s than %s: %s; export the client keytab again",
                       f->client, name, f->text);
}

static int wrong_target(const seal__gss_failure *f, bool acceptor, seal_error **reterr) {
    if (acceptor)
        return seal__error(reterr, SEAL_ERROR_WRONG_TARGET,
                           "the client's ticket is not for %s: %s; correct the client's target, or "
                           "add the name to the "
                           "server's principals and its keytab",
                           service(f), f->text);
    return seal__error(
        reterr, SEAL_ERROR_WRONG_TARGET,
        "the server is not %s: %s; check the address, the principal, and the server's principals",
        service(f), f->text);
}

static int enctype(const seal__gss_failure *f, seal_error **reterr) {
    return seal__error(reterr, SEAL_ERROR_KERBEROS_CONFIG,
                       "no common encryption type for %s: %s; check permitted_enctypes, and that "
                       "the account has AES keys",
                       service(f), f->text);
}

static int other(const seal__gss_failure *f, OM_uint32 major, bool acceptor, seal_error **reterr) {
    const char *mechanism = seal_mechanism_name(f->at->mechanism);
    bool no_mechanism = major == GSS_S_BAD_MECH;
    if (f->at->phase == SEAL__GSS_ACCEPTOR_ACQUIRES && f->at->mechanism != SEAL_MECHANISM_NTLM &&
        !no_mechanism)
        return keytab_error(f, reterr);
    if (f->at->phase == SEAL__GSS_INITIATOR_ACQUIRES && f->at->mechanism != SEAL_MECHANISM_NTLM &&
        !no_mechanism)
        return no_ticket(f, reterr);
    /* Later it is what the peer says: SPNEGO has no other way to refuse. */
    if (no_mechanism && !acceptor && f->at->phase != SEAL__GSS_INITIATOR_CONTINUES)
        return seal__error(reterr, SEAL_ERROR_CREDENTIALS,
                           "GSSAPI here has no mechanism %s: %s; install it, or use krb5",
                           mechanism, f->text);
    if (f->at->phase == SEAL__GSS_INITIATOR_ACQUIRES || f->at->phase == SEAL__GSS_ACCEPTOR_ACQUIRES)
        return seal__error(reterr, SEAL_ERROR_CREDENTIALS, "no %s credentials for %s: %s",
                           mechanism, service(f), f->text);
    if (acceptor && (major == GSS_S_NO_CRED || no_mechanism))
        return seal__error(reterr, SEAL_ERROR_AUTHENTICATION,
                           "the peer's token is not of mechanism %s: %s; it may have no Kerberos "
                           "ticket and use NTLM "
                           "instead",
                           mechanism, f->text);
    if (major == GSS_S_CONTINUE_NEEDED)
        return seal__error(reterr, SEAL_ERROR_AUTHENTICATION,
                           "%s cannot use the token that the peer sent to %s", mechanism,
                           service(f));
    return seal__error(reterr, SEAL_ERROR_AUTHENTICATION, "authentication %s %s failed: %s",
                       acceptor ? "to" : "of", service(f), f->text);
}

int seal__gss_explain(const seal__gss_failure *f, OM_uint32 major, bool acceptor,
                      seal_error **reterr) {
    switch (f->cause) {
    case SEAL__GSS_CAUSE_NO_TICKET:
        return acceptor ? other(f, major, acceptor, reterr) : no_ticket(f, reterr);
    case SEAL__GSS_CAUSE_EXPIRED:
        return expired(f, acceptor, reterr);
    case SEAL__GSS_CAUSE_SKEW:
    case SEAL__GSS_CAUSE_NOT_YET:
        return clocks(f, acceptor, reterr);
    case SEAL__GSS_CAUSE_UNKNOWN_SERVICE:
        return unknown_service(f, reterr);
    case SEAL__GSS_CAUSE_KDC:
        return kdc(f, reterr);
    case SEAL__GSS_CAUSE_CONFIG:
        return seal__gss_config_error(f->text, reterr);
    case SEAL__GSS_CAUSE_ACCOUNT:
        return account(f, reterr);
    case SEAL__GSS_CAUSE_KEY:
        return key(f, acceptor, reterr);
    case SEAL__GSS_CAUSE_KEYTAB:
        return acceptor ? keytab_error(f, reterr) : no_ticket(f, reterr);
    case SEAL__GSS_CAUSE_WRONG_TARGET:
        return wrong_target(f, acceptor, reterr);
    case SEAL__GSS_CAUSE_ENCTYPE:
        return enctype(f, reterr);
    case SEAL__GSS_CAUSE_OTHER:
        break;
    }
    return other(f, major, acceptor, reterr);
}
