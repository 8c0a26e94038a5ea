/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One server: connection, and SASL/GSSAPI (RFC 4752) with a context of our own, so that the
 * principal is the one we name, the mechanism is krb5, and nothing is believed before the server
 * has proved itself.
 */
#include "naming/directory_internal.h"

#include <stdio.h>
#include <string.h>

#include "secure/gss/gss.h"

enum {
    MAX_LEGS = 16,
    MAX_TOKEN = 256 * 1024,
    LAYER_PRIVACY = 4,
    OVERHEAD = 512, /* more than krb5 adds when it seals a packet */
    KEEPALIVE_IDLE_S = 30,
    KEEPALIVE_PROBES = 3,
    KEEPALIVE_INTERVAL_S = 10
};

/* ---- The connection ---- */

static int on_connect(LDAP *ld, Sockbuf *sockbuf, LDAPURLDesc *server, struct sockaddr *addr,
                      struct ldap_conncb *callback) {
    seal__directory *d = callback->lc_arg;
    (void)ld, (void)sockbuf, (void)server, (void)addr;
    return d->connected ? -1 : 0;
}

static void on_disconnect(LDAP *ld, Sockbuf *sockbuf, struct ldap_conncb *callback) {
    (void)ld, (void)sockbuf, (void)callback;
}

/* Whatever ldap.conf says about these. */
static int set_options(seal__directory *d) {
    const struct timeval limit = {.tv_sec = d->timeout_ms / 1000,
                                  .tv_usec = (suseconds_t)(d->timeout_ms % 1000) * 1000};
    const int version = LDAP_VERSION3;
    const int never = LDAP_DEREF_NEVER;
    const int none = LDAP_NO_LIMIT;
    const int idle = KEEPALIVE_IDLE_S;
    const int probes = KEEPALIVE_PROBES;
    const int interval = KEEPALIVE_INTERVAL_S;
    const struct {
        int option;
        const void *value;
    } options[] = {
        {LDAP_OPT_PROTOCOL_VERSION, &version},
        {LDAP_OPT_NETWORK_TIMEOUT, &limit},
        {LDAP_OPT_TIMEOUT, &limit},
        {LDAP_OPT_REFERRALS, LDAP_OPT_OFF},
        {LDAP_OPT_RESTART, LDAP_OPT_ON},
        {LDAP_OPT_DEREF, &never},
        {LDAP_OPT_SIZELIMIT, &none},
        {LDAP_OPT_TIMELIMIT, &none},
        {LDAP_OPT_X_KEEPALIVE_IDLE, &idle},
        {LDAP_OPT_X_KEEPALIVE_PROBES, &probes},
        {LDAP_OPT_X_KEEPALIVE_INTERVAL, &interval},
        {LDAP_OPT_CONNECT_CB, &d->on_connect},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        int code = ldap_set_option(d->ld, options[i].option, options[i].value);
        if (code != LDAP_OPT_SUCCESS)
            return code;
    }
    return LDAP_SUCCESS;
}

static int connect_to(seal__directory *d, seal_error **reterr) {
    Sockbuf *sockbuf = NULL;
    int code = ldap_initialize(&d->ld, d->uri);
    if (code == LDAP_SUCCESS)
        code = set_options(d);
    if (code == LDAP_SUCCESS)
        code = ldap_connect(d->ld);
    if (code == LDAP_NO_MEMORY)
        return seal__error_no_memory(reterr);
    if (code != LDAP_SUCCESS)
        return seal__error(
            reterr, SEAL_ERROR_DIRECTORY,
            "directory %s cannot be reached within %u ms: %s; see whether the name is "
            "right, it runs, and no firewall is between",
            d->uri, d->timeout_ms, ldap_err2string(code));
    d->connected = true;
    if (ldap_get_option(d->ld, LDAP_OPT_SOCKBUF, &sockbuf) != LDAP_OPT_SUCCESS || sockbuf == NULL ||
        !seal__directory_layer_attach(&d->layer, sockbuf))
        return seal__error(reterr, SEAL_ERROR_INTERNAL,
                           "directory %s: libldap does not take a security layer", d->uri);
    return 0;
}

/* ---- The exchange ---- */

typedef struct exchange {
    seal__directory *directory;
    seal__mech *mech;
    seal__buf out;         /* to the server */
    struct berval *answer; /* the server's last token; owned */
    int result;            /* its last code */
    bool stale;            /* the ticket may be older than the server's key */
} exchange;

static void take_answer(exchange *x, struct berval *answer) {
    ber_bvfree(x->answer);
    x->answer = answer;
}

static int refused(exchange *x, const char *diagnostic, seal_error **reterr) {
    const seal__directory *d = x->directory;
    if (strstr(diagnostic, "lock skew") != NULL)
        return seal__error(reterr, SEAL_ERROR_CLOCK_SKEW,
                           "directory %s refuses our ticket: clocks differ (%.300s); synchronize "
                           "the clocks of this host, the directory and the KDC (NTP)",
                           d->uri, diagnostic);
    if (x->result == LDAP_INVALID_CREDENTIALS) {
        x->stale = true;
        return seal__error(
            reterr, SEAL_ERROR_KEY_VERSION,
            "directory %s refuses our ticket for %s (%.300s); most often its keytab has another "
            "key than the KDC: export that again (kadmin: ktadd -k KEYTAB %s), and compare the "
            "clocks",
            d->uri, d->principal, diagnostic, d->principal);
    }
    if (x->result == LDAP_AUTH_METHOD_NOT_SUPPORTED)
        return seal__error(reterr, SEAL_ERROR_DIRECTORY,
                           "directory %s does not offer SASL/GSSAPI (%.300s); give it a keytab for "
                           "%s and the GSSAPI module of SASL",
                           d->uri, diagnostic, d->principal);
    return seal__error(reterr, SEAL_ERROR_DIRECTORY,
                       "directory %s refuses the login: %s (%.300s); see its log", d->uri,
                       ldap_err2string(x->result), diagnostic);
}

/* Sends what is in x->out and takes in the answer; `last`: it has to be success. */
static int leg(exchange *x, bool last, seal_error **reterr) {
    static char nothing[] = "";
    seal__directory *d = x->directory;
    struct berval token = {x->out.len, x->out.len == 0 ? nothing : (char *)x->out.data};
    LDAPMessage *message = NULL;
    struct berval *answer = NULL;
    char *text = NULL;
    int msgid = 0;
    x->result = ldap_sasl_bind(d->ld, NULL, "GSSAPI", &token, NULL, NULL, &msgid);
    if (x->result != LDAP_SUCCESS)
        return seal__directory_fail(d, x->result, NULL, "log in as", "ourselves", reterr);
    int rc = seal__directory_await(d, msgid, seal__directory_deadline(d), &message, reterr);
    if (rc < 0)
        return rc;
    int parsed = ldap_parse_sasl_bind_result(d->ld, message, &answer, 0);
    take_answer(x, answer);
    int valid = ldap_parse_result(d->ld, message, &x->result, NULL, &text, NULL, NULL, 1);
    seal__buf_reset(&x->out);
    if (valid != LDAP_SUCCESS)
        x->result = valid;
    else if (parsed == LDAP_DECODING_ERROR || parsed == LDAP_NO_MEMORY ||
             parsed == LDAP_PARAM_ERROR)
        x->result = parsed;
    if (x->result == LDAP_SUCCESS && !last)
        rc = seal__error(reterr, SEAL_ERROR_DIRECTORY_UNTRUSTED,
                         "%s says that the login succeeded, but has not proved to be %s; it is "
                         "no directory of this realm: check the address and the network",
                         d->uri, d->principal);
    else if (x->result != (last ? LDAP_SUCCESS : LDAP_SASL_BIND_IN_PROGRESS))
        rc = refused(x, text == NULL ? "" : text, reterr);
    ldap_memfree(text);
    return rc;
}

static int step(exchange *x, seal_error **reterr) {
    const uint8_t *in = x->answer == NULL ? NULL : (const uint8_t *)x->answer->bv_val;
    size_t len = x->answer == NULL ? 0 : x->answer->bv_len;
    if (len > MAX_TOKEN)
        return seal__error(reterr, SEAL_ERROR_TOO_BIG, "a token of %zu bytes", len);
    int rc = x->mech->ops->step(x->mech, in, len, &x->out, reterr);
    if (rc >= 0 && x->out.failed)
        return seal__error_no_memory(reterr);
    return rc;
}

/* On the first leg it is our ticket that is missing; later it is the server's token that is wrong,
 * or says what the server dislikes. */
static int step_failed(exchange *x, int legs, seal_error *error, seal_error **reterr) {
    int code = (int)seal_error_get_code(error);
    x->stale = legs > 0 && seal__gss_error_is_stale_ticket(code);
    if (legs > 0 && code == SEAL_ERROR_AUTHENTICATION)
        code = SEAL_ERROR_DIRECTORY_UNTRUSTED;
    if (code == SEAL_ERROR_NO_MEMORY)
        seal__error_no_memory(reterr);
    else
        seal__error(reterr, code, "directory %s: %s", x->directory->uri, seal_error_message(error));
    seal_error_free(error);
    return code;
}

static int authenticate(exchange *x, seal_error **reterr) {
    for (int legs = 0; legs < MAX_LEGS; legs++) {
        seal_error *error = NULL;
        int rc = step(x, &error);
        if (rc < 0)
            return step_failed(x, legs, error, reterr);
        bool done = rc == SEAL__MECH_DONE;
        rc = leg(x, false, reterr);
        if (rc < 0 || done)
            return rc;
    }
    return seal__error(reterr, SEAL_ERROR_DIRECTORY_UNTRUSTED,
                       "directory %s: no end of the login after %d legs", x->directory->uri,
                       MAX_LEGS);
}

static int check_context(const exchange *x, seal_error **reterr) {
    enum {
        NEEDED = SEAL__MECH_MUTUAL | SEAL__MECH_CONF | SEAL__MECH_INTEG | SEAL__MECH_REPLAY |
                 SEAL__MECH_SEQUENCE
    };
    const seal__mech_info *info = &x->mech->info;
    const seal__directory *d = x->directory;
    if ((info->flags & NEEDED) != NEEDED || !info->authenticates_target ||
        strcmp(info->mechanism, "krb5") != 0)
        return seal__error(reterr, SEAL_ERROR_DIRECTORY_UNTRUSTED,
                           "directory %s: the login with %s did not prove that it is %s", d->uri,
                           info->mechanism, d->principal);
    if (info->ssf < SEAL__DIRECTORY_MIN_SSF)
        return seal__error(reterr, SEAL_ERROR_DIRECTORY_UNTRUSTED,
                           "directory %s would be sealed with %u bits, %d are needed; give %s a "
                           "key of AES",
                           d->uri, info->ssf, SEAL__DIRECTORY_MIN_SSF, d->principal);
    return 0;
}

/* RFC 4752, section 3.1: the server offers layers and the size it takes, the client chooses. */
static int agree_on_layer(exchange *x, seal_error **reterr) {
    const seal__directory *d = x->directory;
    seal__buf plain;
    seal__buf_init(&plain, &d->alloc, 4096);
    int rc = SEAL_ERROR_TAMPERED;
    if (x->answer != NULL && x->answer->bv_len <= MAX_TOKEN)
        rc = x->mech->ops->unwrap(x->mech, false, (const uint8_t *)x->answer->bv_val,
                                  x->answer->bv_len, &plain);
    bool usable = rc == 0 && plain.len == 4;
    uint32_t offer = usable ? seal__load_u32(plain.data) : 0;
    seal__buf_done(&plain);
    if (!usable)
        return seal__error(reterr, SEAL_ERROR_DIRECTORY_UNTRUSTED,
                           "directory %s: its offer of security layers cannot be verified", d->uri);
    uint32_t size = offer & 0xffffff;
    if ((offer >> 24 & LAYER_PRIVACY) == 0 || size < 2 * (uint32_t)OVERHEAD)
        return seal__error(reterr, SEAL_ERROR_DIRECTORY_UNTRUSTED,
                           "directory %s does not seal (layers 0x%x, %u bytes); allow it "
                           "encryption (OpenLDAP: no maxssf in sasl-secprops)",
                           d->uri, offer >> 24, size);
    uint8_t choice[4];
    seal__store_u32(choice, (uint32_t)LAYER_PRIVACY << 24 | SEAL__DIRECTORY_MAX_PACKET);
    rc = x->mech->ops->wrap(x->mech, false, choice, sizeof choice, &x->out);
    if (rc < 0)
        return seal__error(reterr, rc, "directory %s: the choice of a layer cannot be sent",
                           d->uri);
    size_t packet = size < SEAL__DIRECTORY_MAX_PACKET ? size : SEAL__DIRECTORY_MAX_PACKET;
    x->directory->layer.send_max = packet - OVERHEAD;
    return 0;
}

static int run_exchange(exchange *x, seal_error **reterr) {
    int rc = authenticate(x, reterr);
    if (rc == 0)
        rc = check_context(x, reterr);
    if (rc == 0)
        rc = agree_on_layer(x, reterr);
    return rc < 0 ? rc : leg(x, true, reterr);
}

/* From now on everything is sealed, and may be longer. */
static void begin_sealing(seal__directory *d, seal__mech *mech) {
    Sockbuf *sockbuf = NULL;
    ber_len_t max = SEAL__DIRECTORY_MAX_MESSAGE;
    d->layer.mech = mech;
    if (ldap_get_option(d->ld, LDAP_OPT_SOCKBUF, &sockbuf) == LDAP_OPT_SUCCESS && sockbuf != NULL)
        ber_sockbuf_ctrl(sockbuf, LBER_SB_OPT_SET_MAX_INCOMING, &max);
}

/* *ret_stale: another try with a fresh ticket may help. */
static int bind_to(seal__directory *d, const seal__directory_config *config, bool fresh_ticket,
                   bool *ret_stale, seal_error **reterr) {
    const seal__gss_initiator_options options = {.alloc = &d->alloc,
                                                 .target = d->principal,
                                                 .ccache = config->ccache,
                                                 .client_keytab = config->client_keytab,
                                                 .client_principal = config->client_principal,
                                                 .mechanism = SEAL_MECHANISM_KRB5,
                                                 .fresh_ticket = fresh_ticket};
    exchange x = {.directory = d};
    int rc = seal__gss_initiator_new(&options, &x.mech, reterr);
    if (rc < 0)
        return rc;
    seal__buf_init(&x.out, &d->alloc, MAX_TOKEN);
    rc = run_exchange(&x, reterr);
    take_answer(&x, NULL);
    seal__buf_done_wiped(&x.out);
    *ret_stale = x.stale;
    if (rc < 0)
        x.mech->ops->free(x.mech);
    else
        begin_sealing(d, x.mech);
    return rc;
}

/* ---- Both ---- */

static seal__directory *new_directory(const seal_allocator *alloc,
                                      const seal__directory_config *config,
                                      const seal__directory_place *server) {
    seal__directory *d = seal__alloc_zeroed(alloc, 1, sizeof *d);
    if (d == NULL)
        return NULL;
    d->alloc = *alloc;
    d->timeout_ms = config->timeout_ms == 0 ? 5000 : config->timeout_ms;
    d->on_connect = (ldap_conncb){.lc_add = on_connect, .lc_del = on_disconnect, .lc_arg = d};
    d->watch_id = -1;
    d->watch_kind = SEAL__WATCH_NONE;
    snprintf(d->uri, sizeof d->uri, "%s", server->uri);
    snprintf(d->principal, sizeof d->principal, "ldap/%s", server->host);
    seal__directory_layer_init(&d->layer, &d->alloc, d->timeout_ms);
    return d;
}

static int try_once(const seal_allocator *alloc, const seal__directory_config *config,
                    const seal__directory_place *server, bool fresh_ticket, bool *ret_stale,
                    seal__directory **ret_directory, seal_error **reterr) {
    seal__directory *d = new_directory(alloc, config, server);
    if (d == NULL)
        return seal__error_no_memory(reterr);
    *ret_stale = false;
    int rc = connect_to(d, reterr);
    if (rc == 0)
        rc = bind_to(d, config, fresh_ticket, ret_stale, reterr);
    if (rc < 0)
        seal__directory_close(d);
    else
        *ret_directory = d;
    return rc;
}

int seal__directory_connect(const seal_allocator *alloc, const seal__directory_config *config,
                            const seal__directory_place *server, seal__directory **ret_directory,
                            seal_error **reterr) {
    bool stale = false;
    seal_error *first = NULL;
    int rc = try_once(alloc, config, server, false, &stale, ret_directory, &first);
    if (rc == 0)
        return 0;
    if (!stale)
        return seal__error_pass(reterr, first);
    seal_error_free(first);
    return try_once(alloc, config, server, true, &stale, ret_directory, reterr);
}
