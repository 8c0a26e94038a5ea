/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a handshake cannot do without: a GSSAPI exchange with a cached ticket, and an X25519
 * exchange, on both ends, with no socket and no protocol between them. Credentials are what the
 * runtime's are: kept, over copies of credential cache and keytab in memory, without a replay
 * cache; or, for floor-files, what programs usually have: the initiator's acquired anew each time,
 * and cache and keytab files. Each end is a thread, pinned as servers and clients are; the load
 * says how many exchanges are under way.
 */
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include <sealrpc/error.h>

#include "bench/client.h"
#include "bench/cores.h"
#include "secure/crypto/crypto.h"

enum {
    REQUESTED = GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG | GSS_C_CONF_FLAG |
                GSS_C_INTEG_FLAG
};

/* One exchange, and what is on its way to the other end. */
typedef struct exchange {
    struct exchange *next;
    gss_ctx_id_t context; /* the initiator's */
    gss_cred_id_t cred;   /* the initiator's, where it is acquired anew */
    seal__x25519 key;
    gss_buffer_desc token;
    uint8_t share[SEAL__SHARE];
    uint64_t started_ns;
} exchange;

/* What waits for one of the threads. */
typedef struct mailbox {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    exchange *first;
    exchange **last;
    bool closed;
} mailbox;

static mailbox to_acceptor = {.lock = PTHREAD_MUTEX_INITIALIZER,
                              .filled = PTHREAD_COND_INITIALIZER};
static mailbox to_initiator = {.lock = PTHREAD_MUTEX_INITIALIZER,
                               .filled = PTHREAD_COND_INITIALIZER};

static void post(mailbox *box, exchange *e) {
    pthread_mutex_lock(&box->lock);
    e->next = NULL;
    if (box->first == NULL)
        box->last = &box->first;
    *box->last = e;
    box->last = &e->next;
    pthread_cond_signal(&box->filled);
    pthread_mutex_unlock(&box->lock);
}

/* NULL: closed. */
static exchange *take(mailbox *box) {
    pthread_mutex_lock(&box->lock);
    while (box->first == NULL && !box->closed)
        pthread_cond_wait(&box->filled, &box->lock);
    exchange *e = box->first;
    if (e != NULL)
        box->first = e->next;
    pthread_mutex_unlock(&box->lock);
    return e;
}

static void close_box(mailbox *box) {
    pthread_mutex_lock(&box->lock);
    box->closed = true;
    pthread_cond_signal(&box->filled);
    pthread_mutex_unlock(&box->lock);
}

static void check(const char *what, OM_uint32 major, OM_uint32 minor) {
    if (major == GSS_S_COMPLETE)
        return;
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    OM_uint32 ignored = 0;
    OM_uint32 more = 0;
    if (minor != 0)
        gss_display_status(&ignored, minor, GSS_C_MECH_CODE, GSS_C_NO_OID, &more, &text);
    else
        gss_display_status(&ignored, major, GSS_C_GSS_CODE, GSS_C_NO_OID, &more, &text);
    bench_die(what, text.length > 0 ? text.value : "failed");
}

static void check_key(int rc) {
    if (rc < 0)
        bench_die("X25519", seal_error_code_text(rc));
}

/* ---- Credentials ---- */

static const char in_memory[] = "MEMORY:bench-floor";
static krb5_context krb5; /* as long as it lives, krb5.conf is not read again */
static krb5_ccache cache;
static krb5_keytab keytab;
static bool uses_files;

static void check_krb5(krb5_error_code code, const char *what) {
    if (code != 0)
        bench_die(what, krb5_get_error_message(krb5, code));
}

static void copy_cache(void) {
    krb5_ccache from = NULL;
    krb5_principal client = NULL;
    check_krb5(krb5_cc_default(krb5, &from), "the credential cache");
    check_krb5(krb5_cc_get_principal(krb5, from, &client), "the credential cache");
    check_krb5(krb5_cc_resolve(krb5, in_memory, &cache), in_memory);
    check_krb5(krb5_cc_initialize(krb5, cache, client), in_memory);
    check_krb5(krb5_cc_copy_creds(krb5, from, cache), in_memory);
    krb5_free_principal(krb5, client);
    krb5_cc_close(krb5, from);
}

static void copy_keytab(void) {
    krb5_keytab from = NULL;
    krb5_kt_cursor cursor = NULL;
    krb5_keytab_entry entry;
    check_krb5(krb5_kt_default(krb5, &from), "the keytab");
    check_krb5(krb5_kt_resolve(krb5, in_memory, &keytab), in_memory);
    check_krb5(krb5_kt_start_seq_get(krb5, from, &cursor), "the keytab");
    while (krb5_kt_next_entry(krb5, from, &entry, &cursor) == 0) {
        check_krb5(krb5_kt_add_entry(krb5, keytab, &entry), in_memory);
        krb5_free_keytab_entry_contents(krb5, &entry);
    }
    krb5_kt_end_seq_get(krb5, from, &cursor);
    krb5_kt_close(krb5, from);
}

static gss_cred_id_t acquire(gss_cred_usage_t usage) {
    bool accepts = usage == GSS_C_ACCEPT;
    gss_key_value_element_desc elements[2] = {{.key = "rcache", .value = "none:"}};
    gss_key_value_set_desc store = {.count = accepts ? 1 : 0, .elements = elements};
    if (!uses_files)
        elements[store.count++] =
            (gss_key_value_element_desc){.key = accepts ? "keytab" : "ccache", .value = in_memory};
    gss_OID_set_desc mechanisms = {1, gss_mech_krb5};
    gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
    OM_uint32 minor = 0;
    OM_uint32 major =
        gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &mechanisms, usage,
                              store.count > 0 ? &store : NULL, &cred, NULL, NULL);
    check(accepts ? "the keytab" : "the ticket", major, minor);
    return cred;
}

/* ---- The acceptor ---- */

static void accept_one(exchange *e, gss_cred_id_t cred) {
    gss_ctx_id_t context = GSS_C_NO_CONTEXT;
    gss_name_t client = GSS_C_NO_NAME;
    gss_buffer_desc answer = GSS_C_EMPTY_BUFFER;
    seal__x25519 key = {0};
    uint8_t secret[SEAL__SHARE];
    OM_uint32 minor = 0;
    OM_uint32 ignored = 0;
    OM_uint32 major =
        gss_accept_sec_context(&minor, &context, cred, &e->token, GSS_C_NO_CHANNEL_BINDINGS,
                               &client, NULL, &answer, NULL, NULL, NULL);
    check("the acceptor", major, minor);
    check_key(seal__x25519_new_key(&key));
    check_key(seal__x25519_derive(&key, e->share, secret));
    memcpy(e->share, key.share, sizeof e->share);
    seal__x25519_done(&key);
    gss_release_name(&ignored, &client);
    gss_delete_sec_context(&ignored, &context, GSS_C_NO_BUFFER);
    gss_release_buffer(&ignored, &e->token);
    e->token = answer;
}

static void *run_acceptor(void *arg) {
    (void)arg;
    bench_pin(BENCH_SERVER_END);
    gss_cred_id_t cred = acquire(GSS_C_ACCEPT);
    for (exchange *e = take(&to_acceptor); e != NULL; e = take(&to_acceptor)) {
        accept_one(e, cred);
        post(&to_initiator, e);
    }
    OM_uint32 minor = 0;
    gss_release_cred(&minor, &cred);
    return NULL;
}

/* ---- The initiator ---- */

typedef struct initiator {
    gss_cred_id_t cred;
    gss_name_t target;
} initiator;

static gss_name_t import_target(void) {
    static char text[] = "bench/localhost";
    gss_buffer_desc name = {.length = sizeof text - 1, .value = text};
    gss_name_t target = GSS_C_NO_NAME;
    OM_uint32 minor = 0;
    check("the name", gss_import_name(&minor, &name, GSS_KRB5_NT_PRINCIPAL_NAME, &target), minor);
    return target;
}

static OM_uint32 step(exchange *e, const initiator *i, OM_uint32 *ret_minor) {
    gss_buffer_desc token = GSS_C_EMPTY_BUFFER;
    OM_uint32 ignored = 0;
    OM_uint32 major = gss_init_sec_context(
        ret_minor, uses_files ? e->cred : i->cred, &e->context, i->target, gss_mech_krb5, REQUESTED,
        0, GSS_C_NO_CHANNEL_BINDINGS, &e->token, NULL, &token, NULL, NULL);
    gss_release_buffer(&ignored, &e->token);
    e->token = token;
    return major;
}

static void start_one(exchange *e, const initiator *i) {
    OM_uint32 minor = 0;
    e->started_ns = bench_now_ns();
    if (uses_files)
        e->cred = acquire(GSS_C_INITIATE);
    OM_uint32 major = step(e, i, &minor);
    if (major != GSS_S_CONTINUE_NEEDED)
        check("the initiator", major == GSS_S_COMPLETE ? GSS_S_FAILURE : major, minor);
    check_key(seal__x25519_new_key(&e->key));
    memcpy(e->share, e->key.share, sizeof e->share);
    post(&to_acceptor, e);
}

static void finish_one(exchange *e, const initiator *i) {
    uint8_t secret[SEAL__SHARE];
    OM_uint32 minor = 0;
    check("the server's answer", step(e, i, &minor), minor);
    check_key(seal__x25519_derive(&e->key, e->share, secret));
    seal__x25519_done(&e->key);
    gss_release_buffer(&minor, &e->token);
    gss_delete_sec_context(&minor, &e->context, GSS_C_NO_BUFFER);
    gss_release_cred(&minor, &e->cred);
}

static double cpu_us(pthread_t thread) {
    clockid_t clock = 0;
    struct timespec time = {.tv_sec = 0};
    if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &time) != 0)
        return 0;
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void run_exchanges(const bench_load *load, const initiator *i, bench_window *window) {
    static exchange exchanges[BENCH_MAX_IN_FLIGHT];
    uint64_t begun = 0;
    while (begun < load->in_flight && bench_window_wants(window, load, begun) > 0)
        start_one(&exchanges[begun++], i);
    for (uint64_t ended = 0; ended < begun; ended++) {
        exchange *e = take(&to_initiator);
        finish_one(e, i);
        bench_window_count(window, e->started_ns, bench_now_ns(), 1);
        if (bench_window_wants(window, load, begun) > 0) {
            begun++;
            start_one(e, i);
        }
    }
}

void bench_measure_floor(const bench_load *load, bool with_files, double seconds, uint64_t calls,
                         double figures[BENCH_FIELDS]) {
    static bench_window window;
    pthread_t acceptor;
    uses_files = with_files;
    check_krb5(krb5_init_context(&krb5), "Kerberos");
    copy_cache();
    copy_keytab();
    if (pthread_create(&acceptor, NULL, run_acceptor, NULL) != 0)
        bench_die("floor", "cannot start");
    bench_pin(BENCH_CLIENT_END);
    initiator i = {.cred = acquire(GSS_C_INITIATE), .target = import_target()};
    bench_window_start(&window, load, 0, seconds, calls);
    run_exchanges(load, &i, &window);
    bench_window_figures(&window, figures);
    figures[3] = cpu_us(acceptor) / (double)window.seen;
    figures[4] = cpu_us(pthread_self()) / (double)window.seen;
    close_box(&to_acceptor);
    pthread_join(acceptor, NULL);
    OM_uint32 minor = 0;
    gss_release_name(&minor, &i.target);
    gss_release_cred(&minor, &i.cred);
    krb5_cc_destroy(krb5, cache);
    krb5_kt_close(krb5, keytab);
    krb5_free_context(krb5);
}
