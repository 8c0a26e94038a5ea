/* SPDX-License-Identifier: Apache-2.0 */
/* A server in the directory: its entry appears, is kept up, and goes before the server does. */
#include "directory.h"

#include <sealrpc/publish.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The callback of seal_server_publish. */
typedef struct outcome {
    atomic_uint n;
    int code;
    char message[2048];
} outcome;

static void on_published(seal_server *server, const seal_error *error, void *user) {
    (void)server;
    outcome *o = user;
    o->code = (int)seal_error_get_code(error);
    snprintf(o->message, sizeof o->message, "%s", seal_error_message(error));
    atomic_fetch_add(&o->n, 1);
}

static void await_outcome(outcome *o, int code, const char *part, const char *other) {
    it_wait_at_least(&o->n, 1, "the outcome of publishing");
    bool right =
        o->code == code && strstr(o->message, part) != NULL && strstr(o->message, other) != NULL;
    if (!right || getenv("IT_VERBOSE") != NULL)
        print_message("wanted %s, got %s: %s\n", seal_error_code_name(code),
                      seal_error_code_name(o->code), o->message);
    assert_true(right);
    assert_int_equal(atomic_load(&o->n), 1);
}

static seal_publish_options usual(const char *name) {
    seal_publish_options options;
    seal_publish_options_init(&options);
    options.directory = it_directory_uri();
    options.base = it_directory_base();
    options.name = name;
    options.lease_s = 60;
    return options;
}

static void publish(it_server *s, const seal_publish_options *options, outcome *o) {
    seal_error *error = NULL;
    memset(o, 0, sizeof *o);
    int rc = seal_server_publish(s->server, options, on_published, o, &error);
    if (rc < 0)
        print_error("%s\n", seal_error_message(error));
    seal_error_free(error);
    assert_int_equal(rc, 0);
}

/* A server that is published under this name. */
static void start_published(it_server *s, const seal_publish_options *options, outcome *o) {
    it_server_init(s);
    it_server_start(s, NULL, NULL);
    publish(s, options, o);
    await_outcome(o, 0, "", "");
}

static uint64_t published(it_server *s) {
    seal_server_stats stats;
    it_server_stats(s, &stats);
    return stats.published;
}

static bool is_published(void *arg) {
    return published(arg) == 1;
}

static bool has_failed(void *arg) {
    seal_server_stats stats;
    it_server_stats(arg, &stats);
    return stats.publish_failures > 0 && stats.published == 0;
}

/* ---- Killed ---- */

/* First of all, because it forks: nothing of the sealrpc kind runs in this process before. */
static void killed_server_disappears(void **state) {
    (void)state;
    int ready[2];
    char byte = 0;
    assert_int_equal(pipe(ready), 0);
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        static it_server s;
        static outcome o;
        seal_publish_options options = usual("killed");
        options.lease_s = 2;
        start_published(&s, &options, &o);
        if (write(ready[1], "", 1) == 1)
            pause();
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    it_entry_wait("killed", true);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    it_entry_wait("killed", false);
}

/* ---- The entry ---- */

static void the_entry_says_everything(void **state) {
    (void)state;
    static it_server s;
    static it_entry entry;
    static outcome o;
    seal_publish_options options = usual(NULL);
    char name[32];
    char binding[64];
    options.priority = 3;
    options.weight = 70;
    start_published(&s, &options, &o);
    uint16_t port = seal_server_port(s.server);
    snprintf(name, sizeof name, "sealrpc-%u", port);
    snprintf(binding, sizeof binding, "port=%u;proto=sealrpc/1;priority=3;weight=70", port);
    it_entry_get(name, &entry);
    assert_true(entry.found);
    assert_non_null(strstr(entry.scp.dn, it_account("localhost")));
    assert_string_equal(entry.guid, SEAL__SCP_PRODUCT_GUID);
    assert_string_equal(entry.scp.spn_class, "echo");
    assert_string_equal(entry.scp.host, "localhost");
    assert_string_equal(entry.type, "A");
    assert_string_equal(entry.binding, binding);
    assert_int_equal(entry.scp.n_services, 1);
    assert_string_equal(entry.scp.services[0], "itest.Echo");
    assert_in_range(entry.ttl_s, 1, 60);
    assert_int_equal(published(&s), 1);
    assert_int_equal(it_log_count(&s.log, "is published as cn=sealrpc-"), 1);
    assert_int_equal(seal_server_publish(s.server, &options, NULL, NULL, NULL), SEAL_ERROR_ALREADY);
    it_server_done(&s);
    it_entry_get(name, &entry);
    assert_false(entry.found);
}

static outcome prepared;

static void publish_before_the_start(seal_server *server) {
    static const char *const services[] = {"bank.Ledger", "bank.Teller", NULL};
    seal_publish_options options = usual("early");
    options.services = services;
    options.port = 4711;
    memset(&prepared, 0, sizeof prepared);
    assert_int_equal(seal_server_publish(server, &options, on_published, &prepared, NULL), 0);
}

static void published_before_the_start(void **state) {
    (void)state;
    static it_server s;
    static it_entry entry;
    seal_server_options options;
    it_server_init(&s);
    s.prepare = publish_before_the_start;
    it_server_options(&options);
    options.skip_startup_check = false; /* the directory is asked, too */
    it_server_start(&s, &options, NULL);
    await_outcome(&prepared, 0, "", "");
    assert_int_equal(it_log_count(&s.log, "could not check"), 0);
    it_entry_get("early", &entry);
    assert_true(entry.found);
    assert_int_equal(entry.scp.port, 4711);
    assert_int_equal(entry.scp.n_services, 2);
    it_server_done(&s);
    it_entry_wait("early", false);
}

typedef struct lease {
    const char *name;
    uint32_t last_s;
    unsigned prolonged;
} lease;

static bool is_prolonged_twice(void *arg) {
    static it_entry entry;
    lease *l = arg;
    it_entry_get(l->name, &entry);
    assert_true(entry.found);
    assert_in_range(entry.ttl_s, 0, 6);
    l->prolonged += entry.ttl_s > l->last_s;
    l->last_s = entry.ttl_s;
    return l->prolonged >= 2;
}

static void the_lease_is_refreshed(void **state) {
    (void)state;
    static it_server s;
    static outcome o;
    seal_publish_options options = usual("leased");
    lease l = {.name = "leased", .last_s = 6};
    options.lease_s = 6;
    start_published(&s, &options, &o);
    it_wait(is_prolonged_twice, &l, "a lease that is prolonged twice");
    assert_int_equal(it_log_count(&s.log, "has gone"), 0);
    it_server_done(&s);
}

static void without_a_lease(void **state) {
    (void)state;
    static it_server s;
    static it_entry entry;
    static outcome o;
    seal_publish_options options = usual("unleased");
    options.lease_s = UINT32_MAX;
    start_published(&s, &options, &o);
    it_entry_get("unleased", &entry);
    assert_true(entry.found);
    assert_int_equal(entry.ttl_s, 0);
    it_server_done(&s);
    it_entry_get("unleased", &entry);
    assert_false(entry.found);
}

/* ---- Trouble ---- */

static void a_removed_entry_comes_back(void **state) {
    (void)state;
    static it_server s;
    static outcome o;
    char dn[300];
    seal_publish_options options = usual("again");
    options.lease_s = 2;
    start_published(&s, &options, &o);
    snprintf(dn, sizeof dn, "cn=again,%s", it_account("localhost"));
    it_directory_remove(dn);
    it_log_wait(&s.log, "has gone");
    it_entry_wait("again", true);
    it_wait(is_published, &s, "the figure");
    assert_int_equal(atomic_load(&o.n), 1);
    it_server_done(&s);
}

static void the_directory_is_killed(void **state) {
    (void)state;
    static it_server s;
    static outcome o;
    seal_publish_options options = usual("survivor");
    options.lease_s = 2;
    start_published(&s, &options, &o);
    it_directory_steer("kill");
    it_wait(has_failed, &s, "a failure that is counted");
    static it_client c;
    it_client_start(&c, s.target, NULL);
    it_echo(c.channel, 10);
    it_client_done(&c);
    it_directory_steer("restart");
    it_log_wait(&s.log, "is published again");
    it_entry_wait("survivor", true);
    assert_int_equal(it_log_count(&s.log, "cannot be published"), 1);
    assert_int_equal(published(&s), 1);
    it_server_done(&s);
    it_entry_wait("survivor", false);
}

static void another_directory_is_tried(void **state) {
    (void)state;
    static it_server s;
    static outcome o;
    char uris[256];
    snprintf(uris, sizeof uris, "ldap://localhost:%u %s", it_closed_port(), it_directory_uri());
    seal_publish_options options = usual("second");
    options.directory = uris;
    start_published(&s, &options, &o);
    it_entry_wait("second", true);
    it_server_done(&s);
}

/* The replica takes the login and the questions, but no changes. */
static void a_copy_leads_to_the_next_server(void **state) {
    (void)state;
    static it_server s;
    static outcome o;
    char uris[512];
    snprintf(uris, sizeof uris, "%s %s", it_directory_copy_uri(), it_directory_uri());
    seal_publish_options options = usual("copied");
    options.directory = uris;
    it_server_init(&s);
    it_server_start(&s, NULL, NULL);
    publish(&s, &options, &o);
    await_outcome(&o, 0, "", ""); /* one attempt asks all servers */
    it_entry_wait("copied", true);
    it_wait(is_published, &s, "an entry");
    it_server_done(&s);
    it_entry_wait("copied", false);
}

/* Below somebody else's account; and with somebody else's rights. */
static void the_directory_denies(void **state) {
    (void)state;
    static it_server s;
    static it_client c;
    static outcome o;
    const char *ccache = getenv("KRB5CCNAME");
    for (int i = 0; i < 2; i++) {
        seal_publish_options options = usual("denied");
        options.account = i == 0 ? it_account("other.test") : NULL;
        options.ccache = i == 0 ? NULL : ccache;
        it_server_init(&s);
        it_server_start(&s, NULL, NULL);
        publish(&s, &options, &o);
        await_outcome(&o, SEAL_ERROR_DIRECTORY_DENIED,
                      i == 0 ? it_account("other.test") : "uid=alice",
                      "right to create, write and delete");
        it_client_start(&c, s.target, NULL);
        it_echo(c.channel, 10);
        it_client_done(&c);
        assert_int_equal(published(&s), 0);
        assert_int_equal(it_log_count(&s.log, "cannot be published"), 1);
        it_server_done(&s);
    }
    it_entry_wait("denied", false);
}

static void nobody_carries_the_name(void **state) {
    (void)state;
    static it_server s;
    static outcome o;
    char command[512];
    const char *keytab = it_path("ghost.keytab");
    snprintf(command, sizeof command,
             "kadmin.local addprinc -randkey echo/ghost >/dev/null 2>&1 && "
             "kadmin.local ktadd -k %s echo/ghost >/dev/null 2>&1",
             keytab);
    it_shell(command);
    seal_server_options server_options;
    it_server_options(&server_options);
    server_options.principal = "echo/ghost";
    server_options.keytab = keytab;
    it_server_init(&s);
    it_server_start(&s, &server_options, NULL);
    seal_publish_options options = usual("ghost");
    publish(&s, &options, &o);
    await_outcome(&o, SEAL_ERROR_NOT_FOUND, "echo/ghost", "seal spn register");
    it_server_done(&s);
}

/* ---- The end ---- */

/* While the directory does not answer the removal, the server goes on: new connections, new calls.
 * Once it has answered, the server stops. */
static void the_entry_goes_first(void **state) {
    (void)state;
    static it_server s;
    static it_client c;
    static outcome o;
    atomic_uint stopped = 0;
    seal_publish_options options = usual("first");
    start_published(&s, &options, &o);
    it_client_start(&c, s.target, NULL);
    it_echo(c.channel, 10);
    it_directory_steer("pause");
    seal_server_stop(s.server, 60000, it_count_stopped, &stopped);
    it_echo(c.channel, 10);
    it_client_done(&c);
    it_client_start(&c, s.target, NULL);
    it_echo(c.channel, 10);
    assert_int_equal(seal_server_publish(s.server, &options, NULL, NULL, NULL), SEAL_ERROR_ALREADY);
    assert_int_equal(atomic_load(&stopped), 0);
    it_directory_steer("resume");
    it_wait_at_least(&stopped, 1, "the end");
    static it_entry entry;
    it_entry_get("first", &entry);
    assert_false(entry.found);
    assert_int_equal(it_log_count(&s.log, "may still be in the directory"), 0);
    it_client_done(&c);
    assert_int_equal(seal_server_publish(s.server, &options, NULL, NULL, NULL), SEAL_ERROR_STATE);
    it_server_done(&s);
}

/* A call that runs has its grace all the same, and a second stop cuts it short. */
static void a_silent_directory_does_not_hold_the_end(void **state) {
    (void)state;
    static it_server s;
    static outcome o;
    atomic_uint stopped = 0;
    seal_publish_options options = usual("silent");
    start_published(&s, &options, &o);
    it_directory_steer("pause");
    seal_server_stop(s.server, 600000, it_count_stopped, &stopped);
    seal_server_stop(s.server, 200, it_count_stopped, &stopped);
    it_wait_at_least(&stopped, 2, "the end");
    assert_int_equal(it_log_count(&s.log, "may still be in the directory"), 1);
    it_server_done(&s);
    it_directory_steer("resume");
    it_entry_wait("silent", false);
}

/* The directory listens and says nothing: the thread is left behind. */
static void freed_while_the_directory_is_silent(void **state) {
    (void)state;
    static it_server s;
    static outcome o;
    uint16_t port = 0;
    char uri[64];
    int fd = it_listen(&port);
    snprintf(uri, sizeof uri, "ldap://localhost:%u", port);
    seal_publish_options options = usual("never");
    options.directory = uri;
    it_server_init(&s);
    it_server_start(&s, NULL, NULL);
    publish(&s, &options, &o);
    it_server_done(&s);
    assert_int_equal(atomic_load(&o.n), 1);
    assert_true(o.code == SEAL_ERROR_CANCELLED || o.code == SEAL_ERROR_DIRECTORY);
    close(fd);
}

static void a_server_that_never_listens(void **state) {
    (void)state;
    static it_server s;
    seal_server_options options;
    it_server_init(&s);
    s.prepare = publish_before_the_start;
    it_server_options(&options);
    options.keytab = it_path("no.keytab");
    assert_int_equal(it_server_try_start(&s, &options, NULL, NULL), SEAL_ERROR_KEYTAB);
    await_outcome(&prepared, SEAL_ERROR_CANCELLED, "not published", "");
    seal_publish_options again = usual("late");
    assert_int_equal(seal_server_publish(s.server, &again, NULL, NULL, NULL), SEAL_ERROR_STATE);
    it_server_done(&s);
}

/* By the callback that says that it listens: neither too early nor twice. */
static void on_started(seal_server *server, const seal_error *error, void *user) {
    seal_publish_options options = usual("started");
    assert_null(error);
    assert_int_equal(seal_server_publish(server, &options, on_published, user, NULL), 0);
}

static void published_by_the_started_callback(void **state) {
    (void)state;
    static it_server s;
    outcome o = {.n = 0};
    seal_server_options options;
    it_server_init(&s);
    it_server_options(&options);
    assert_int_equal(seal_runtime_new(&s.runtime_options, &s.runtime, NULL), 0);
    assert_int_equal(seal_server_new(s.runtime, &options, &s.server, NULL), 0);
    assert_int_equal(seal_server_add_address(s.server, "127.0.0.1:0", NULL), 0);
    static const itest_echo_ops none = {.size = sizeof none};
    assert_int_equal(itest_echo_register(s.server, &none, NULL, NULL), 0);
    assert_int_equal(seal_server_start_async(s.server, on_started, &o, NULL), 0);
    await_outcome(&o, 0, "", "");
    it_entry_wait("started", true);
    it_server_done(&s);
    it_entry_wait("started", false);
}

static void free_it(seal_server *server, const seal_error *error, void *user) {
    on_published(server, error, user);
    seal_server_free(server);
}

static void freed_by_the_callback(void **state) {
    (void)state;
    static it_server s;
    outcome o = {.n = 0};
    it_server_init(&s);
    it_server_start(&s, NULL, NULL);
    seal_publish_options options = usual("brief");
    assert_int_equal(seal_server_publish(s.server, &options, free_it, &o, NULL), 0);
    await_outcome(&o, 0, "", "");
    s.server = NULL;
    it_server_done(&s);
    it_entry_wait("brief", false);
}

/* ---- Misuse ---- */

/* It is done, because clients may have been told the principal; others would not come. */
static void a_host_of_which_there_is_no_principal(void **state) {
    (void)state;
    static const char *const aliases[] = {"echo/other.test", NULL};
    seal_publish_options options = usual("host");
    options.host = "Other.Test";
    for (unsigned i = 0; i < 2; i++) {
        static it_server s;
        static outcome o;
        seal_server_options server_options;
        it_server_options(&server_options);
        server_options.aliases = i == 0 ? NULL : aliases;
        it_server_init(&s);
        it_server_start(&s, &server_options, NULL);
        publish(&s, &options, &o);
        assert_int_equal(it_log_count(&s.log, "does not answer to echo/other.test"), 1 - i);
        it_server_done(&s);
    }
}

static void misuse(void **state) {
    (void)state;
    static it_server s;
    static const char *const none[] = {NULL};
    static const char *const empty[] = {"", NULL};
    char long_name[80];
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    it_server_init(&s);
    it_server_start(&s, NULL, "unix:@sealrpc-publish-test");
    seal_publish_options options = usual("wrong");
    assert_int_equal(seal_server_publish(NULL, &options, NULL, NULL, NULL), SEAL_ERROR_INVALID);
    seal_publish_options wrong[6];
    for (size_t i = 0; i < 6; i++)
        wrong[i] = options;
    wrong[0].struct_size = 0;
    wrong[1].name = long_name;
    wrong[2].name = "";
    wrong[3].services = none;
    wrong[4].services = empty;
    wrong[5].host = "no host";
    for (size_t i = 0; i < 6; i++) {
        seal_error *error = NULL;
        assert_int_equal(seal_server_publish(s.server, &wrong[i], NULL, NULL, &error),
                         SEAL_ERROR_INVALID);
        assert_non_null(error);
        seal_error_free(error);
    }
    seal_error *error = NULL; /* no TCP port */
    assert_int_equal(seal_server_publish(s.server, &options, NULL, NULL, &error),
                     SEAL_ERROR_INVALID);
    assert_non_null(strstr(seal_error_message(error), "set port"));
    seal_error_free(error);
    options.port = 7;
    assert_int_equal(seal_server_publish(s.server, &options, NULL, NULL, NULL), 0);
    it_server_done(&s);
    it_entry_wait("wrong", false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_server_disappears),
        cmocka_unit_test(the_entry_says_everything),
        cmocka_unit_test(published_before_the_start),
        cmocka_unit_test(the_lease_is_refreshed),
        cmocka_unit_test(without_a_lease),
        cmocka_unit_test(a_removed_entry_comes_back),
        cmocka_unit_test(the_directory_is_killed),
        cmocka_unit_test(another_directory_is_tried),
        cmocka_unit_test(a_copy_leads_to_the_next_server),
        cmocka_unit_test(the_directory_denies),
        cmocka_unit_test(nobody_carries_the_name),
        cmocka_unit_test(the_entry_goes_first),
        cmocka_unit_test(a_silent_directory_does_not_hold_the_end),
        cmocka_unit_test(freed_while_the_directory_is_silent),
        cmocka_unit_test(a_server_that_never_listens),
        cmocka_unit_test(published_by_the_started_callback),
        cmocka_unit_test(freed_by_the_callback),
        cmocka_unit_test(a_host_of_which_there_is_no_principal),
        cmocka_unit_test(misuse),
    };
    return cmocka_run_group_tests_name("integration.publish", tests, NULL, NULL);
}
