/* SPDX-License-Identifier: Apache-2.0 */
/* Targets as users write them. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "naming/target.h"
#include "support/failing_alloc.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Everything of a target in one line. */
static void append(char *line, size_t size, const char *text) {
    size_t len = strlen(line);
    snprintf(line + len, size - len, "%s", text);
}

static void describe_address(const seal__address *a, char *line, size_t size) {
    char text[400];
    if (a->is_unix)
        snprintf(text, sizeof text, " unix:%s%s", a->un.sun_path[0] == '\0' ? "@" : "",
                 a->un.sun_path + (a->un.sun_path[0] == '\0' ? 1 : 0));
    else
        snprintf(text, sizeof text, " %s%s %u", a->is_literal ? "=" : "", a->host, a->port);
    append(line, size, text);
}

static void describe(const seal__target *target, char *line, size_t size) {
    static const char *const schemes[] = {"static", "dns", "ldap"};
    char text[1200];
    snprintf(line, size, "%s", schemes[target->scheme]);
    for (size_t i = 0; i < target->n_addresses; i++)
        describe_address(&target->addresses[i], line, size);
    if (target->n_servers > 0)
        append(line, size, " at");
    for (size_t i = 0; i < target->n_servers; i++)
        describe_address(&target->servers[i], line, size);
    if (target->name == NULL)
        return;
    snprintf(text, sizeof text, " name %s srv %s base %s poll %u timeout %u", target->name,
             target->srv_name != NULL ? target->srv_name : "-",
             target->base != NULL ? target->base : "-", target->poll_s, target->timeout_s);
    append(line, size, text);
}

static void good(const char *text, const char *wanted) {
    seal__target target;
    seal_error *error = NULL;
    char line[8192];
    int rc = seal__target_parse(text, &seal__default_allocator, &target, &error);
    if (rc != 0)
        print_error("%s: %s\n", text, seal_error_message(error));
    seal_error_free(error);
    assert_int_equal(rc, 0);
    assert_string_equal(target.text, text);
    describe(&target, line, sizeof line);
    assert_string_equal(line, wanted);
    seal__target_done(&target);
    seal__target_done(&target);
}

static void addresses(void **state) {
    (void)state;
    good("localhost:1", "static localhost 1");
    good("LocalHost:65535", "static localhost 65535");
    good("host.example.:7", "static host.example. 7");
    good("127.0.0.1:7", "static =127.0.0.1 7");
    good("[::1]:7", "static =::1 7");
    good("unix:/run/x", "static unix:/run/x");
    good("unix:@x", "static unix:@x");
    good("unix:///run/x", "static unix:///run/x");
    good("b\xc3\xbc"
         "cher.example:7",
         "static xn--bcher-kva.example 7");
}

static void lists(void **state) {
    (void)state;
    good("seal:///a:1", "static a 1");
    good("seal:///a:1,b:2,[::1]:3,1.2.3.4:4", "static a 1 b 2 =::1 3 =1.2.3.4 4");
    good("seal:///a:1,a:1", "static a 1 a 1");
    good("seal:///%61:1%32", "static a 12");
    good("seal:///unix:/run/x,unix:@y,unix:/a%2Cb", "static unix:/run/x unix:@y unix:/a,b");
    good("seal:///%5b::1%5D:7", "static =::1 7");
    char text[1000] = "seal:///";
    char wanted[2000] = "static";
    char part[32];
    for (int i = 1; i <= SEAL__TARGET_ADDRESSES; i++) {
        snprintf(part, sizeof part, "%sh:%d", i > 1 ? "," : "", i);
        append(text, sizeof text, part);
        snprintf(part, sizeof part, " h %d", i);
        append(wanted, sizeof wanted, part);
    }
    good(text, wanted);
}

static void dns(void **state) {
    (void)state;
    good("dns:///example.com",
         "dns name example.com srv _sealrpc._tcp.example.com base - poll 0 timeout 0");
    good("dns:///Example.COM.",
         "dns name example.com srv _sealrpc._tcp.example.com base - poll 0 timeout 0");
    good("dns:///corp", "dns name corp srv _sealrpc._tcp.corp base - poll 0 timeout 0");
    good("dns:///_X._tcp.example.com",
         "dns name example.com srv _x._tcp.example.com base - poll 0 timeout 0");
    good("dns:///_a._b._tcp.example.com",
         "dns name example.com srv _a._b._tcp.example.com base - poll 0 timeout 0");
    good("dns://127.0.0.1/e.x",
         "dns at =127.0.0.1 0 name e.x srv _sealrpc._tcp.e.x base - poll 0 timeout 0");
    good("dns://127.0.0.1:5353,[::1]:53,[fe80::1]/e.x",
         "dns at =127.0.0.1 5353 =::1 53 =fe80::1 0 name e.x srv _sealrpc._tcp.e.x base - poll 0 "
         "timeout 0");
    good("dns:///%65.x", "dns name e.x srv _sealrpc._tcp.e.x base - poll 0 timeout 0");
    good("dns:///b\xc3\xbc"
         "cher.example",
         "dns name xn--bcher-kva.example srv _sealrpc._tcp.xn--bcher-kva.example base - poll 0 "
         "timeout 0");
    good(
        "dns:///_s._udp.b%c3%bccher.example",
        "dns name xn--bcher-kva.example srv _s._udp.xn--bcher-kva.example base - poll 0 timeout 0");
}

static void ldap(void **state) {
    (void)state;
    good("ldap:///demo.Greeter", "ldap name demo.Greeter srv - base - poll 0 timeout 0");
    good("ldap://dc1/Greeter", "ldap at dc1 0 name Greeter srv - base - poll 0 timeout 0");
    good("ldap://DC1.example:1389,127.0.0.1,[::1]:7/g",
         "ldap at dc1.example 1389 =127.0.0.1 0 =::1 7 name g srv - base - poll 0 timeout 0");
    good("ldap:///g?base=dc=example,dc=com",
         "ldap name g srv - base dc=example,dc=com poll 0 timeout 0");
    good("ldap:///g?poll=5&base=ou=a%20b%26c,dc=x&timeout=600",
         "ldap name g srv - base ou=a b&c,dc=x poll 5 timeout 600");
    good("ldap:///g?poll=86400", "ldap name g srv - base - poll 86400 timeout 0");
    good("ldap:///g%2Eh", "ldap name g.h srv - base - poll 0 timeout 0");
    good("ldap:///g?base=cn=m\xc3\xbcller",
         "ldap name g srv - base cn=m\xc3\xbcller poll 0 timeout 0");
    good("ldap://a,b,c,d,e,f,g,h/s",
         "ldap at a 0 b 0 c 0 d 0 e 0 f 0 g 0 h 0 name s srv - base - poll 0 timeout 0");
}

static void bad(const char *text) {
    seal__target target;
    seal_error *error = NULL;
    int rc = seal__target_parse(text, &seal__default_allocator, &target, &error);
    if (rc == 0)
        print_error("accepted: %s\n", text);
    assert_int_equal(rc, SEAL_ERROR_INVALID);
    assert_int_equal(seal_error_get_code(error), SEAL_ERROR_INVALID);
    assert_non_null(strstr(seal_error_message(error), "expected "));
    assert_null(strchr(seal_error_message(error), '\n'));
    seal_error_free(error);
    assert_int_equal(seal__target_parse(text, &seal__default_allocator, &target, NULL),
                     SEAL_ERROR_INVALID);
}

static void bad_targets(void **state) {
    (void)state;
    static const char *const texts[] = {
        "", ":", "host", "host:", ":1", "host:0", "host:65536", "host:x", "*:1", "[::1]", "::1",
        "http://host:1", "http:///host:1", "dns:example.com", "dns:/example.com", "ldap:/x",
        "seal:host:1", "SEAL:///a:1", "unix:", "host:1\n", "ho\tst:1", "\x01", "b\xc3:1", "\xff:1",
        "b\xc3\xbc\xc3:1",
        /* lists */
        "seal://", "seal:///", "seal://a:1", "seal://a:1/", "seal://a/b:1", "seal:///a",
        "seal:///a:0", "seal:///a:1,", "seal:///,a:1", "seal:///a:1,,b:1", "seal:///a:1 ,b:1",
        "seal:///a:1?x=y", "seal:///a:1/b:2", "seal:///a:%", "seal:///a:%3", "seal:///a:%zz",
        "seal:///a:1%00", "seal:///a:1%0a", "seal:///*:1", "seal:///unix:", "seal:///%ff:1",
        /* DNS */
        "dns://", "dns:///", "dns://example.com", "dns:///example.com:53", "dns:///a..b",
        "dns:///-a", "dns:///a b", "dns:///a/b", "dns:///1.2.3.4", "dns:///::1", "dns:///[::1]",
        "dns:///_tcp.x", "dns:///_a._tcp", "dns:///_a._tcp.", "dns:///_a", "dns:///.",
        "dns:///_a b._tcp.x", "dns:///a?b=c", "dns:///a#b", "dns://ns.example/x", "dns://:53/x",
        "dns://1.2.3.4:0/x", "dns://1.2.3.4:/x", "dns://1.2.3.4:65536/x", "dns://::1/x",
        "dns://[::1/x", "dns://,/x", "dns://1.2.3.4,/x", "dns://unix:@x/x", "dns://1.2.3.4:1:2/x",
        "dns:///%", "dns:///a%00b",
        "dns://1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1/x",
        "dns://a@1.2.3.4/x", "dns://*/x", "dns:///xn--a",
        /* LDAP */
        "ldap://", "ldap:///", "ldap://dc1", "ldap:///a b", "ldap:///a/b", "ldap:///a*",
        "ldap:///(a)", "ldap:///a?", "ldap:///a?base", "ldap:///a?base=", "ldap:///a?=x",
        "ldap:///a?x=y", "ldap:///a?poll=0", "ldap:///a?poll=-1", "ldap:///a?poll=x",
        "ldap:///a?poll=86401", "ldap:///a?poll=4294967297", "ldap:///a?poll=1&poll=2",
        "ldap:///a?timeout=601", "ldap:///a?timeout=", "ldap:///a?base=x&base=y",
        "ldap:///a?base=x&", "ldap:///a?&base=x", "ldap:///a?base=%00", "ldap:///a?base=%e",
        "ldap:///a?base=%ff", "ldap:///?base=x", "ldap://*/a", "ldap://a:0/x", "ldap://a b/x",
        "ldap://a,,b/x", "ldap://unix:@x/x", "ldap://a,b,c,d,e,f,g,h,i/s",
        "ldap:///a?longer-than-any-key=1"};
    for (size_t i = 0; i < COUNT(texts); i++)
        bad(texts[i]);
    bad(NULL);
}

static void reasons(void **state) {
    (void)state;
    static const char *const texts[][2] = {{"seal:///", "\"\" is empty"},
                                           {"seal:///a:1,,b:2", "\"\" is empty"},
                                           {"ldap:///a%2", "'%' without two hexadecimal digits"},
                                           {"ldap:///a%07", "control characters"},
                                           {"ldap:///a%ff", "not UTF-8"}};
    for (size_t i = 0; i < COUNT(texts); i++) {
        seal__target target;
        seal_error *error = NULL;
        assert_int_equal(seal__target_parse(texts[i][0], &seal__default_allocator, &target, &error),
                         SEAL_ERROR_INVALID);
        if (strstr(seal_error_message(error), texts[i][1]) == NULL)
            fail_msg("%s", seal_error_message(error));
        seal_error_free(error);
    }
}

static void too_long(void **state) {
    (void)state;
    char *text = malloc(40000);
    assert_non_null(text);
    memset(text, 'a', 40000);
    text[39999] = '\0';
    bad(text);
    memcpy(text, "dns:///", 7);
    bad(text);
    text[7 + 300] = '\0';
    bad(text);
    text[2000] = 'a';
    memcpy(text, "ldap:///", 8);
    text[8 + 256] = '\0';
    bad(text);
    text[8 + 255] = '\0';
    seal__target target;
    assert_int_equal(seal__target_parse(text, &seal__default_allocator, &target, NULL), 0);
    seal__target_done(&target);
    memset(text, 'a', 2000);
    memcpy(text, "ldap:///x?base=", 15);
    text[15 + 1024] = '\0';
    bad(text);
    text[15 + 1023] = '\0';
    assert_int_equal(seal__target_parse(text, &seal__default_allocator, &target, NULL), 0);
    assert_int_equal(strlen(target.base), 1023);
    seal__target_done(&target);
    memcpy(text, "seal:///h:1", 12);
    for (int i = 0; i < SEAL__TARGET_ADDRESSES; i++)
        append(text, 2000, ",h:1");
    bad(text);
    /* 253 bytes with the prefix, and one more */
    memset(text, 'a', 2000);
    memcpy(text, "dns:///", 7);
    for (int i = 63; i < 239; i += 64)
        text[7 + i] = '.';
    text[7 + 239] = '\0';
    assert_int_equal(seal__target_parse(text, &seal__default_allocator, &target, NULL), 0);
    assert_int_equal(strlen(target.srv_name), 253);
    seal__target_done(&target);
    text[7 + 239] = 'a';
    text[7 + 240] = '\0';
    bad(text);
    free(text);
}

static void without_memory(void **state) {
    (void)state;
    static const char *const texts[] = {"a:1", "seal:///a:1,b:2", "dns:///_a._tcp.b",
                                        "ldap://a/b?base=c"};
    failing_alloc failing;
    failing_alloc_init(&failing);
    for (size_t i = 0; i < COUNT(texts); i++) {
        int rc = SEAL_ERROR_NO_MEMORY;
        for (size_t n = 1; rc != 0; n++) {
            seal__target target;
            seal_error *error = NULL;
            assert_true(n < 10);
            failing_alloc_fail_at(&failing, n, true);
            rc = seal__target_parse(texts[i], &failing.allocator, &target, &error);
            assert_int_equal(rc, rc == 0 ? 0 : SEAL_ERROR_NO_MEMORY);
            assert_int_equal(seal_error_get_code(error), rc);
            seal_error_free(error);
            if (rc == 0)
                seal__target_done(&target);
            assert_int_equal(failing.live, 0);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),   cmocka_unit_test(lists),          cmocka_unit_test(dns),
        cmocka_unit_test(ldap),        cmocka_unit_test(reasons),        cmocka_unit_test(too_long),
        cmocka_unit_test(bad_targets), cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests_name("naming.target", tests, NULL, NULL);
}
