/* SPDX-License-Identifier: Apache-2.0 */
/* Complete exchanges with tickets that were minted: no KDC. */
#include "support/gss_lab.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    ALL_FLAGS = SEAL__MECH_MUTUAL | SEAL__MECH_CONF | SEAL__MECH_INTEG | SEAL__MECH_REPLAY |
                SEAL__MECH_SEQUENCE
};

static void assert_krb5_info(const seal__mech_info *info) {
    assert_int_equal(info->flags, ALL_FLAGS);
    assert_true(info->authenticates_target);
    assert_string_equal(info->mechanism, "krb5");
    assert_string_equal(info->target, LAB_SERVICE);
    assert_int_equal(info->ssf, 256);
    assert_in_range(info->lifetime_s, 3500, 3600 + 300);
}

static void check_messages(seal__mech *from, seal__mech *to) {
    lab_token sealed, plain;
    assert_int_equal(lab_wrap(from, true, "hello", &sealed), 0);
    assert_null(memmem(sealed.bytes, sealed.len, "hello", 5));
    assert_int_equal(lab_unwrap(to, true, &sealed, "hello"), 0);
    assert_int_equal(lab_wrap(from, false, "hello", &plain), 0);
    assert_non_null(memmem(plain.bytes, plain.len, "hello", 5));
    assert_int_equal(lab_unwrap(to, false, &plain, "hello"), 0);
    assert_int_equal(lab_wrap(from, true, "", &sealed), 0);
    assert_int_equal(lab_unwrap(to, true, &sealed, ""), 0);
}

static void exchange(seal_mechanism mechanism) {
    const char *keytab = lab_keytab();
    const char *ccache = lab_ccache();
    lab_mint(keytab, LAB_SERVICE, ccache);
    lab_pair pair;
    lab_pair_establish(&pair,
                       &(lab_options){.mechanism = mechanism, .keytab = keytab, .ccache = ccache});
    assert_int_equal(pair.n_tokens, 2);
    assert_krb5_info(&pair.initiator->info);
    assert_krb5_info(&pair.acceptor->info);
    assert_string_equal(pair.initiator->info.peer, LAB_SERVICE);
    assert_string_equal(pair.initiator->info.local, LAB_ALICE);
    assert_string_equal(pair.acceptor->info.peer, LAB_ALICE);
    assert_string_equal(pair.acceptor->info.local, LAB_SERVICE);
    check_messages(pair.initiator, pair.acceptor);
    check_messages(pair.acceptor, pair.initiator);
    lab_pair_done(&pair);
    lab_drop_ccache(ccache);
}

static void krb5_works(void **state) {
    (void)state;
    exchange(SEAL_MECHANISM_KRB5);
}

static void spnego_works_with_krb5_inside(void **state) {
    (void)state;
    exchange(SEAL_MECHANISM_SPNEGO);
}

static void a_missing_realm_is_the_default_one(void **state) {
    (void)state;
    static const char *const principals[] = {"greeter/localhost"};
    const char *keytab = lab_keytab();
    const char *ccache = lab_ccache();
    lab_mint(keytab, "greeter/localhost", ccache);
    lab_options options = {.target = "greeter/localhost",
                           .principals = principals,
                           .n_principals = 1,
                           .keytab = keytab,
                           .ccache = ccache};
    lab_pair pair;
    lab_pair_establish(&pair, &options);
    assert_string_equal(pair.initiator->info.peer, LAB_SERVICE);
    assert_string_equal(pair.acceptor->info.local, LAB_SERVICE);
    lab_pair_done(&pair);
    options.hello = LAB_SERVICE;
    lab_pair_establish(&pair, &options);
    lab_pair_done(&pair);
    lab_drop_ccache(ccache);
}

static void domain_realm_gives_the_realm_of_the_host(void **state) {
    (void)state;
    static const char *const principals[] = {"greeter/far.example:4711/name"};
    lab_configure("[domain_realm]\n .example = FAR.TEST\n");
    const char *keytab = lab_path("far.keytab");
    const char *ccache = lab_ccache();
    lab_add_key(keytab, "greeter/far.example:4711/name@FAR.TEST", 1, "far");
    lab_mint(keytab, "greeter/far.example:4711/name@FAR.TEST", ccache);
    lab_pair pair;
    lab_pair_establish(&pair, &(lab_options){.target = principals[0],
                                             .principals = principals,
                                             .n_principals = 1,
                                             .keytab = keytab,
                                             .ccache = ccache});
    assert_string_equal(pair.acceptor->info.local, "greeter/far.example:4711/name@FAR.TEST");
    lab_pair_done(&pair);
    lab_drop_ccache(ccache);
    lab_configure("");
}

static void many_aliases(void **state) {
    (void)state;
    enum { ALIASES = 40 };
    static char texts[ALIASES][64];
    const char *names[ALIASES];
    const char *keytab = lab_path("aliases.keytab");
    const char *ccache = lab_ccache();
    for (int i = 0; i < ALIASES; i++) {
        snprintf(texts[i], sizeof texts[i], "greeter/host%d:%d/unit%d@%s", i, 4000 + i, i,
                 LAB_REALM);
        names[i] = texts[i];
        lab_add_key(keytab, names[i], (unsigned)i % 3 + 1, names[i]);
    }
    for (int i = 0; i < ALIASES; i += 3) {
        lab_mint(keytab, names[i], ccache);
        lab_pair pair;
        lab_pair_establish(&pair, &(lab_options){.target = names[i],
                                                 .principals = names,
                                                 .n_principals = ALIASES,
                                                 .keytab = keytab,
                                                 .ccache = ccache});
        assert_string_equal(pair.acceptor->info.local, names[i]);
        lab_pair_done(&pair);
    }
    lab_drop_ccache(ccache);
}

static void steps_after_the_end_are_refused(void **state) {
    (void)state;
    const char *keytab = lab_keytab();
    const char *ccache = lab_ccache();
    lab_mint(keytab, LAB_SERVICE, ccache);
    lab_pair pair;
    lab_token token;
    lab_pair_init(&pair, &(lab_options){.keytab = keytab, .ccache = ccache});
    assert_int_equal(lab_wrap(pair.initiator, true, "early", &token), SEAL_ERROR_STATE);
    assert_int_equal(token.len, 0);
    lab_pair_run(&pair);
    seal_error *error = NULL;
    assert_int_equal(lab_step(&pair, pair.initiator, "x", 1, &error), SEAL_ERROR_STATE);
    lab_assert_error(error, SEAL_ERROR_STATE, NULL);
    seal_error_free(error);
    lab_pair_done(&pair);
    lab_drop_ccache(ccache);
}

static void start_up_check_passes(void **state) {
    (void)state;
    static const seal_mechanism mechanisms[] = {SEAL_MECHANISM_KRB5, SEAL_MECHANISM_SPNEGO,
                                                SEAL_MECHANISM_NTLM};
    static const char *const principals[] = {"greeter/localhost", "greeter/alias@" LAB_REALM};
    const char *keytab = lab_keytab();
    lab_add_key(keytab, principals[1], 7, "alias");
    seal__gss_acceptor_options options = {.alloc = &seal__default_allocator,
                                          .principals = principals,
                                          .n_principals = 2,
                                          .keytab = keytab,
                                          .mechanisms = mechanisms,
                                          .n_mechanisms = 3};
    seal__gss_acceptor *acceptor = NULL;
    seal_error *error = NULL;
    assert_int_equal(seal__gss_acceptor_new(&options, &acceptor, NULL), 0);
    int rc = seal__gss_acceptor_check_local(acceptor, &error);
    if (rc != 0)
        print_error("%s\n", seal_error_message(error));
    assert_int_equal(rc, 0);
    seal__gss_acceptor_unref(acceptor);
}

static void the_default_keytab_and_ccache_are_used(void **state) {
    (void)state;
    const char *keytab = lab_path("default.keytab");
    char ccache[300];
    snprintf(ccache, sizeof ccache, "FILE:%s", lab_path("default.ccache"));
    lab_add_key(keytab, LAB_SERVICE, 1, "default");
    lab_mint(NULL, LAB_SERVICE, ccache);
    lab_pair pair;
    lab_pair_establish(&pair, &(lab_options){0});
    assert_string_equal(pair.acceptor->info.peer, LAB_ALICE);
    lab_pair_done(&pair);
    lab_drop_ccache(ccache);
}

/* One identity serves all worker threads. */
typedef struct shared {
    seal__gss_acceptor *identity;
    const char *ccache;
    atomic_int failures;
} shared;

static int one_exchange(shared *all) {
    seal__gss_initiator_options options = {.alloc = &seal__default_allocator,
                                           .target = "greeter/localhost",
                                           .ccache = all->ccache,
                                           .mechanism = SEAL_MECHANISM_KRB5};
    seal__mech *initiator = NULL;
    seal__mech *acceptor = NULL;
    seal__buf there, back;
    seal__buf_init(&there, &seal__default_allocator, 65536);
    seal__buf_init(&back, &seal__default_allocator, 65536);
    int rc = seal__gss_initiator_new(&options, &initiator, NULL);
    if (rc == 0)
        rc = seal__gss_acceptor_context(all->identity, SEAL_MECHANISM_KRB5, options.target,
                                        &acceptor, NULL);
    if (rc == 0 && initiator->ops->step(initiator, NULL, 0, &there, NULL) != SEAL__MECH_CONTINUE)
        rc = -1;
    if (rc == 0)
        rc = acceptor->ops->step(acceptor, there.data, there.len, &back, NULL);
    if (rc == 0)
        rc = initiator->ops->step(initiator, back.data, back.len, &there, NULL);
    if (initiator != NULL)
        initiator->ops->free(initiator);
    if (acceptor != NULL)
        acceptor->ops->free(acceptor);
    seal__buf_done(&there);
    seal__buf_done(&back);
    return rc;
}

static void *worker(void *user) {
    shared *all = user;
    for (int i = 0; i < 25; i++) {
        if (one_exchange(all) != 0)
            atomic_fetch_add(&all->failures, 1);
    }
    return NULL;
}

static void threads_share_an_identity(void **state) {
    (void)state;
    pthread_t threads[4];
    const char *keytab = lab_keytab();
    shared all = {.ccache = lab_ccache(),
                  .identity = lab_identity(keytab, "greeter/localhost", SEAL_MECHANISM_KRB5)};
    lab_mint(keytab, LAB_SERVICE, all.ccache);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, worker, &all), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&all.failures), 0);
    seal__gss_acceptor_unref(all.identity);
    lab_drop_ccache(all.ccache);
}

/* ---- Our allocator failing at each of its calls ---- */

typedef struct failing {
    int left;  /* calls that still succeed */
    int alive; /* blocks */
} failing;

static void *failing_resize(void *user, void *ptr, size_t size) {
    failing *f = user;
    if (f->left-- <= 0)
        return NULL;
    f->alive += ptr == NULL;
    return realloc(ptr, size);
}

static void failing_release(void *user, void *ptr) {
    failing *f = user;
    f->alive -= ptr != NULL;
    free(ptr);
}

static int run_steps(seal__mech *initiator, seal__mech *acceptor, seal__buf *there, seal__buf *back,
                     seal_error **reterr) {
    int rc = initiator->ops->step(initiator, NULL, 0, there, reterr);
    if (rc == SEAL__MECH_CONTINUE)
        rc = acceptor->ops->step(acceptor, there->data, there->len, back, reterr);
    seal__buf_reset(there);
    if (rc == 0)
        rc = initiator->ops->step(initiator, back->data, back->len, there, reterr);
    seal__buf_reset(there);
    seal__buf_reset(back);
    if (rc == 0)
        rc = initiator->ops->wrap(initiator, true, (const uint8_t *)"hello", 5, there);
    if (rc == 0)
        rc = acceptor->ops->unwrap(acceptor, true, there->data, there->len, back);
    return rc;
}

static int exchange_with(failing *f, const char *keytab, const char *ccache) {
    static const seal_mechanism mechanism = SEAL_MECHANISM_KRB5;
    static const char *const principals[] = {"greeter/localhost", "alias/localhost"};
    seal_allocator alloc = {.resize = failing_resize, .release = failing_release, .user = f};
    seal__gss_acceptor_options options = {.alloc = &alloc,
                                          .principals = principals,
                                          .n_principals = 2,
                                          .keytab = keytab,
                                          .mechanisms = &mechanism,
                                          .n_mechanisms = 1};
    seal__gss_initiator_options initiator_options = {.alloc = &alloc,
                                                     .target = "greeter/localhost",
                                                     .ccache = ccache,
                                                     .mechanism = mechanism,
                                                     .client_principal = LAB_ALICE};
    seal__gss_acceptor *identity = NULL;
    seal__mech *acceptor = NULL;
    seal__mech *initiator = NULL;
    seal_error *error = NULL;
    seal__buf there, back;
    seal__buf_init(&there, &alloc, 65536);
    seal__buf_init(&back, &alloc, 65536);
    int rc = seal__gss_acceptor_new(&options, &identity, &error);
    if (rc == 0)
        rc =
            seal__gss_acceptor_context(identity, mechanism, "greeter/localhost", &acceptor, &error);
    if (rc == 0)
        rc = seal__gss_initiator_new(&initiator_options, &initiator, &error);
    if (initiator != NULL && acceptor != NULL)
        rc = run_steps(initiator, acceptor, &there, &back, &error);
    if (initiator != NULL)
        initiator->ops->free(initiator);
    if (acceptor != NULL)
        acceptor->ops->free(acceptor);
    seal__gss_acceptor_unref(identity);
    seal__buf_done(&there);
    seal__buf_done(&back);
    seal_error_free(error);
    return rc;
}

static void no_memory_anywhere(void **state) {
    (void)state;
    const char *keytab = lab_keytab();
    const char *ccache = lab_ccache();
    lab_mint(keytab, LAB_SERVICE, ccache);
    int n = 0;
    for (int rc = -1; rc != 0; n++) {
        failing f = {.left = n};
        rc = exchange_with(&f, keytab, ccache);
        assert_true(rc == 0 || rc == SEAL_ERROR_NO_MEMORY);
        assert_int_equal(f.alive, 0);
        assert_true(n < 100);
    }
    assert_true(n > 15);
    lab_drop_ccache(ccache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(krb5_works),
        cmocka_unit_test(spnego_works_with_krb5_inside),
        cmocka_unit_test(a_missing_realm_is_the_default_one),
        cmocka_unit_test(domain_realm_gives_the_realm_of_the_host),
        cmocka_unit_test(many_aliases),
        cmocka_unit_test(steps_after_the_end_are_refused),
        cmocka_unit_test(start_up_check_passes),
        cmocka_unit_test(threads_share_an_identity),
        cmocka_unit_test(no_memory_anywhere),
        cmocka_unit_test(the_default_keytab_and_ccache_are_used),
    };
    return cmocka_run_group_tests_name("secure.gss.exchange", tests, lab_setup, lab_teardown);
}
