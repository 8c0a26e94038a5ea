/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts as they stand in names, and names made and taken apart. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include <sealrpc/spn.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static char *repeat(char *at, char c, size_t n) {
    memset(at, c, n);
    at[n] = '\0';
    return at + n;
}

/* `n` bytes of labels of 63 bytes and one of the rest. */
static const char *long_name(char *text, size_t n) {
    char *at = text;
    for (size_t left = n; left > 0;) {
        size_t label = left < 63 ? left : 63;
        at = repeat(at, 'a', label);
        left -= label;
        if (left > 0) {
            *at++ = '.';
            left--;
        }
    }
    *at = '\0';
    return text;
}

/* ---- Hosts ---- */

static void good_host(const char *given, const char *wanted) {
    char host[SEAL_SPN_HOST_MAX];
    char again[SEAL_SPN_HOST_MAX];
    seal_error *error = NULL;
    int rc = seal_spn_normalize_host(given, host, &error);
    if (rc != 0)
        print_error("%s: %s\n", given, seal_error_message(error));
    seal_error_free(error);
    assert_int_equal(rc, 0);
    assert_string_equal(host, wanted);
    assert_int_equal(seal_spn_normalize_host(host, again, NULL), 0);
    assert_string_equal(again, host);
}

static void hosts(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"localhost", "localhost"},
        {"LocalHost", "localhost"},
        {"NODE1.Example.COM", "node1.example.com"},
        {"node1.example.com.", "node1.example.com"},
        {"a", "a"},
        {"a.", "a"},
        {"1", "1"},
        {"a_b.example", "a_b.example"},
        {"_kerberos._tcp.example", "_kerberos._tcp.example"},
        {"a-b--c.example", "a-b--c.example"},
        {"r3---sn.example", "r3---sn.example"},
        {"3com.com", "3com.com"},
        {"127.0.0.1", "127.0.0.1"},
        {"127.0.0.1.", "127.0.0.1"},
        {"255.255.255.255", "255.255.255.255"},
        {"b\xc3\xbc"
         "cher.example",
         "xn--bcher-kva.example"},
        {"B\xc3\x9c"
         "CHER.Example",
         "xn--bcher-kva.example"},
        {"xn--bcher-kva.example", "xn--bcher-kva.example"},
        {"XN--BCHER-KVA.EXAMPLE", "xn--bcher-kva.example"},
        /* u and a combining diaeresis */
        {"bu\xcc\x88"
         "cher.example",
         "xn--bcher-kva.example"},
        /* non-transitional: a sharp s stays one */
        {"fa\xc3\x9f.de", "xn--fa-hia.de"},
        {"\xe4\xbe\x8b\xe3\x81\x88.\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88", "xn--r8jz45g.xn--zckzah"},
        {"\xd0\xbf\xd1\x80\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80.example", "xn--e1afmkfd.example"},
        /* an ideographic full stop is a dot */
        {"a\xe3\x80\x82"
         "b",
         "a.b"},
        /* full-width letters */
        {"\xef\xbc\xa1"
         "b.example",
         "ab.example"},
        {"_x._tcp.b\xc3\xbc"
         "cher.example",
         "_x._tcp.xn--bcher-kva.example"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        good_host(cases[i][0], cases[i][1]);
}

static void ipv6_hosts(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"::1", "[::1]"},
        {"[::1]", "[::1]"},
        {"::", "[::]"},
        {"2001:DB8::1", "[2001:db8::1]"},
        {"[2001:0db8:0000:0000:0000:0000:0000:0001]", "[2001:db8::1]"},
        {"2001:db8:0:0:1:0:0:1", "[2001:db8::1:0:0:1]"},
        {"2001:db8:0:1:1:1:1:1", "[2001:db8:0:1:1:1:1:1]"},
        {"2001:0:0:1:0:0:0:1", "[2001:0:0:1::1]"},
        {"fe80::AbCd", "[fe80::abcd]"},
        {"::ffff:192.0.2.1", "[::ffff:192.0.2.1]"},
        {"::ffff:c000:201", "[::ffff:192.0.2.1]"},
        {"::1:2", "[::1:2]"},
        {"::100:0", "[::100:0]"},
        {"::1.2.3.4", "[::102:304]"},
        {"::2", "[::2]"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        good_host(cases[i][0], cases[i][1]);
}

static void bad_host(const char *given, const char *part) {
    char host[SEAL_SPN_HOST_MAX] = "untouched";
    seal_error *error = NULL;
    int rc = seal_spn_normalize_host(given, host, &error);
    if (rc == 0)
        print_error("accepted: %s as %s\n", given, host);
    assert_int_equal(rc, SEAL_ERROR_INVALID);
    assert_string_equal(host, "untouched");
    if (strstr(seal_error_message(error), part) == NULL)
        print_error("%s: %s\n", given, seal_error_message(error));
    assert_non_null(strstr(seal_error_message(error), part));
    seal_error_free(error);
    assert_int_equal(seal_spn_normalize_host(given, host, NULL), SEAL_ERROR_INVALID);
}

static void bad_hosts(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"", "empty"},
        {".", "empty label"},
        {"..", "empty label"},
        {"a..b", "empty label"},
        {".a", "empty label"},
        {"a..", "empty label"},
        {"-a", "hyphen"},
        {"a-", "hyphen"},
        {"a.-b.c", "hyphen"},
        {"a.b-.c", "hyphen"},
        {"a b", "character"},
        {" a", "character"},
        {"a\n", "character"},
        {"a/b", "character"},
        {"a@b", "character"},
        {"a\\b", "character"},
        {"*", "character"},
        {"*.example", "character"},
        {"a%b", "character"},
        {"a\x7f", "character"},
        {"host:80", "IPv6"},
        {"1.2.3.4:80", "IPv6"},
        {"[host]", "IPv6"},
        {"[127.0.0.1]", "IPv6"},
        {"[::1", "IPv6"},
        {"::1]", "IPv6"},
        {"[::1]:80", "IPv6"},
        {"[[::1]]", "IPv6"},
        {"[]", "IPv6"},
        {"[", "IPv6"},
        {":", "IPv6"},
        {":::", "IPv6"},
        {"1:2:3:4:5:6:7:8:9", "IPv6"},
        {"::12345", "IPv6"},
        {"::g", "IPv6"},
        {"fe80::1%eth0", "zone"},
        {"[fe80::1%1]", "zone"},
        /* not UTF-8 */
        {"\xff", "international"},
        {"\xc3", "international"},
        {"a\xc0\x80", "international"},
        /* no A-labels */
        {"xn--", "international"},
        {"xn--a", "international"},
        {"xn--99999999", "international"},
        {"xn--bcher-kva-", "international"},
        {"a.xn--a.b", "international"},
        /* of nothing but a soft hyphen, which is ignored */
        {"\xc2\xad", ""},
        /* a character that becomes "a/c" */
        {"\xe2\x84\x80.example", ""},
        /* a heart is no letter of IDNA 2008; a combining mark in front; a zero-width joiner */
        {"\xcc\x88"
         "a.example",
         "international"},
        {"a\xe2\x80\x8d"
         "b.example",
         "international"},
        /* right to left and a digit in front */
        {"0\xd7\x90.example", "international"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        bad_host(cases[i][0], cases[i][1]);
    bad_host(NULL, "empty");
}

static void lengths_of_hosts(void **state) {
    (void)state;
    char text[2000];
    char dotted[2002];
    repeat(text, 'a', 63);
    good_host(text, text);
    repeat(text, 'a', 64);
    bad_host(text, "63 bytes");
    good_host(long_name(text, 253), text);
    snprintf(dotted, sizeof dotted, "%s.", text);
    good_host(dotted, text);
    bad_host(long_name(text, 254), "253 bytes");
    bad_host(long_name(text, 255), "253 bytes");
    bad_host(long_name(text, 256), "253");
    bad_host(long_name(text, 1024), "253");
    bad_host(long_name(text, 1900), "253");
    /* An international label that is too long only as an A-label. */
    for (int i = 0; i < 60; i++)
        memcpy(text + (ptrdiff_t)2 * i, "\xc3\xbc", 3);
    bad_host(text, "");
}

/* ---- Making ---- */

static void makes(void **state) {
    (void)state;
    static const struct {
        const char *spn_class;
        const char *host;
        uint16_t port;
        const char *name;
        const char *wanted;
    } cases[] = {
        {"greeter", "localhost", 0, NULL, "greeter/localhost"},
        {"HTTP", "Node1.Example.com.", 0, NULL, "HTTP/node1.example.com"},
        {"http", "node1", 8080, NULL, "http/node1:8080"},
        {"sealrpc", "node1", 65535, "bank.Ledger", "sealrpc/node1:65535/bank.Ledger"},
        {"sealrpc", "node1", 0, "bank.Ledger", "sealrpc/node1/bank.Ledger"},
        {"a.b-c_D9", "10.0.0.1", 1, NULL, "a.b-c_D9/10.0.0.1:1"},
        {"a", "2001:DB8::1", 0, NULL, "a/[2001:db8::1]"},
        {"a", "[::1]", 7, "x", "a/[::1]:7/x"},
        {"a",
         "b\xc3\xbc"
         "cher.example",
         0, NULL, "a/xn--bcher-kva.example"},
        {"a", "h", 0, "!\"#$%&'()*+,-.0:;<=>?A[]^_`a{|}~", "a/h/!\"#$%&'()*+,-.0:;<=>?A[]^_`a{|}~"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char spn[SEAL_SPN_MAX];
        char host[SEAL_SPN_HOST_MAX];
        seal_spn parts;
        assert_int_equal(seal_spn_make(cases[i].spn_class, cases[i].host, cases[i].port,
                                       cases[i].name, spn, NULL),
                         0);
        assert_string_equal(spn, cases[i].wanted);
        assert_int_equal(seal_spn_parse(spn, &parts, NULL), 0);
        assert_int_equal(seal_spn_normalize_host(cases[i].host, host, NULL), 0);
        assert_string_equal(parts.spn_class, cases[i].spn_class);
        assert_string_equal(parts.host, host);
        assert_int_equal(parts.port, cases[i].port);
        assert_string_equal(parts.name, cases[i].name != NULL ? cases[i].name : "");
        assert_string_equal(parts.realm, "");
    }
}

static void makes_the_longest(void **state) {
    (void)state;
    char spn_class[64];
    char host[300];
    char name[300];
    char spn[SEAL_SPN_MAX];
    seal_spn parts;
    repeat(spn_class, 'c', 63);
    long_name(host, 253);
    repeat(name, 'n', 255);
    assert_int_equal(seal_spn_make(spn_class, host, 65535, name, spn, NULL), 0);
    assert_int_equal(strlen(spn), 63 + 1 + 253 + 6 + 1 + 255);
    assert_int_equal(seal_spn_parse(spn, &parts, NULL), 0);
    assert_string_equal(parts.host, host);
    assert_string_equal(parts.name, name);
}

static void bad_make(const char *spn_class, const char *host, const char *name, const char *part) {
    char spn[SEAL_SPN_MAX] = "untouched";
    seal_error *error = NULL;
    int rc = seal_spn_make(spn_class, host, 0, name, spn, &error);
    if (rc == 0 || strstr(seal_error_message(error), part) == NULL)
        print_error("%s: %s\n", spn, seal_error_message(error));
    assert_int_equal(rc, SEAL_ERROR_INVALID);
    assert_non_null(strstr(seal_error_message(error), part));
    assert_string_equal(spn, "untouched");
    seal_error_free(error);
}

static void bad_makes(void **state) {
    (void)state;
    char text[300];
    bad_make(NULL, "h", NULL, "class");
    bad_make("", "h", NULL, "class");
    bad_make("a/b", "h", NULL, "class");
    bad_make("a@b", "h", NULL, "class");
    bad_make("a b", "h", NULL, "class");
    bad_make("a:b", "h", NULL, "class");
    bad_make("\xc3\xbc", "h", NULL, "class");
    repeat(text, 'c', 64);
    bad_make(text, "h", NULL, "class");
    bad_make("a", NULL, NULL, "host");
    bad_make("a", "", NULL, "host");
    bad_make("a", "h/i", NULL, "host");
    bad_make("a", "h:1", NULL, "host");
    bad_make("a", "h", "", "third part");
    bad_make("a", "h", "x y", "third part");
    bad_make("a", "h", "x/y", "third part");
    bad_make("a", "h", "x@y", "third part");
    bad_make("a", "h", "x\\y", "third part");
    bad_make("a", "h", "x\n", "third part");
    bad_make("a", "h", "x\x7f", "third part");
    bad_make("a", "h", "\xc3\xbc", "third part");
    repeat(text, 'n', 256);
    bad_make("a", "h", text, "third part");
}

/* ---- Taking apart ---- */

static void parses(void **state) {
    (void)state;
    static const struct {
        const char *text;
        seal_spn wanted;
    } cases[] = {
        {"a/h", {.spn_class = "a", .host = "h"}},
        {"a/h@R", {.spn_class = "a", .host = "h", .realm = "R"}},
        {"a/H.Example@EXAMPLE.com",
         {.spn_class = "a", .host = "h.example", .realm = "EXAMPLE.com"}},
        {"A/h:1", {.spn_class = "A", .host = "h", .port = 1}},
        {"a/h:65535/n@R",
         {.spn_class = "a", .host = "h", .port = 65535, .name = "n", .realm = "R"}},
        {"a/h/n:x", {.spn_class = "a", .host = "h", .name = "n:x"}},
        {"a/[::1]", {.spn_class = "a", .host = "[::1]"}},
        {"a/[0::1]:5/n", {.spn_class = "a", .host = "[::1]", .port = 5, .name = "n"}},
        {"a/1.2.3.4:5", {.spn_class = "a", .host = "1.2.3.4", .port = 5}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        seal_spn spn;
        memset(&spn, 0x5a, sizeof spn);
        assert_int_equal(seal_spn_parse(cases[i].text, &spn, NULL), 0);
        assert_string_equal(spn.spn_class, cases[i].wanted.spn_class);
        assert_string_equal(spn.host, cases[i].wanted.host);
        assert_int_equal(spn.port, cases[i].wanted.port);
        assert_string_equal(spn.name, cases[i].wanted.name);
        assert_string_equal(spn.realm, cases[i].wanted.realm);
    }
}

static void bad_parse(const char *text) {
    seal_spn spn = {.port = 4711};
    seal_error *error = NULL;
    int rc = seal_spn_parse(text, &spn, &error);
    if (rc == 0)
        print_error("accepted: %s\n", text);
    assert_int_equal(rc, SEAL_ERROR_INVALID);
    assert_int_equal(spn.port, 4711);
    assert_non_null(strstr(seal_error_message(error), "expected class/host"));
    assert_null(strchr(seal_error_message(error), '\n'));
    seal_error_free(error);
    assert_int_equal(seal_spn_parse(text, &spn, NULL), SEAL_ERROR_INVALID);
}

static void bad_parses(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",           "a",         "a@h",         "alice@R",  "/",          "/h",
        "a/",         "a//n",      "a/h/",        "a/h/n/x",  "a/h//",      "a/h@",
        "a/h@R@S",    "a/h@R/x",   "a/h@R S",     "a/h:@R",   "a/h:0",      "a/h:65536",
        "a/h:x",      "a/h:-1",    "a/h:+1",      "a/h:01",   "a/h:1:2",    "a/h:99999999999",
        "a/h: 1",     "a/::1",     "a/[::1",      "a/[::1]x", "a/[::1]x:5", "a/[::1]:",
        "a/[::1]:5x", "a/[h]",     "a b/h",       "a/h h",    "a/h/n n",    "a/-h",
        "a/h..i",     "a/h\\@b",   "a\\/b/h",     "a/h/n\\x", "a:b/h",      "@R",
        "a/@R",       "a/h/@R",    "\xc3\xbc/h",  "a/h\n",    "a/h@R\n",    "a/h@\xc3\xbc",
        "a/:5",       "a/xn--a:5", "a/fe80::1%1", "a/h/n@R@", " a/h",       "a/h ",
    };
    for (size_t i = 0; i < COUNT(texts); i++)
        bad_parse(texts[i]);
    bad_parse(NULL);
    char text[3000] = "a/h@";
    repeat(text + 4, 'R', 255);
    seal_spn spn;
    assert_int_equal(seal_spn_parse(text, &spn, NULL), 0);
    repeat(text + 4, 'R', 256);
    bad_parse(text);
    repeat(text + 4, 'R', 2000);
    bad_parse(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts),      cmocka_unit_test(ipv6_hosts),
        cmocka_unit_test(bad_hosts),  cmocka_unit_test(lengths_of_hosts),
        cmocka_unit_test(makes),      cmocka_unit_test(makes_the_longest),
        cmocka_unit_test(bad_makes),  cmocka_unit_test(parses),
        cmocka_unit_test(bad_parses),
    };
    return cmocka_run_group_tests_name("naming.spn", tests, NULL, NULL);
}
