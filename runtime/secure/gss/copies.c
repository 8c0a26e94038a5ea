/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies in memory of what a keytab or a cache holds for one handshake after the other. MIT krb5
 * opens, locks and searches the file for each: that is more work than the cryptography. A copy is
 * good as long as the file is the one that was copied.
 */
#include "secure/gss/gss_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* MIT krb5 takes a ticket for expired when it has less than this left. */
enum { TICKET_MARGIN_S = 30 };
/* A file that was just written is not copied; after this time it is tried again. */
enum { UNWATCHED_S = 1 };

/* ---- Watching a file ---- */

static bool look(const char *path, struct stat *ret_now) {
    return stat(path, ret_now) == 0 && S_ISREG(ret_now->st_mode);
}

static bool same_time(struct timespec a, struct timespec b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Within the clock's grain a file can change twice and look the same. */
static bool is_settled(const struct stat *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t age_ms = (now.tv_sec - at->st_mtim.tv_sec) * INT64_C(1000) +
                     (now.tv_nsec - at->st_mtim.tv_nsec) / 1000000;
    return age_ms < 0 || age_ms > 100;
}

/* Begins to watch "FILE:path", "WRFILE:path" or a plain path; nothing else can be watched. */
static bool watch(seal__gss_watch *w, const char *name) {
    struct stat now;
    if (strncmp(name, "FILE:", 5) == 0)
        name += 5;
    else if (strncmp(name, "WRFILE:", 7) == 0)
        name += 7;
    int n = snprintf(w->path, sizeof w->path, "%s", name);
    if (n <= 0 || (size_t)n >= sizeof w->path || w->path[0] != '/' || !look(w->path, &now) ||
        !is_settled(&now))
        return false;
    w->device = now.st_dev;
    w->inode = now.st_ino;
    w->size = now.st_size;
    w->modified = now.st_mtim;
    w->changed = now.st_ctim;
    return true;
}

static bool is_unchanged(const seal__gss_watch *w) {
    struct stat now;
    return w->path[0] == '\0' ||
           (look(w->path, &now) && now.st_dev == w->device && now.st_ino == w->inode &&
            now.st_size == w->size && same_time(now.st_mtim, w->modified) &&
            same_time(now.st_ctim, w->changed));
}

bool seal__gss_watch_is_good(const seal__gss_watch *w) {
    if (w->path[0] == '\0')
        return (int64_t)time(NULL) <= w->since + UNWATCHED_S;
    return is_unchanged(w);
}

/* MEMORY names are shared by the whole process. */
static void unique_name(const char *what, char name[SEAL__GSS_COPY_NAME]) {
    static atomic_ulong counter;
    snprintf(name, SEAL__GSS_COPY_NAME, "MEMORY:sealrpc-%s-%ld-%lu", what, (long)getpid(),
             atomic_fetch_add(&counter, 1));
}

/* ---- Keytabs ---- */

typedef struct keytab_copy {
    krb5_context krb5;
    krb5_keytab from;
    krb5_keytab to;
    krb5_principal wanted; /* NULL: every one */
    size_t entries;
} keytab_copy;

static krb5_error_code copy_entries(keytab_copy *c) {
    krb5_kt_cursor cursor = NULL;
    krb5_keytab_entry entry;
    krb5_error_code code = krb5_kt_start_seq_get(c->krb5, c->from, &cursor);
    if (code != 0)
        return code;
    while ((code = krb5_kt_next_entry(c->krb5, c->from, &entry, &cursor)) == 0) {
        bool take =
            c->wanted == NULL || krb5_principal_compare(c->krb5, entry.principal, c->wanted);
        krb5_error_code added = take ? krb5_kt_add_entry(c->krb5, c->to, &entry) : 0;
        c->entries += take;
        krb5_free_keytab_entry_contents(c->krb5, &entry);
        if (added != 0) {
            code = added;
            break;
        }
    }
    krb5_kt_end_seq_get(c->krb5, c->from, &cursor);
    return code == KRB5_KT_END && c->entries > 0 ? 0 : code;
}

/* The copy lives as long as somebody has it open. */
static bool copy_keytab(keytab_copy *c, seal__gss_watch *w, const char *keytab,
                        const char *principal, const char *copy) {
    char name[SEAL__GSS_TEXT];
    krb5_error_code code = keytab == NULL ? krb5_kt_default(c->krb5, &c->from)
                                          : krb5_kt_resolve(c->krb5, keytab, &c->from);
    if (code == 0)
        code = krb5_kt_get_name(c->krb5, c->from, name, (unsigned)sizeof name);
    if (code != 0 || !watch(w, name))
        return false;
    if (principal != NULL)
        code = krb5_parse_name(c->krb5, principal, &c->wanted);
    if (code == 0)
        code = krb5_kt_resolve(c->krb5, copy, &c->to);
    return code == 0 && copy_entries(c) == 0;
}

static void keytab_copy_done(keytab_copy *c) {
    if (c->from != NULL)
        krb5_kt_close(c->krb5, c->from);
    if (c->to != NULL)
        krb5_kt_close(c->krb5, c->to);
    krb5_free_principal(c->krb5, c->wanted);
    krb5_free_context(c->krb5);
}

bool seal__gss_acquire_copied(const char *keytab, const char *principal, seal_mechanism mechanism,
                              seal__gss_watch *ret_watch, gss_cred_id_t *ret_cred) {
    char name[SEAL__GSS_COPY_NAME];
    keytab_copy c = {0};
    OM_uint32 major = GSS_S_FAILURE;
    OM_uint32 minor = 0;
    *ret_watch = (seal__gss_watch){0};
    if (krb5_init_context(&c.krb5) != 0)
        return false;
    unique_name("keys", name);
    bool ok = copy_keytab(&c, ret_watch, keytab, principal, name) &&
              seal__gss_acquire_acceptor(name, principal, mechanism, ret_cred, &major, &minor,
                                         NULL) == 0 &&
              major == GSS_S_COMPLETE;
    keytab_copy_done(&c);
    if (!ok)
        *ret_watch = (seal__gss_watch){.since = (int64_t)time(NULL)};
    return ok;
}

/* ---- Tickets ---- */

typedef struct ticket_copy {
    krb5_context krb5;
    krb5_ccache from;
    krb5_ccache to;
    krb5_principal client;
    krb5_creds match;
    krb5_creds found;
} ticket_copy;

/* When MIT krb5 would get new tickets for the cache of a client keytab; 0: it would not. */
static int64_t refresh_time(const ticket_copy *c) {
    krb5_data value;
    int64_t at = 0;
    char text[24] = "";
    if (krb5_cc_get_config(c->krb5, c->from, NULL, "refresh_time", &value) != 0)
        return 0;
    if (value.length < sizeof text)
        memcpy(text, value.data, value.length);
    at = strtoll(text, NULL, 10);
    krb5_free_data_contents(c->krb5, &value);
    return at > 0 ? at : 1;
}

static bool find_ticket(ticket_copy *c, const char *target, int64_t *ret_lasts_s) {
    krb5_timestamp now = 0;
    if (krb5_parse_name(c->krb5, target, &c->match.server) != 0 ||
        krb5_cc_get_principal(c->krb5, c->from, &c->client) != 0 ||
        krb5_timeofday(c->krb5, &now) != 0)
        return false;
    c->match.client = c->client;
    c->match.times.endtime = (krb5_timestamp)((uint32_t)now + TICKET_MARGIN_S + 1);
    if (krb5_cc_retrieve_cred(c->krb5, c->from, KRB5_TC_MATCH_TIMES, &c->match, &c->found) != 0)
        return false;
    int64_t end = (int64_t)(uint32_t)c->found.times.endtime - TICKET_MARGIN_S;
    int64_t refresh = refresh_time(c);
    if (refresh != 0 && refresh < end)
        end = refresh;
    *ret_lasts_s = end - (int64_t)(uint32_t)now;
    return *ret_lasts_s > 0;
}

static bool copy_ticket(ticket_copy *c, const char *ccache, const char *target, bool is_private,
                        seal__gss_ticket *ret_copy) {
    int64_t lasts_s = 0;
    krb5_error_code code = ccache == NULL ? krb5_cc_default(c->krb5, &c->from)
                                          : krb5_cc_resolve(c->krb5, ccache, &c->from);
    if (code != 0)
        return false;
    const char *type = krb5_cc_get_type(c->krb5, c->from);
    bool watched =
        strcmp(type, "FILE") == 0 && watch(&ret_copy->cache, krb5_cc_get_name(c->krb5, c->from));
    if ((!watched && !is_private) || !find_ticket(c, target, &lasts_s))
        return false;
    ret_copy->good_until = (int64_t)time(NULL) + lasts_s;
    return krb5_cc_resolve(c->krb5, ret_copy->name, &c->to) == 0 &&
           krb5_cc_initialize(c->krb5, c->to, c->client) == 0 &&
           krb5_cc_store_cred(c->krb5, c->to, &c->found) == 0;
}

bool seal__gss_copy_ticket(const char *ccache, const char *target, bool is_private,
                           seal__gss_ticket *ret_copy) {
    ticket_copy c = {0};
    char config[SEAL__GSS_TEXT];
    *ret_copy = (seal__gss_ticket){0};
    if (krb5_init_context(&c.krb5) != 0)
        return false;
    unique_name("ticket", ret_copy->name);
    seal__gss_config_files(config, sizeof config);
    bool ok =
        watch(&ret_copy->config, config) && copy_ticket(&c, ccache, target, is_private, ret_copy);
    krb5_free_cred_contents(c.krb5, &c.found);
    krb5_free_principal(c.krb5, c.match.server);
    krb5_free_principal(c.krb5, c.client);
    if (c.from != NULL)
        krb5_cc_close(c.krb5, c.from);
    if (c.to != NULL && ok)
        krb5_cc_close(c.krb5, c.to);
    else if (c.to != NULL)
        krb5_cc_destroy(c.krb5, c.to);
    krb5_free_context(c.krb5);
    return ok;
}

bool seal__gss_ticket_is_good(const seal__gss_ticket *copy) {
    return (int64_t)time(NULL) < copy->good_until && is_unchanged(&copy->cache) &&
           is_unchanged(&copy->config);
}
