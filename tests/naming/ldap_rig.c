/* SPDX-License-Identifier: Apache-2.0 */
#include "naming/ldap_rig.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "support/cmocka_all.h"

enum { GUARD_MS = 60000 };

extern char **environ;

/* ---- The resolver ---- */

static void keep_line(void *user, seal_log_level level, const char *line) {
    ldap_rig *r = user;
    (void)level;
    pthread_mutex_lock(&r->lock);
    if (r->n_lines < RIG_LINES)
        snprintf(r->lines[r->n_lines++], sizeof r->lines[0], "%s", line);
    pthread_mutex_unlock(&r->lock);
}

void ldap_rig_init(ldap_rig *r) {
    seal_runtime_options options;
    memset(r, 0, sizeof *r);
    pthread_mutex_init(&r->lock, NULL);
    assert_int_equal(uv_loop_init(&r->loop), 0);
    uv_timer_init(&r->loop, &r->guard);
    r->guard.data = r;
    seal_runtime_options_init(&options);
    options.loop = &r->loop;
    options.log = keep_line;
    options.log_user = r;
    assert_int_equal(seal_runtime_new(&options, &r->runtime, NULL), 0);
    r->shared = seal__shared_ref(r->runtime->shared);
}

void ldap_rig_begin(ldap_rig *r, const char *target) {
    ldap_rig_init(r);
    ldap_rig_start(r, target);
}

void ldap_rig_close(ldap_rig *r) {
    seal__resolver *resolver = r->resolver;
    r->resolver = NULL;
    if (resolver != NULL)
        seal__resolver_close(resolver);
}

static bool no_threads(ldap_rig *r, void *user) {
    (void)user;
    return atomic_load(&r->shared->agents) == 0;
}

void ldap_rig_done(ldap_rig *r) {
    ldap_rig_close(r);
    unsigned told = r->told;
    seal_runtime_free(r->runtime);
    ldap_rig_until(r, no_threads, NULL);
    uv_close((uv_handle_t *)&r->guard, NULL);
    assert_int_equal(uv_run(&r->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    assert_int_equal(r->told, told);
    seal__shared_unref(r->shared);
    pthread_mutex_destroy(&r->lock);
}

static int by_text(const void *a, const void *b) {
    return strcmp(a, b);
}

static void keep_list(ldap_rig *r, const seal__endpoints *list) {
    static char texts[32][128];
    r->list[0] = '\0';
    r->principals[0] = '\0';
    for (size_t i = 0; i < r->n && i < 32; i++) {
        char place[100];
        const seal__endpoint *e = &list->items[i];
        seal__endpoint_text(e, place, sizeof place);
        snprintf(texts[i], sizeof texts[i], "%s/%u/%u ", place, e->priority, e->weight);
        size_t used = strlen(r->principals);
        snprintf(r->principals + used, sizeof r->principals - used, "%s ", e->principal);
    }
    size_t n = r->n < 32 ? r->n : 32;
    qsort(texts, n, sizeof texts[0], by_text);
    for (size_t i = 0; i < n; i++) {
        size_t used = strlen(r->list);
        snprintf(r->list + used, sizeof r->list - used, "%s", texts[i]);
    }
}

static void on_resolved(void *user, const seal__endpoints *list, const seal_error *error) {
    ldap_rig *r = user;
    r->told++;
    r->has_list = list != NULL;
    r->n = list != NULL ? list->n : 0;
    keep_list(r, list);
    r->code = seal_error_get_code(error);
    snprintf(r->message, sizeof r->message, "%s", seal_error_message(error));
    if (r->close_when_told)
        ldap_rig_close(r);
    /* The list and the error live until the callback returns, even then. */
    assert_int_equal(list != NULL ? list->n : 0, r->n);
    assert_int_equal(seal_error_get_code(error), r->code);
}

int ldap_rig_try(ldap_rig *r, const char *text, const seal__spn_policy *policy,
                 seal_error **error) {
    seal__target target;
    assert_int_equal(seal__target_parse(text, &seal__default_allocator, &target, NULL), 0);
    seal__resolver_options options = {
        .target = &target, .policy = *policy, .client_keytab = r->client_keytab};
    int rc = seal__resolver_start(r->runtime, &options, on_resolved, r, &r->resolver, error);
    seal__target_done(&target);
    return rc;
}

void ldap_rig_start(ldap_rig *r, const char *target) {
    const seal__spn_policy policy = {.spn_class = "greeter"};
    seal_error *error = NULL;
    if (ldap_rig_try(r, target, &policy, &error) != 0)
        fail_msg("%s: %s", target, seal_error_message(error));
}

/* ---- Turning the loop ---- */

static void on_guard(uv_timer_t *guard) {
    ldap_rig *r = guard->data;
    r->timed_out = true;
}

/* Something that is not told by the loop is looked at ten times a second. */
static void on_tick(uv_timer_t *tick) {
    (void)tick;
}

void ldap_rig_until(ldap_rig *r, bool (*is_so)(ldap_rig *r, void *user), void *user) {
    uv_timer_t tick;
    uv_timer_init(&r->loop, &tick);
    uv_timer_start(&tick, on_tick, 100, 100);
    r->timed_out = false;
    uv_timer_start(&r->guard, on_guard, GUARD_MS, 0);
    while (!is_so(r, user) && !r->timed_out)
        uv_run(&r->loop, UV_RUN_ONCE);
    uv_timer_stop(&r->guard);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&r->loop, UV_RUN_NOWAIT);
    if (r->timed_out)
        fail_msg("told %u times; %zu endpoints: %s; %s", r->told, r->n, r->list, r->message);
}

static bool has_list(ldap_rig *r, void *user) {
    const char *list = user;
    return r->has_list && r->code == 0 && strcmp(r->list, list) == 0;
}

void ldap_rig_until_list(ldap_rig *r, const char *list) {
    ldap_rig_until(r, has_list, (void *)(uintptr_t)list);
}

static bool has_code(ldap_rig *r, void *user) {
    return r->told > 0 && r->code == *(const int *)user;
}

void ldap_rig_until_code(ldap_rig *r, int code) {
    ldap_rig_until(r, has_code, &code);
}

unsigned ldap_rig_logged(ldap_rig *r, const char *part) {
    unsigned n = 0;
    pthread_mutex_lock(&r->lock);
    for (unsigned i = 0; i < r->n_lines; i++)
        n += strstr(r->lines[i], part) != NULL;
    pthread_mutex_unlock(&r->lock);
    return n;
}

/* ---- Changing the directory ---- */

seal__directory *ldap_rig_open(const char *principal) {
    char keytab[512];
    bool service = strpbrk(principal, "/$") != NULL;
    snprintf(keytab, sizeof keytab, "%s/%s.keytab", getenv("SEAL_REALM_DIR"),
             service ? "service" : "users");
    const seal__directory_config config = {
        .client_keytab = keytab, .client_principal = principal, .timeout_ms = 20000};
    seal__directory *d = NULL;
    seal_error *error = NULL;
    if (seal__directory_open(&seal__default_allocator, &config, &d, &error) != 0)
        fail_msg("%s", seal_error_message(error));
    return d;
}

static void must(int rc, seal_error *error) {
    if (rc != 0)
        fail_msg("%s", seal_error_message(error));
}

void ldap_rig_publish_as(const char *principal, const char *account, const char *name,
                         const char *host, uint16_t port) {
    static seal__scp scp;
    seal_error *error = NULL;
    scp = (seal__scp){.spn_class = "greeter", .port = port, .n_services = 1};
    snprintf(scp.host, sizeof scp.host, "%s", host);
    snprintf(scp.services[0], sizeof scp.services[0], "demo.Greeter");
    seal__directory *d = ldap_rig_open(principal);
    must(seal__scp_publish(d, account, name, &scp, 0, &error), error);
    seal__directory_close(d);
}

void ldap_rig_publish(const char *account, const char *name, const char *host, uint16_t port) {
    ldap_rig_publish_as("installer", account, name, host, port);
}

void ldap_rig_unpublish(const char *account, const char *name) {
    char dn[SEAL__SCP_DN_MAX];
    seal_error *error = NULL;
    seal__directory *d = ldap_rig_open("installer");
    assert_true(seal__directory_child(name, account, dn, sizeof dn));
    must(seal__directory_delete(d, dn, &error), error);
    seal__directory_close(d);
}

void ldap_rig_unpublish_as(const char *principal, const char *account, const char *name) {
    char dn[SEAL__SCP_DN_MAX];
    seal_error *error = NULL;
    seal__directory *d = ldap_rig_open(principal);
    assert_true(seal__directory_child(name, account, dn, sizeof dn));
    must(seal__scp_remove(d, dn, &error), error);
    seal__directory_close(d);
}

void ldap_rig_set_spn(const char *account, const char *spn, bool present) {
    const seal__directory_attribute value = {"servicePrincipalName", 1, &spn};
    seal_error *error = NULL;
    seal__directory *d = ldap_rig_open("installer");
    must(seal__directory_modify(d, account, present ? SEAL__CHANGE_ADD : SEAL__CHANGE_DELETE,
                                &value, 1, &error),
         error);
    seal__directory_close(d);
}

static bool count(void *user, const seal__directory_entry *entry) {
    size_t *n = user;
    (void)entry;
    ++*n;
    return true;
}

static bool replica_has(ldap_rig *r, void *user) {
    const seal__directory_config config = {
        .uris = getenv("SEAL_DIRECTORY_URI"), .first = 1, .timeout_ms = 20000};
    seal__directory *d = NULL;
    size_t n = 0;
    (void)r;
    assert_int_equal(seal__directory_open(&seal__default_allocator, &config, &d, NULL), 0);
    int rc =
        seal__directory_search(d, user, SEAL__SCOPE_BASE, "(objectClass=*)", NULL, count, &n, NULL);
    seal__directory_close(d);
    return rc == 0 && n == 1;
}

void ldap_rig_until_replicated(ldap_rig *r, const char *account, const char *name) {
    char dn[SEAL__SCP_DN_MAX];
    assert_true(seal__directory_child(name, account, dn, sizeof dn));
    ldap_rig_until(r, replica_has, dn);
}

void ldap_rig_realm(const char *command, const char *daemon) {
    const char *program = getenv("SEAL_REALM_PROGRAM");
    const char *const arguments[] = {program, command, daemon, NULL};
    pid_t pid = 0;
    int status = -1;
    if (program == NULL) {
        fail_msg("SEAL_REALM_PROGRAM is not set");
        return;
    }
    assert_int_equal(
        posix_spawn(&pid, program, NULL, NULL, (char *const *)(uintptr_t)arguments, environ), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}
