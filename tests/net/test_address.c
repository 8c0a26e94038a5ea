/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as users write them, as they are shown, and what they resolve to. */
#include "support/cmocka_all.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "net/resolve.h"

static void good(const char *text, const char *host, bool is_literal, uint16_t port) {
    seal__address address;
    seal_error *error = NULL;
    int rc = seal__address_parse(text, &address, &error);
    if (rc != 0)
        print_error("%s: %s\n", text, seal_error_message(error));
    seal_error_free(error);
    assert_int_equal(rc, 0);
    assert_false(address.is_unix);
    assert_string_equal(address.host, host);
    assert_int_equal(address.is_literal, is_literal);
    assert_int_equal(address.port, port);
}

static void hosts(void **state) {
    (void)state;
    good("localhost:1", "localhost", false, 1);
    good("LocalHost:65535", "localhost", false, 65535);
    good("host.EXAMPLE.com:080", "host.example.com", false, 80);
    good("a_b-c.d:5", "a_b-c.d", false, 5);
    good("127.0.0.1:0", "127.0.0.1", true, 0);
    good("[::1]:7", "::1", true, 7);
    good("[FE80::1]:7", "fe80::1", true, 7);
    good("[::ffff:1.2.3.4]:7", "::ffff:1.2.3.4", true, 7);
    good("*:7", "", false, 7);
    good("1.2.3:7", "1.2.3", false, 7);
}

static void bad(const char *text) {
    seal__address address;
    memset(&address, 0x5a, sizeof address);
    seal_error *error = NULL;
    int rc = seal__address_parse(text, &address, &error);
    if (rc == 0)
        print_error("accepted: %s\n", text);
    assert_int_equal(rc, SEAL_ERROR_INVALID);
    assert_int_equal(seal_error_get_code(error), SEAL_ERROR_INVALID);
    assert_non_null(strstr(seal_error_message(error), "expected"));
    assert_null(strchr(seal_error_message(error), '\n'));
    assert_int_equal(address.port, 0x5a5a);
    seal_error_free(error);
    assert_int_equal(seal__address_parse(text, &address, NULL), SEAL_ERROR_INVALID);
}

static void bad_hosts(void **state) {
    (void)state;
    static const char *const texts[] = {"",
                                        ":",
                                        ":1",
                                        "host",
                                        "host:",
                                        "host:x",
                                        "host:65536",
                                        "host:-1",
                                        "host:+1",
                                        "host: 1",
                                        "host:1 ",
                                        " host:1",
                                        "ho st:1",
                                        "host:1:2",
                                        "::1:7",
                                        "::1",
                                        "[::1]",
                                        "[::1]7",
                                        "[::1:7",
                                        "[]:7",
                                        "[host]:7",
                                        "[127.0.0.1]:7",
                                        "[*]:7",
                                        "-host:1",
                                        ".host:1",
                                        "host/x:1",
                                        "h\xc3\xb6st:1",
                                        "host:4294967297",
                                        "host:99999999999999999999",
                                        "host\n:1",
                                        "user@host:1",
                                        "http://host:1",
                                        "**:1"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        bad(texts[i]);
    bad(NULL);
    char text[400];
    memset(text, 'a', sizeof text);
    strcpy(text + 255, ":1");
    seal__address address;
    assert_int_equal(seal__address_parse(text, &address, NULL), 0);
    memset(text, 'a', sizeof text);
    strcpy(text + 256, ":1");
    bad(text);
}

static void unix_sockets(void **state) {
    (void)state;
    seal__address address;
    char text[200] = "unix:/tmp/socket";
    assert_int_equal(seal__address_parse(text, &address, NULL), 0);
    assert_true(address.is_unix);
    assert_string_equal(address.un.sun_path, "/tmp/socket");
    assert_int_equal(address.un_len, offsetof(struct sockaddr_un, sun_path) + 12);
    assert_int_equal(seal__address_parse("unix:@name", &address, NULL), 0);
    assert_int_equal(address.un.sun_path[0], 0);
    assert_memory_equal(address.un.sun_path + 1, "name", 4);
    assert_int_equal(address.un_len, offsetof(struct sockaddr_un, sun_path) + 5);
    assert_int_equal(seal__address_parse("unix:relative:1", &address, NULL), 0);
    memset(text + 5, 'x', 107);
    text[5 + 107] = '\0';
    assert_int_equal(seal__address_parse(text, &address, NULL), 0);
    text[5 + 107] = 'x';
    text[5 + 108] = '\0';
    seal_error *error = NULL;
    assert_int_equal(seal__address_parse(text, &address, &error), SEAL_ERROR_INVALID);
    assert_non_null(strstr(seal_error_message(error), "108 bytes"));
    seal_error_free(error);
    assert_int_equal(seal__address_parse("unix:", &address, NULL), SEAL_ERROR_INVALID);
}

static const struct sockaddr *any(const void *addr) {
    return addr;
}

static void formats(void **state) {
    (void)state;
    char text[128];
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(4711)};
    inet_pton(AF_INET, "10.1.2.3", &in.sin_addr);
    seal__address_format(any(&in), sizeof in, text, sizeof text);
    assert_string_equal(text, "10.1.2.3:4711");
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(1)};
    inet_pton(AF_INET6, "fe80::1", &in6.sin6_addr);
    seal__address_format(any(&in6), sizeof in6, text, sizeof text);
    assert_string_equal(text, "[fe80::1]:1");
    seal__address address;
    assert_int_equal(seal__address_parse("unix:/a/b", &address, NULL), 0);
    seal__address_format(any(&address.un), address.un_len, text, sizeof text);
    assert_string_equal(text, "unix:/a/b");
    assert_int_equal(seal__address_parse("unix:@a", &address, NULL), 0);
    seal__address_format(any(&address.un), address.un_len, text, sizeof text);
    assert_string_equal(text, "unix:@a");
    struct sockaddr_un unnamed = {.sun_family = AF_UNIX};
    seal__address_format(any(&unnamed), offsetof(struct sockaddr_un, sun_path), text, sizeof text);
    assert_string_equal(text, "unix:");
    char small[8];
    seal__address_format(any(&in), sizeof in, small, sizeof small);
    assert_string_equal(small, "10.1.2.");
}

static void resolved_as(const char *text, bool listening, int family, const char *shown) {
    seal__address address;
    seal__resolved resolved;
    char formatted[128];
    assert_int_equal(seal__address_parse(text, &address, NULL), 0);
    assert_int_equal(seal__resolve(&address, listening, &resolved, NULL), 0);
    assert_true(resolved.n >= 1);
    assert_int_equal(resolved.addrs[0].ss_family, family);
    seal__address_format(any(&resolved.addrs[0]), resolved.lens[0], formatted, sizeof formatted);
    if (shown != NULL)
        assert_string_equal(formatted, shown);
}

static void resolves(void **state) {
    (void)state;
    resolved_as("127.0.0.1:80", false, AF_INET, "127.0.0.1:80");
    resolved_as("[::1]:80", false, AF_INET6, "[::1]:80");
    resolved_as("unix:@x", false, AF_UNIX, "unix:@x");
    resolved_as("unix:/x", true, AF_UNIX, "unix:/x");
    seal__address address;
    seal__resolved resolved;
    seal_error *error = NULL;
    assert_int_equal(seal__address_parse("localhost:80", &address, NULL), 0);
    assert_int_equal(seal__resolve(&address, false, &resolved, NULL), 0);
    assert_true(resolved.n >= 1 && resolved.n <= 2);
    assert_int_equal(seal__address_parse("*:80", &address, NULL), 0);
    assert_int_equal(seal__resolve(&address, true, &resolved, NULL), 0);
    assert_true(resolved.n >= 1);
    assert_int_equal(seal__resolve(&address, false, &resolved, &error), SEAL_ERROR_ADDRESS);
    assert_int_equal(resolved.n, 0);
    seal_error_free(error);
    error = NULL;
    assert_int_equal(seal__address_parse("no-such-host.invalid:80", &address, NULL), 0);
    assert_int_equal(seal__resolve(&address, false, &resolved, &error), SEAL_ERROR_ADDRESS);
    assert_non_null(strstr(seal_error_message(error), "no-such-host.invalid"));
    seal_error_free(error);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts),   cmocka_unit_test(bad_hosts), cmocka_unit_test(unix_sockets),
        cmocka_unit_test(formats), cmocka_unit_test(resolves),
    };
    return cmocka_run_group_tests_name("net.address", tests, NULL, NULL);
}
