/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept between handshakes: copies of tickets and keytabs, with their credentials. They are
 * used again, and are given up as soon as the file is another one or the ticket is old.
 */
#include "support/cmocka_all.h"

#include <pthread.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "secure/gss/gss_internal.h"
#include "support/gss_lab.h"

static seal__gss_tickets *tickets;

/* A file that was written this very moment is not copied. */
static void age(const char *path) {
    const struct timespec old[2] = {{.tv_sec = time(NULL) - 60}, {.tv_sec = time(NULL) - 60}};
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
}

static int setup(void **state) {
    int rc = lab_setup(state);
    age(lab_path("krb5.conf"));
    assert_int_equal(seal__gss_tickets_new(&seal__default_allocator, &tickets), 0);
    return rc;
}

static int teardown(void **state) {
    seal__gss_tickets_unref(tickets);
    return lab_teardown(state);
}

static const char *file_cache(const char *name) {
    static char text[2][300];
    static unsigned next;
    char *cache = text[next++ % 2];
    snprintf(cache, sizeof text[0], "FILE:%s", lab_path(name));
    return cache;
}

static void mint_for(const char *service, const char *keytab, const char *cache, const char *client,
                     int64_t lasts_s) {
    const seal__gss_mint_options options = {.keytab = keytab,
                                            .service = service,
                                            .client = client,
                                            .ccache = cache,
                                            .lifetime_s = lasts_s};
    assert_int_equal(seal__gss_mint_ticket(&options, NULL), 0);
    age(cache + strlen("FILE:"));
}

static void mint_into(const char *keytab, const char *cache, const char *client, int64_t lasts_s) {
    mint_for(LAB_SERVICE, keytab, cache, client, lasts_s);
}

static seal__gss_initiator_options options_for(const char *cache) {
    return (seal__gss_initiator_options){.alloc = &seal__default_allocator,
                                         .target = "greeter/localhost",
                                         .ccache = cache,
                                         .mechanism = SEAL_MECHANISM_KRB5,
                                         .tickets = tickets};
}

/* Both ends of an exchange, and what they say to each other. */
typedef struct ends {
    seal__mech *initiator;
    seal__mech *acceptor;
    seal__buf there;
    seal__buf back;
} ends;

static void ends_init(ends *e, seal__gss_acceptor *identity,
                      const seal__gss_initiator_options *options, const char *asked) {
    *e = (ends){.initiator = NULL};
    seal__buf_init(&e->there, &seal__default_allocator, 65536);
    seal__buf_init(&e->back, &seal__default_allocator, 65536);
    assert_int_equal(seal__gss_initiator_new(options, &e->initiator, NULL), 0);
    assert_int_equal(
        seal__gss_acceptor_context(identity, SEAL_MECHANISM_KRB5, asked, &e->acceptor, NULL), 0);
}

static int initiate(ends *e) {
    return e->initiator->ops->step(e->initiator, NULL, 0, &e->there, NULL);
}

static int accept_token(ends *e) {
    return e->acceptor->ops->step(e->acceptor, e->there.data, e->there.len, &e->back, NULL);
}

static void ends_done(ends *e) {
    e->initiator->ops->free(e->initiator);
    e->acceptor->ops->free(e->acceptor);
    seal__buf_done(&e->there);
    seal__buf_done(&e->back);
}

/* One exchange; says who the server took the client for. */
static int exchange(seal__gss_acceptor *identity, const seal__gss_initiator_options *options,
                    char *ret_peer, size_t size) {
    ends e;
    ends_init(&e, identity, options, options->target);
    int rc = initiate(&e);
    if (rc == SEAL__MECH_CONTINUE)
        rc = accept_token(&e);
    if (rc == 0)
        rc = e.initiator->ops->step(e.initiator, e.back.data, e.back.len, &e.there, NULL);
    if (rc == 0) {
        snprintf(ret_peer, size, "%s", e.acceptor->info.peer);
        assert_string_equal(e.initiator->info.local, e.acceptor->info.peer);
        assert_string_equal(e.initiator->info.peer, LAB_SERVICE);
    }
    ends_done(&e);
    return rc;
}

/* A service, and alice with a ticket for it. */
typedef struct usual {
    const char *keytab;
    const char *cache;
    seal__gss_acceptor *identity;
    seal__gss_initiator_options options;
} usual;

static usual usual_for(const char *cache_name, int64_t lasts_s) {
    usual u = {.keytab = lab_keytab(), .cache = file_cache(cache_name)};
    mint_into(u.keytab, u.cache, LAB_ALICE, lasts_s);
    u.identity = lab_identity(u.keytab, LAB_SERVICE, SEAL_MECHANISM_KRB5);
    u.options = options_for(u.cache);
    return u;
}

static bool is_kept(const seal__gss_initiator_options *options) {
    seal__gss_ready *ready = seal__gss_tickets_take(tickets, options);
    bool found = ready != NULL;
    seal__gss_tickets_give(tickets, ready);
    return found;
}

static void expect_peer(seal__gss_acceptor *identity, const seal__gss_initiator_options *options,
                        const char *peer) {
    char seen[300] = "";
    assert_int_equal(exchange(identity, options, seen, sizeof seen), 0);
    assert_string_equal(seen, peer);
}

static void a_ticket_is_kept(void **state) {
    (void)state;
    usual u = usual_for("kept", 3600);
    age(strchr(u.keytab, '/'));
    assert_false(is_kept(&u.options));
    for (int i = 0; i < 5; i++) {
        expect_peer(u.identity, &u.options, LAB_ALICE);
        assert_true(is_kept(&u.options));
    }
    seal__gss_initiator_options other = u.options;
    other.target = "greeter/elsewhere";
    assert_false(is_kept(&other));
    other = u.options;
    other.client_principal = LAB_ALICE;
    assert_false(is_kept(&other));
    seal__gss_acceptor_unref(u.identity);
}

static void another_login_is_noticed(void **state) {
    (void)state;
    usual u = usual_for("login", 3600);
    expect_peer(u.identity, &u.options, LAB_ALICE);
    expect_peer(u.identity, &u.options, LAB_ALICE);
    assert_int_equal(unlink(u.cache + strlen("FILE:")), 0);
    mint_into(u.keytab, u.cache, "bob@" LAB_REALM, 3600);
    assert_false(is_kept(&u.options));
    expect_peer(u.identity, &u.options, "bob@" LAB_REALM);
    char seen[300];
    assert_int_equal(unlink(u.cache + strlen("FILE:")), 0);
    assert_int_equal(exchange(u.identity, &u.options, seen, sizeof seen), SEAL_ERROR_CREDENTIALS);
    seal__gss_acceptor_unref(u.identity);
}

static void short_and_fresh_tickets_are_not_kept(void **state) {
    (void)state;
    usual u = usual_for("short", 20);
    expect_peer(u.identity, &u.options, LAB_ALICE);
    assert_false(is_kept(&u.options));
    u.cache = file_cache("forgotten");
    mint_into(u.keytab, u.cache, LAB_ALICE, 3600);
    u.options = options_for(u.cache);
    expect_peer(u.identity, &u.options, LAB_ALICE);
    assert_true(is_kept(&u.options));
    /* One in use comes back after the others were dropped: it is dropped too. */
    seal__gss_ready *ready = seal__gss_tickets_take(tickets, &u.options);
    assert_non_null(ready);
    seal__gss_tickets_forget(tickets);
    seal__gss_tickets_give(tickets, ready);
    assert_false(is_kept(&u.options));
    seal__gss_acceptor_unref(u.identity);
}

static void an_old_copy_is_given_up(void **state) {
    (void)state;
    usual u = usual_for("old", 3600);
    expect_peer(u.identity, &u.options, LAB_ALICE);
    seal__gss_ready *ready = seal__gss_tickets_take(tickets, &u.options);
    assert_non_null(ready);
    assert_in_range(ready->ticket.good_until, time(NULL) + 3500, time(NULL) + 3600);
    ready->ticket.good_until = time(NULL);
    seal__gss_tickets_give(tickets, ready);
    assert_false(is_kept(&u.options));
    expect_peer(u.identity, &u.options, LAB_ALICE);
    assert_true(is_kept(&u.options));
    seal__gss_acceptor_unref(u.identity);
}

/* The ticket of the copy is gone: the handshake goes on with the cache itself. */
static void a_copy_that_fails_does_no_harm(void **state) {
    (void)state;
    usual u = usual_for("spoiled", 3600);
    expect_peer(u.identity, &u.options, LAB_ALICE);
    seal__gss_ready *ready = seal__gss_tickets_take(tickets, &u.options);
    assert_non_null(ready);
    seal__gss_drop_ticket(ready->ticket.name, LAB_SERVICE);
    seal__gss_tickets_give(tickets, ready);
    expect_peer(u.identity, &u.options, LAB_ALICE);
    seal__gss_acceptor_unref(u.identity);
}

static void another_keytab_is_noticed(void **state) {
    (void)state;
    char seen[300];
    const char *keytab = lab_keytab();
    const char *path = strchr(keytab, '/');
    const char *old_cache = file_cache("before");
    const char *new_cache = file_cache("after");
    age(path);
    mint_into(keytab, old_cache, LAB_ALICE, 3600);
    seal__gss_acceptor *identity = lab_identity(keytab, LAB_SERVICE, SEAL_MECHANISM_KRB5);
    const seal__gss_initiator_options before = options_for(old_cache);
    expect_peer(identity, &before, LAB_ALICE);
    expect_peer(identity, &before, LAB_ALICE);
    assert_int_equal(identity->n_spares, 1);
    assert_string_equal(identity->spares[0].keytab.path, path);
    /* A new key: tickets made with it are taken at once, those of the old one not any more. */
    assert_int_equal(unlink(path), 0);
    lab_add_key(keytab, LAB_SERVICE, 9, "another");
    mint_into(keytab, new_cache, LAB_ALICE, 3600);
    const seal__gss_initiator_options after = options_for(new_cache);
    expect_peer(identity, &after, LAB_ALICE);
    assert_int_not_equal(exchange(identity, &before, seen, sizeof seen), 0);
    age(path);
    expect_peer(identity, &after, LAB_ALICE);
    assert_in_range(identity->n_spares, 0, SEAL__GSS_SPARE_CREDS);
    seal__gss_acceptor_unref(identity);
}

enum { NAMES = 2 };
static const char *const names[NAMES] = {LAB_SERVICE, "teller/localhost@" LAB_REALM};

/* A server of both names accepts, for a connection to the name `asked`, the ticket of another one.
 * Returns what it says it was the server of; "": it refused. */
static const char *accept_as(seal__gss_acceptor *identity, const char *cache,
                             const char *ticket_for, const char *asked) {
    static char target[300];
    seal__gss_initiator_options options = options_for(cache);
    options.target = ticket_for;
    ends e;
    ends_init(&e, identity, &options, asked);
    assert_int_equal(initiate(&e), SEAL__MECH_CONTINUE);
    int rc = accept_token(&e);
    if (rc == SEAL__MECH_DONE)
        assert_string_equal(e.acceptor->info.target, e.acceptor->info.local);
    snprintf(target, sizeof target, "%s", rc == SEAL__MECH_DONE ? e.acceptor->info.target : "");
    ends_done(&e);
    return target;
}

/* A credential is asked for its name once, and then kept with it: each name has its own, and opens
 * no ticket of another. */
static void names_are_not_mixed_up(void **state) {
    (void)state;
    static const seal_mechanism mechanism = SEAL_MECHANISM_KRB5;
    const char *keytab = lab_keytab();
    const char *caches[NAMES] = {file_cache("greeter"), file_cache("teller")};
    lab_add_key(keytab, names[1], 3, "teller");
    age(strchr(keytab, '/'));
    for (size_t i = 0; i < NAMES; i++)
        mint_for(names[i], keytab, caches[i], LAB_ALICE, 3600);
    const seal__gss_acceptor_options options = {.alloc = &seal__default_allocator,
                                                .principals = names,
                                                .n_principals = NAMES,
                                                .keytab = keytab,
                                                .mechanisms = &mechanism,
                                                .n_mechanisms = 1};
    seal__gss_acceptor *identity = NULL;
    assert_int_equal(seal__gss_acceptor_new(&options, &identity, NULL), 0);
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < NAMES; i++) {
            assert_string_equal(accept_as(identity, caches[i], names[i], names[i]), names[i]);
            assert_string_equal(accept_as(identity, caches[i], names[i], names[NAMES - 1 - i]), "");
        }
        assert_int_equal(identity->n_spares, NAMES);
        for (size_t i = 0; i < NAMES; i++)
            assert_true(identity->spares[i].told);
    }
    seal__gss_acceptor_unref(identity);
}

/* Many at once: each has a credential to himself, and no more are kept than allowed. */
typedef struct crowd {
    seal__gss_acceptor *identity;
    const char *cache;
    atomic_int failures;
} crowd;

static void *one_of_many(void *user) {
    crowd *c = user;
    const seal__gss_initiator_options options = options_for(c->cache);
    char seen[300];
    for (int i = 0; i < 25; i++) {
        if (exchange(c->identity, &options, seen, sizeof seen) != 0 || strcmp(seen, LAB_ALICE) != 0)
            atomic_fetch_add(&c->failures, 1);
        if (i == 12)
            seal__gss_tickets_forget(tickets);
    }
    return NULL;
}

static void threads_share_them(void **state) {
    (void)state;
    pthread_t threads[4];
    const char *keytab = lab_keytab();
    age(strchr(keytab, '/'));
    crowd c = {.identity = lab_identity(keytab, LAB_SERVICE, SEAL_MECHANISM_KRB5),
               .cache = file_cache("crowd")};
    mint_into(keytab, c.cache, LAB_ALICE, 3600);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, one_of_many, &c), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&c.failures), 0);
    seal__gss_acceptor_unref(c.identity);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_ticket_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(another_login_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(short_and_fresh_tickets_are_not_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(an_old_copy_is_given_up, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_that_fails_does_no_harm, setup, teardown),
        cmocka_unit_test_setup_teardown(another_keytab_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(names_are_not_mixed_up, setup, teardown),
        cmocka_unit_test_setup_teardown(threads_share_them, setup, teardown),
    };
    return cmocka_run_group_tests_name("secure.gss.kept", tests, NULL, NULL);
}
