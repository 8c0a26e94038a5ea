/* SPDX-License-Identifier: Apache-2.0 */
/* Connection points as entries, names of entries, filters. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "naming/scp.h"

#define DN "cn=seal-7001,cn=node1.example.com,ou=Accounts,dc=example,dc=com"

typedef struct parts {
    const char *host;
    const char *type;
    const char *binding[2];
    const char *keywords[3];
    const char *spn_class;
} parts;

static int parse(const parts *p, seal__scp *scp, seal_error **error) {
    seal__directory_attribute attributes[5];
    size_t n = 0;
    size_t n_keywords = 0;
    while (n_keywords < 3 && p->keywords[n_keywords] != NULL)
        n_keywords++;
    if (p->host != NULL)
        attributes[n++] = (seal__directory_attribute){"SERVICEdnsname", 1, &p->host};
    if (p->type != NULL)
        attributes[n++] = (seal__directory_attribute){"serviceDNSNameType", 1, &p->type};
    if (p->binding[0] != NULL)
        attributes[n++] = (seal__directory_attribute){"serviceBindingInformation",
                                                      p->binding[1] == NULL ? 1 : 2, p->binding};
    if (p->spn_class != NULL)
        attributes[n++] = (seal__directory_attribute){"serviceClassName", 1, &p->spn_class};
    attributes[n++] = (seal__directory_attribute){"keywords", n_keywords, p->keywords};
    const seal__directory_entry entry = {DN, n, attributes};
    return seal__scp_parse(&entry, scp, error);
}

static void right(const parts *p, seal__scp *scp) {
    seal_error *error = NULL;
    int rc = parse(p, scp, &error);
    if (rc != 0)
        print_error("%s\n", seal_error_message(error));
    assert_int_equal(rc, 0);
}

static void wrong(const parts *p, const char *part) {
    static seal__scp scp;
    seal_error *error = NULL;
    assert_int_equal(parse(p, &scp, &error), SEAL_ERROR_INVALID);
    if (strstr(seal_error_message(error), part) == NULL ||
        strstr(seal_error_message(error), DN) == NULL)
        fail_msg("%s: %s", part, seal_error_message(error));
    seal_error_free(error);
    assert_int_equal(parse(p, &scp, NULL), SEAL_ERROR_INVALID);
}

static void takes_entries_apart(void **state) {
    (void)state;
    static seal__scp scp;
    right(&(parts){.host = "Node1.Example.COM.",
                   .type = "A",
                   .binding = {"port=7001;proto=sealrpc/1"},
                   .spn_class = "greeter",
                   .keywords = {SEAL__SCP_PRODUCT_GUID, "bank.Ledger", "bank.Audit"}},
          &scp);
    assert_string_equal(scp.dn, DN);
    assert_string_equal(scp.host, "node1.example.com");
    assert_string_equal(scp.spn_class, "greeter");
    assert_int_equal(scp.port, 7001);
    assert_int_equal(scp.priority, 0);
    assert_int_equal(scp.weight, 0);
    assert_int_equal(scp.n_services, 2);
    assert_string_equal(scp.services[0], "bank.Ledger");
    assert_string_equal(scp.services[1], "bank.Audit");
}

static void binding_in_any_order(void **state) {
    (void)state;
    static seal__scp scp;
    right(
        &(parts){
            .host = "h",
            .binding = {"weight=65535 ; color=blue;;proto=SEALRPC/1; Priority = 10 ;x;port=1;"},
            .keywords = {"Two words", "a/b"}},
        &scp);
    assert_int_equal(scp.port, 1);
    assert_int_equal(scp.priority, 10);
    assert_int_equal(scp.weight, 65535);
    assert_int_equal(scp.n_services, 0);
    assert_string_equal(scp.spn_class, "");
    right(&(parts){.host = "h", .binding = {"port=0;proto=http", "port=2;proto=sealrpc/1"}}, &scp);
    assert_int_equal(scp.port, 2);
}

static void wrong_entries(void **state) {
    (void)state;
    static const char *const bindings[][2] = {
        {"proto=sealrpc/1", "no port"},
        {"port=0;proto=sealrpc/1", "port is none"},
        {"port=70000;proto=sealrpc/1", "port is none"},
        {"port=4294967297;proto=sealrpc/1", "port is none"},
        {"port=-1;proto=sealrpc/1", "port is none"},
        {"port=;proto=sealrpc/1", "port is none"},
        {"port=1 2;proto=sealrpc/1", "port is none"},
        {"port=1;port=2;proto=sealrpc/1", "port is none"},
        {"port=1;proto=sealrpc/1;proto=sealrpc/1", "two protocols"},
        {"port=1;proto=sealrpc/2", "protocol"},
        {"port=1;proto=http", "protocol"},
        {"port=1", "protocol"},
        {"", "protocol"},
        {"port=1;proto=sealrpc/1;priority=65536", "priority"},
        {"port=1;proto=sealrpc/1;weight=x", "weight"},
    };
    for (size_t i = 0; i < sizeof bindings / sizeof bindings[0]; i++)
        wrong(&(parts){.host = "h", .binding = {bindings[i][0]}}, bindings[i][1]);
    static const char good[] = "port=1;proto=sealrpc/1";
    wrong(&(parts){.host = "h"}, "serviceBindingInformation is missing");
    wrong(&(parts){.host = "h", .binding = {good, good}}, "several");
    wrong(&(parts){.binding = {good}}, "serviceDNSName is missing");
    wrong(&(parts){.host = "", .binding = {good}}, "serviceDNSName");
    wrong(&(parts){.host = "two words", .binding = {good}}, "two words");
    wrong(&(parts){.host = "h/x", .binding = {good}}, "h/x");
    wrong(&(parts){.host = "h", .type = "SRV", .binding = {good}}, "only A");
}

static void limits(void **state) {
    (void)state;
    static seal__scp scp;
    static char dn[2 * SEAL__SCP_DN_MAX];
    static const char *keywords[200];
    static char texts[200][16];
    memset(dn, 'x', sizeof dn - 1);
    assert_int_equal(seal__scp_parse(&(seal__directory_entry){.dn = dn}, &scp, NULL),
                     SEAL_ERROR_INVALID);
    for (size_t i = 0; i < 200; i++) {
        snprintf(texts[i], sizeof texts[i], "a.S%zu", i);
        keywords[i] = texts[i];
    }
    const char *host = "h";
    const char *binding = "port=1;proto=sealrpc/1";
    const seal__directory_attribute attributes[] = {{"serviceDNSName", 1, &host},
                                                    {"serviceBindingInformation", 1, &binding},
                                                    {"keywords", 200, keywords}};
    const seal__directory_entry entry = {DN, 3, attributes};
    assert_int_equal(seal__scp_parse(&entry, &scp, NULL), 0);
    assert_int_equal(scp.n_services, SEAL__SCP_SERVICES);
}

/* What is written is what is read. */
static void binding_round_trip(void **state) {
    (void)state;
    static seal__scp scp;
    char text[128];
    const seal__scp given = {.port = 65535, .priority = 1, .weight = 2};
    seal__scp_binding(&given, text, sizeof text);
    right(&(parts){.host = "h", .binding = {text}}, &scp);
    assert_int_equal(scp.port, 65535);
    assert_int_equal(scp.priority, 1);
    assert_int_equal(scp.weight, 2);
}

static void filters(void **state) {
    (void)state;
    char filter[256];
    assert_true(seal__scp_filter("bank.Ledger", filter, sizeof filter));
    assert_string_equal(filter,
                        "(&(objectClass=serviceConnectionPoint)(keywords=" SEAL__SCP_PRODUCT_GUID
                        ")(keywords=bank.Ledger))");
    assert_true(seal__scp_filter(NULL, filter, sizeof filter));
    assert_string_equal(
        filter, "(&(objectClass=serviceConnectionPoint)(keywords=" SEAL__SCP_PRODUCT_GUID "))");
    assert_true(seal__scp_filter("*)(cn=*\\", filter, sizeof filter));
    assert_non_null(strstr(filter, "(keywords=\\2A\\29\\28cn=\\2A\\5C)"));
    size_t len = strlen(filter);
    assert_false(seal__scp_filter("*)(cn=*\\", filter, len));
    assert_true(seal__scp_filter("*)(cn=*\\", filter, len + 1));
    assert_false(seal__scp_filter(NULL, filter, 0));
    filter[0] = '\0';
    assert_false(seal__directory_escape(filter, 3, "abc"));
    assert_true(seal__directory_escape(filter, 4, "abc"));
    assert_string_equal(filter, "abc");
}

static void parents(void **state) {
    (void)state;
    char parent[64];
    assert_true(seal__directory_parent("cn=a, ou=B ,dc=c", parent, sizeof parent));
    assert_string_equal(parent, "ou=B,dc=c");
    assert_true(seal__directory_parent("cn=a\\,cn=victim,ou=B,dc=c", parent, sizeof parent));
    assert_string_equal(parent, "ou=B,dc=c");
    assert_true(seal__directory_parent("cn=a\\2Cx+sn=b,ou=B\\+,dc=c", parent, sizeof parent));
    assert_string_equal(parent, "ou=B\\2B,dc=c");
    assert_false(seal__directory_parent("dc=c", parent, sizeof parent));
    assert_false(seal__directory_parent("", parent, sizeof parent));
    assert_false(seal__directory_parent("no name", parent, sizeof parent));
    assert_false(seal__directory_parent("cn=a,ou=B,dc=c", parent, 9));
    assert_true(seal__directory_parent("cn=a,ou=B,dc=c", parent, 10));
}

static void children(void **state) {
    (void)state;
    char dn[64];
    char parent[64];
    assert_true(seal__directory_child("seal-7001", "dc=c", dn, sizeof dn));
    assert_string_equal(dn, "cn=seal-7001,dc=c");
    static const char *const names[] = {",a",   "a,b=c", "#a",   " a ", "a+b",
                                        "a\\b", "\"a\"", "<;=>", "ü"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_true(seal__directory_child(names[i], "ou=x,dc=c", dn, sizeof dn));
        assert_true(seal__directory_parent(dn, parent, sizeof parent));
        assert_string_equal(parent, "ou=x,dc=c");
    }
    assert_false(seal__directory_child("", "dc=c", dn, sizeof dn));
    size_t needed = sizeof "cn=a\\,b,dc=c";
    assert_true(seal__directory_child("a,b", "dc=c", dn, needed));
    for (size_t size = 0; size < needed; size++)
        assert_false(seal__directory_child("a,b", "dc=c", dn, size));
}

static void same_entries(void **state) {
    (void)state;
    assert_true(seal__directory_same_dn("CN=a, DC=Example", "cn=A,dc=example"));
    assert_true(seal__directory_same_dn("cn=a\\,b,dc=c", "cn=a\\2Cb,dc=c"));
    assert_false(seal__directory_same_dn("cn=a,dc=c", "cn=b,dc=c"));
    assert_false(seal__directory_same_dn("cn=a,dc=c", "dc=c"));
    assert_false(seal__directory_same_dn("x", "x"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_entries_apart),
        cmocka_unit_test(binding_in_any_order),
        cmocka_unit_test(wrong_entries),
        cmocka_unit_test(limits),
        cmocka_unit_test(binding_round_trip),
        cmocka_unit_test(filters),
        cmocka_unit_test(parents),
        cmocka_unit_test(children),
        cmocka_unit_test(same_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
