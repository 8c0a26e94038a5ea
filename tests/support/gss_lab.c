/* SPDX-License-Identifier: Apache-2.0 */
#include "support/gss_lab.h"

#include <krb5.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/temporary_folder.h"

static char directory[128];

extern void __lsan_disable(void) __attribute__((weak)); /* NOLINT(bugprone-reserved-identifier) */
extern void __lsan_enable(void) __attribute__((weak));  /* NOLINT(bugprone-reserved-identifier) */

void lab_leaks_begin(void) {
    if (__lsan_disable != NULL)
        __lsan_disable();
}

void lab_leaks_end(void) {
    if (__lsan_enable != NULL)
        __lsan_enable();
}

const char *lab_dir(void) {
    return directory;
}

const char *lab_path(const char *name) {
    static char paths[16][256];
    static unsigned next;
    char *path = paths[next++ % 16];
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

void lab_write(const char *path, const void *bytes, size_t len) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

size_t lab_read(const char *path, uint8_t *bytes, size_t size) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(bytes, 1, size, file);
    fclose(file);
    return len;
}

void lab_configure(const char *extra) {
    char text[2048];
    int n = snprintf(
        text, sizeof text,
        "[libdefaults]\n default_realm = %s\n dns_lookup_realm = false\n dns_lookup_kdc = false\n"
        " dns_canonicalize_hostname = false\n rdns = false\n udp_preference_limit = 1\n%s\n",
        LAB_REALM, extra);
    lab_write(lab_path("krb5.conf"), text, (size_t)n);
}

int lab_setup(void **state) {
    (void)state;
    if (temporary_folder("sealrpc-gss", directory, sizeof directory) != 0)
        return -1;
    lab_configure("");
    setenv("KRB5_CONFIG", lab_path("krb5.conf"), 1);
    char text[300];
    snprintf(text, sizeof text, "FILE:%s", lab_path("default.ccache"));
    setenv("KRB5CCNAME", text, 1);
    setenv("KRB5_KTNAME", lab_path("default.keytab"), 1);
    setenv("KRB5_CLIENT_KTNAME", lab_path("default-client.keytab"), 1);
    return 0;
}

int lab_setup_in_realm(void **state, lab_realm_files *ret_files) {
    static const char *const names[] = {"KRB5_CONFIG", "KRB5CCNAME", "KRB5_KTNAME",
                                        "KRB5_CLIENT_KTNAME"};
    char values[4][256];
    for (size_t i = 0; i < 4; i++) {
        const char *value = getenv(names[i]);
        if (value == NULL) {
            print_error("%s is not set: run this inside seal-realm\n", names[i]);
            return -1;
        }
        snprintf(values[i], sizeof values[i], "%s", value);
    }
    int rc = lab_setup(state);
    for (size_t i = 0; i < 4; i++)
        setenv(names[i], values[i], 1);
    memcpy(ret_files->krb5_conf, values[0], sizeof values[0]);
    memcpy(ret_files->service_keytab, values[2], sizeof values[2]);
    memcpy(ret_files->client_keytab, values[3], sizeof values[3]);
    return rc;
}

int lab_teardown(void **state) {
    (void)state;
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    return system(command) == 0 ? 0 : -1; /* NOLINT(cert-env33-c): the name is ours */
}

void lab_add_key(const char *keytab, const char *principal, unsigned kvno, const char *password) {
    lab_add_key_of_type(keytab, principal, kvno, password, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
}

void lab_add_key_of_type(const char *keytab, const char *principal, unsigned kvno,
                         const char *password, int32_t enctype) {
    krb5_context krb5 = NULL;
    krb5_keytab open = NULL;
    krb5_keytab_entry entry = {0};
    krb5_data salt = {0};
    krb5_data secret = {.length = (unsigned)strlen(password), .data = (char *)(uintptr_t)password};
    assert_int_equal(krb5_init_context(&krb5), 0);
    assert_int_equal(krb5_kt_resolve(krb5, keytab, &open), 0);
    assert_int_equal(krb5_parse_name(krb5, principal, &entry.principal), 0);
    assert_int_equal(krb5_principal2salt(krb5, entry.principal, &salt), 0);
    assert_int_equal(krb5_c_string_to_key(krb5, enctype, &secret, &salt, &entry.key), 0);
    entry.vno = kvno;
    assert_int_equal(krb5_kt_add_entry(krb5, open, &entry), 0);
    krb5_free_data_contents(krb5, &salt);
    krb5_free_keytab_entry_contents(krb5, &entry);
    krb5_kt_close(krb5, open);
    krb5_free_context(krb5);
}

const char *lab_keytab(void) {
    static char paths[64][256];
    static unsigned count;
    char *path = paths[count % 64];
    snprintf(path, sizeof paths[0], "%s/service-%u.keytab", directory, count);
    count++;
    lab_add_key(path, LAB_SERVICE, 2, "service password");
    return path;
}

const char *lab_ccache(void) {
    static char names[64][48];
    static unsigned count;
    char *name = names[count % 64];
    snprintf(name, sizeof names[0], "MEMORY:lab-%u", count++);
    return name;
}

void lab_drop_ccache(const char *ccache) {
    krb5_context krb5 = NULL;
    krb5_ccache cache = NULL;
    assert_int_equal(krb5_init_context(&krb5), 0);
    assert_int_equal(krb5_cc_resolve(krb5, ccache, &cache), 0);
    krb5_cc_destroy(krb5, cache);
    krb5_free_context(krb5);
}

void lab_mint_times(const char *keytab, const char *service, const char *ccache,
                    int64_t start_offset_s, int64_t lifetime_s) {
    seal__gss_mint_options options = {.keytab = keytab,
                                      .service = service,
                                      .client = LAB_ALICE,
                                      .ccache = ccache,
                                      .start_offset_s = start_offset_s,
                                      .lifetime_s = lifetime_s};
    seal_error *error = NULL;
    int rc = seal__gss_mint_ticket(&options, &error);
    if (rc != 0)
        print_error("mint: %s\n", seal_error_message(error));
    assert_int_equal(rc, 0);
}

void lab_mint(const char *keytab, const char *service, const char *ccache) {
    lab_mint_times(keytab, service, ccache, 0, 3600);
}

seal__gss_acceptor *lab_identity(const char *keytab, const char *principal,
                                 seal_mechanism mechanism) {
    const seal__gss_acceptor_options options = {.alloc = &seal__default_allocator,
                                                .principals = &principal,
                                                .n_principals = 1,
                                                .keytab = keytab,
                                                .mechanisms = &mechanism,
                                                .n_mechanisms = 1};
    seal__gss_acceptor *identity = NULL;
    assert_int_equal(seal__gss_acceptor_new(&options, &identity, NULL), 0);
    return identity;
}

void lab_pair_init(lab_pair *pair, const lab_options *options) {
    static const char *const usual[] = {LAB_SERVICE};
    seal_mechanism mechanism = options->mechanism == 0 ? SEAL_MECHANISM_KRB5 : options->mechanism;
    const char *target = options->target == NULL ? LAB_SERVICE : options->target;
    seal__gss_initiator_options initiator = {.alloc = &seal__default_allocator,
                                             .target = target,
                                             .ccache = options->ccache,
                                             .client_keytab = options->client_keytab,
                                             .client_principal = options->client_principal,
                                             .mechanism = mechanism,
                                             .fresh_ticket = options->fresh_ticket};
    seal__gss_acceptor_options acceptor = {
        .alloc = &seal__default_allocator,
        .principals = options->principals == NULL ? usual : options->principals,
        .n_principals = options->principals == NULL ? 1 : options->n_principals,
        .keytab = options->keytab,
        .mechanisms = &mechanism,
        .n_mechanisms = 1};
    memset(pair, 0, sizeof *pair);
    pair->initiator_rc = SEAL__MECH_CONTINUE;
    pair->acceptor_rc = SEAL__MECH_CONTINUE;
    assert_int_equal(seal__gss_initiator_new(&initiator, &pair->initiator, NULL), 0);
    if (options->identity != NULL)
        pair->identity = seal__gss_acceptor_ref(options->identity);
    else
        assert_int_equal(seal__gss_acceptor_new(&acceptor, &pair->identity, NULL), 0);
    const char *hello = options->hello == NULL ? target : options->hello;
    pair->acceptor_rc = seal__gss_acceptor_context(pair->identity, mechanism, hello,
                                                   &pair->acceptor, &pair->acceptor_error);
    if (pair->acceptor_rc == 0)
        pair->acceptor_rc = SEAL__MECH_CONTINUE;
}

int lab_step(lab_pair *pair, seal__mech *mech, const void *in, size_t len, seal_error **reterr) {
    seal__buf out;
    seal__buf_init(&out, &seal__default_allocator, (size_t)128 * 1024);
    int rc = mech->ops->step(mech, in, len, &out, reterr);
    if (out.len > 0) {
        assert_true(pair->n_tokens < LAB_TOKENS && out.len <= sizeof pair->tokens[0].bytes);
        lab_token *token = &pair->tokens[pair->n_tokens++];
        memcpy(token->bytes, out.data, out.len);
        token->len = out.len;
    }
    seal__buf_done(&out);
    return rc;
}

void lab_pair_run(lab_pair *pair) {
    const lab_token none = {.len = 0};
    bool initiators_turn = true;
    while (pair->n_tokens < LAB_TOKENS) {
        int *rc = initiators_turn ? &pair->initiator_rc : &pair->acceptor_rc;
        size_t before = pair->n_tokens;
        if (*rc != SEAL__MECH_CONTINUE)
            return;
        const lab_token *in = before == 0 ? &none : &pair->tokens[before - 1];
        if (initiators_turn)
            *rc = lab_step(pair, pair->initiator, in->bytes, in->len, &pair->initiator_error);
        else
            *rc = lab_step(pair, pair->acceptor, in->bytes, in->len, &pair->acceptor_error);
        if (pair->n_tokens == before)
            return;
        initiators_turn = !initiators_turn;
    }
}

void lab_pair_done(lab_pair *pair) {
    if (pair->initiator != NULL)
        pair->initiator->ops->free(pair->initiator);
    if (pair->acceptor != NULL)
        pair->acceptor->ops->free(pair->acceptor);
    seal__gss_acceptor_unref(pair->identity);
    seal_error_free(pair->initiator_error);
    seal_error_free(pair->acceptor_error);
    memset(pair, 0, sizeof *pair);
}

void lab_pair_establish(lab_pair *pair, const lab_options *options) {
    lab_pair_init(pair, options);
    lab_pair_run(pair);
    if (pair->initiator_rc != 0 || pair->acceptor_rc != 0)
        print_error("initiator %d: %s\nacceptor %d: %s\n", pair->initiator_rc,
                    seal_error_message(pair->initiator_error), pair->acceptor_rc,
                    seal_error_message(pair->acceptor_error));
    assert_int_equal(pair->initiator_rc, SEAL__MECH_DONE);
    assert_int_equal(pair->acceptor_rc, SEAL__MECH_DONE);
}

int lab_wrap(seal__mech *mech, bool conf, const char *text, lab_token *ret_token) {
    seal__buf out;
    seal__buf_init(&out, &seal__default_allocator, sizeof ret_token->bytes);
    int rc = mech->ops->wrap(mech, conf, (const uint8_t *)text, strlen(text), &out);
    ret_token->len = out.len;
    if (out.len > 0)
        memcpy(ret_token->bytes, out.data, out.len);
    seal__buf_done(&out);
    return rc;
}

int lab_unwrap(seal__mech *mech, bool conf, const lab_token *token, const char *expected) {
    seal__buf out;
    seal__buf_init(&out, &seal__default_allocator, sizeof token->bytes);
    int rc = mech->ops->unwrap(mech, conf, token->bytes, token->len, &out);
    if (rc == 0) {
        assert_int_equal(out.len, strlen(expected));
        assert_memory_equal(out.data, expected, out.len);
    } else {
        assert_int_equal(out.len, 0);
    }
    seal__buf_done(&out);
    return rc;
}

void lab_assert_error(seal_error *error, int code, ...) {
    const char *message = seal_error_message(error);
    va_list parts;
    va_start(parts, code);
    bool all = (int)seal_error_get_code(error) == code && strchr(message, '\n') == NULL;
    for (const char *part = va_arg(parts, const char *); part != NULL;
         part = va_arg(parts, const char *))
        all = all && strstr(message, part) != NULL;
    va_end(parts);
    if (!all)
        print_error("wanted %s, got %s: %s\n", seal_error_code_name(code),
                    seal_error_code_name((int)seal_error_get_code(error)), message);
    else if (getenv("LAB_VERBOSE") != NULL)
        print_message("    %s: %s\n", seal_error_code_name(code), message);
    assert_true(all);
}

const char *lab_usual_keytab;
const char *lab_usual_ccache;

int lab_setup_usual(void **state) {
    int rc = lab_setup(state);
    if (rc == 0) {
        lab_usual_keytab = lab_keytab();
        lab_usual_ccache = lab_ccache();
        lab_mint(lab_usual_keytab, LAB_SERVICE, lab_usual_ccache);
    }
    return rc;
}

int lab_teardown_usual(void **state) {
    lab_drop_ccache(lab_usual_ccache);
    return lab_teardown(state);
}

lab_options lab_usual(seal_mechanism mechanism) {
    return (lab_options){
        .mechanism = mechanism, .keytab = lab_usual_keytab, .ccache = lab_usual_ccache};
}

void lab_establish(lab_pair *pair, seal_mechanism mechanism) {
    lab_options options = lab_usual(mechanism);
    lab_pair_establish(pair, &options);
}
