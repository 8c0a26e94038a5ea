/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/gss/gss_internal.h"
#include "support/gss_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_complete(const char *text, const char *expected) {
    char *full = NULL;
    int rc = seal__gss_complete_principal(&seal__default_allocator, text, &full, NULL);
    if (expected == NULL) {
        assert_true(rc < 0);
        assert_null(full);
        return;
    }
    assert_int_equal(rc, 0);
    assert_string_equal(full, expected);
    free(full);
}

static void completion(void **state) {
    (void)state;
    lab_configure("[domain_realm]\n .far.example = FAR.TEST\n one.example = ONE.TEST\n");
    assert_complete("greeter/localhost", "greeter/localhost@SEALRPC.TEST");
    assert_complete("greeter/localhost:4711", "greeter/localhost:4711@SEALRPC.TEST");
    assert_complete("greeter/localhost:4711/a.b.c", "greeter/localhost:4711/a.b.c@SEALRPC.TEST");
    assert_complete("greeter/x.far.example", "greeter/x.far.example@FAR.TEST");
    assert_complete("greeter/x.far.example:1/n", "greeter/x.far.example:1/n@FAR.TEST");
    assert_complete("greeter/one.example@OTHER", "greeter/one.example@OTHER");
    assert_complete("alice", "alice@SEALRPC.TEST");
    assert_complete("al\\@ice", "al\\@ice@SEALRPC.TEST");
    assert_complete("HOST$@AD.TEST", "HOST$@AD.TEST");
    assert_complete("a@b@c", NULL);
    lab_configure("");
}

static void matching(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"a/b@R", "a/b@R", true},   {"a/b@R", "a/b", true},    {"a/b", "a/b", true},
        {"a/b@R", "a/b@S", false},  {"a/b@R", "a/c@R", false}, {"a/b", "a/bc", false},
        {"a/b@", "a/b@R", false},   {"", "a/b", false},        {"a/B@R", "a/b@R", false},
        {"a\\@b@R", "a\\@b", true}, {"a\\@b", "a@b", false},   {"a/b@R", "a/b@RR", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(seal__gss_principal_may_be(cases[i].a, cases[i].b), cases[i].same);
        assert_int_equal(seal__gss_principal_may_be(cases[i].b, cases[i].a), cases[i].same);
    }
}

static void realm_mark(void **state) {
    (void)state;
    assert_string_equal(seal__gss_realm_mark("a/b@R"), "@R");
    assert_string_equal(seal__gss_realm_mark("a\\@b@R"), "@R");
    assert_string_equal(seal__gss_realm_mark("a/b"), "");
    assert_string_equal(seal__gss_realm_mark("a\\"), "");
}

static void mechanism_texts(void **state) {
    (void)state;
    static gss_OID_desc one = {3, (void *)(uintptr_t) "\x2a\x86\x48"};
    static gss_OID_desc large = {4, (void *)(uintptr_t) "\x88\x37\x83\x01"};
    char text[64];
    seal__gss_oid_text(seal__gss_mechanism_oid(SEAL_MECHANISM_KRB5), text, sizeof text);
    assert_string_equal(text, "krb5");
    seal__gss_oid_text(seal__gss_mechanism_oid(SEAL_MECHANISM_NTLM), text, sizeof text);
    assert_string_equal(text, "ntlm");
    seal__gss_oid_text(seal__gss_mechanism_oid(SEAL_MECHANISM_SPNEGO), text, sizeof text);
    assert_string_equal(text, "1.3.6.1.5.5.2");
    seal__gss_oid_text(&one, text, sizeof text);
    assert_string_equal(text, "1.2.840");
    seal__gss_oid_text(&large, text, sizeof text);
    assert_string_equal(text, "2.999.385");
    seal__gss_oid_text(NULL, text, sizeof text);
    assert_string_equal(text, "none");
    char tiny[4];
    seal__gss_oid_text(&one, tiny, sizeof tiny);
    assert_string_equal(tiny, "1.2");
}

static void assert_der(const seal__der *der, const char *expected, size_t len) {
    assert_false(der->failed);
    assert_int_equal(sizeof der->bytes - der->at, len);
    assert_memory_equal(der->bytes + der->at, expected, len);
}

static void der(void **state) {
    (void)state;
    static const struct {
        int64_t value;
        const char *bytes;
        size_t len;
    } integers[] = {
        {0, "\x02\x01\x00", 3},        {1, "\x02\x01\x01", 3},
        {127, "\x02\x01\x7f", 3},      {128, "\x02\x02\x00\x80", 4},
        {255, "\x02\x02\x00\xff", 4},  {256, "\x02\x02\x01\x00", 4},
        {-1, "\x02\x01\xff", 3},       {-128, "\x02\x01\x80", 3},
        {-129, "\x02\x02\xff\x7f", 4}, {65536, "\x02\x03\x01\x00\x00", 5},
    };
    static seal__der d;
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        seal__der_init(&d);
        seal__der_integer(&d, integers[i].value);
        assert_der(&d, integers[i].bytes, integers[i].len);
    }
    seal__der_init(&d);
    seal__der_time(&d, 0);
    assert_der(&d,
               "\x18\x0f"
               "19700101000000Z",
               17);
    seal__der_init(&d);
    seal__der_bits32(&d, 0x40000001);
    assert_der(&d, "\x03\x05\x00\x40\x00\x00\x01", 7);
    static const uint8_t long_content[300];
    seal__der_init(&d);
    seal__der_string(&d, 0x04, long_content, 200);
    assert_memory_equal(d.bytes + d.at, "\x04\x81\xc8", 3);
    seal__der_init(&d);
    seal__der_string(&d, 0x04, long_content, 300);
    assert_memory_equal(d.bytes + d.at, "\x04\x82\x01\x2c", 4);
    for (int i = 0; i < 20; i++)
        seal__der_string(&d, 0x04, long_content, 300);
    assert_true(d.failed);
}

/* A minted ticket must be what libkrb5's own decoder reads. */
static void minted_ticket_decodes(void **state) {
    (void)state;
    const char *keytab = lab_keytab();
    const char *ccache = lab_ccache();
    lab_mint(keytab, LAB_SERVICE, ccache);
    int32_t enctype = 0;
    assert_int_equal(seal__gss_ticket_kvno(ccache, LAB_SERVICE, &enctype), 2);
    assert_int_equal(enctype, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    assert_int_equal(seal__gss_keytab_kvno(keytab, LAB_SERVICE), 2);
    char text[256];
    seal__gss_ccache_principal(ccache, text, sizeof text);
    assert_string_equal(text, LAB_ALICE);
    seal__gss_keytab_contents(keytab, text, sizeof text);
    assert_string_equal(text, LAB_SERVICE " kvno 2");
    lab_drop_ccache(ccache);
    assert_int_equal(seal__gss_ticket_kvno(ccache, LAB_SERVICE, &enctype), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(completion), cmocka_unit_test(matching),
        cmocka_unit_test(realm_mark), cmocka_unit_test(mechanism_texts),
        cmocka_unit_test(der),        cmocka_unit_test(minted_ticket_decodes),
    };
    return cmocka_run_group_tests_name("secure.gss.names", tests, lab_setup, lab_teardown);
}
