/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that speak something else, or nothing, or too slowly. Also such servers, seen from a
 * client. */
#include "harness.h"
#include "secure/handshake.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static it_server s;

static void start(uint32_t handshake_timeout_ms) {
    seal_server_options options;
    it_server_options(&options);
    options.handshake_timeout_ms = handshake_timeout_ms;
    it_server_init(&s);
    it_server_start(&s, &options, NULL);
}

static void finish(void) {
    static it_client c;
    it_client_start(&c, s.target, NULL);
    it_echo(c.channel, 1);
    it_client_done(&c);
    assert_int_equal(atomic_load(&s.runs), 1);
    it_server_wait_idle(&s);
    it_server_done(&s);
}

static const struct {
    const char *name;
    const char *bytes;
    size_t len;
    const char *log;
} strangers[] = {
    {"HTTP/1", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27, "HTTP request"},
    {"HTTP/1 POST", "POST /rpc HTTP/1.1\r\n\r\n", 22, "HTTP request"},
    {"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33, "HTTP/2"},
    {"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11, "TLS"},
    {"SSH", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", 32, "SSH"},
    {"ONC RPC", "\x80\0\0\x28\x12\x34\x56\x78\0\0\0\0\0\0\0\2", 16, "ONC RPC"},
    {"garbage", "\xde\xad\xbe\xef\x01\x02\x03\x04", 8, "deadbeef"},
    {"our header, other magic", "\0\0\x40\1notmagic", 12, "unknown bytes"},
    {"a token first", "\0\0\4\3abcd", 8, ""},
    {"a finished first", "\0\0\4\4abcd", 8, ""},
    {"a record first",
     "\0\0\4\x20"
     "abcd",
     8, ""},
    {"a hello of 16 MiB", "\xff\xff\xff\1sealrpc1", 12, ""},
    {"a record of 16 MiB", "\xff\xff\xff\x20 sealrpc", 12, ""},
};

static void everybody(bool byte_by_byte) {
    uint8_t answer[256];
    start(20000);
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        size_t before = it_log_count(&s.log, "refused");
        int fd = it_connect(seal_server_port(s.server));
        for (size_t at = 0; byte_by_byte && at < strangers[i].len; at++)
            it_send(fd, strangers[i].bytes + at, 1);
        if (!byte_by_byte)
            it_send(fd, strangers[i].bytes, strangers[i].len);
        size_t n = it_read_to_end(fd, answer, sizeof answer);
        close(fd);
        it_server_wait_idle(&s);
        if (it_log_count(&s.log, "refused") != before + 1 ||
            it_log_count(&s.log, strangers[i].log) == 0)
            print_error("%s: wrong log\n", strangers[i].name);
        assert_int_equal(it_log_count(&s.log, "refused"), before + 1);
        assert_true(it_log_count(&s.log, strangers[i].log) > 0);
        assert_true(n < 64);
    }
    seal_server_stats stats;
    it_server_stats(&s, &stats);
    assert_int_equal(stats.handshakes_failed, sizeof strangers / sizeof strangers[0]);
    finish();
}

static void at_once(void **state) {
    (void)state;
    everybody(false);
}

static void one_byte_at_a_time(void **state) {
    (void)state;
    everybody(true);
}

static void nothing(void **state) {
    (void)state;
    uint8_t answer[256];
    start(200);
    int fd = it_connect(seal_server_port(s.server));
    it_read_to_end(fd, answer, sizeof answer);
    close(fd);
    it_log_wait(&s.log, "refused");
    assert_int_equal(it_log_count(&s.log, "within 200 ms"), 1);
    finish();
}

/* The time limit is for the whole handshake; a byte now and then does not prolong it. */
static void a_slow_hello(void **state) {
    (void)state;
    start(200);
    int fd = it_connect(seal_server_port(s.server));
    it_send(fd, "\0\1\0\1", 4);
    it_send(fd, seal__magic, SEAL__MAGIC);
    for (int i = 0; i < 200 && it_log_count(&s.log, "within 200 ms") == 0; i++) {
        it_send(fd, "", 1);
        usleep(10000);
    }
    it_log_wait(&s.log, "refused");
    assert_int_equal(it_log_count(&s.log, "within 200 ms"), 1);
    close(fd);
    finish();
}

/* A hundred times a connection that is gone before the server looks at it. */
static void gone_at_once(void **state) {
    (void)state;
    start(20000);
    for (int i = 0; i < 100; i++) {
        int fd = it_connect(seal_server_port(s.server));
        if (i % 3 == 1) {
            struct linger reset = {.l_onoff = 1};
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        }
        if (i % 3 == 2)
            shutdown(fd, SHUT_WR);
        close(fd);
    }
    it_server_wait_idle(&s);
    assert_int_equal(it_log_count(&s.log, "from  refused"), 0);
    finish();
}

/* Floods of the same mistake do not flood the log. */
static void log_is_limited(void **state) {
    (void)state;
    enum { N = 300 };
    start(20000);
    uint8_t answer[256];
    for (int i = 0; i < N; i++) {
        int fd = it_connect(seal_server_port(s.server));
        it_send(fd, "GET / HTTP/1.0\r\n\r\n", 18);
        it_read_to_end(fd, answer, sizeof answer);
        close(fd);
    }
    it_server_wait_idle(&s);
    size_t lines = it_log_count(&s.log, "HTTP");
    assert_true(lines >= 10 && lines < N);
    finish();
}

/* ---- Servers that are strangers ---- */

typedef struct stranger {
    int listener;
    const char *bytes;
    size_t len;
} stranger;

static void *serve_once(void *arg) {
    const stranger *st = arg;
    uint8_t rest[4096];
    int fd = accept(st->listener, NULL, NULL);
    if (fd < 0)
        return NULL;
    send(fd, st->bytes, st->len, MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    while (read(fd, rest, sizeof rest) > 0) {
    }
    close(fd);
    return NULL;
}

static void servers(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *message;
    } cases[] = {
        {"HTTP/1.1 400 Bad Request\r\n\r\n", 28, "HTTP"},
        {"SSH-2.0-OpenSSH_9.2p1\r\n", 23, "SSH"},
        {"\x15\x03\x01\x00\x02\x02\x0a", 7, "TLS"},
        {"220 mail.example.com ESMTP\r\n", 28, "SMTP"},
        {"\0\0\6\4\0\0\0\0\0\0\3\0\0\0\x64", 15, "HTTP/2"},
        {"\xde\xad\xbe\xef", 4, "deadbeef"},
        {"", 0, NULL},
        {"\0\0\4\3abcd", 8, NULL},
        {"\0\0\2\5\0\0", 6, NULL},
    };
    static it_client c;
    it_client_init(&c);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint16_t port = 0;
        pthread_t thread;
        stranger st = {.listener = it_listen(&port), .bytes = cases[i].bytes, .len = cases[i].len};
        char target[64];
        snprintf(target, sizeof target, "127.0.0.1:%u", port);
        assert_int_equal(pthread_create(&thread, NULL, serve_once, &st), 0);
        seal_channel *channel = it_channel(&c, target, NULL);
        seal_result *result = it_sync(channel, NULL, &(it_request){.size = 1});
        assert_int_not_equal(seal_result_status(result), SEAL_STATUS_OK);
        assert_int_not_equal(seal_result_status(result), SEAL_STATUS_DEADLINE_EXCEEDED);
        it_expect(result, seal_result_status(result), SEAL_NOT_EXECUTED, cases[i].message);
        seal_channel_free(channel);
        pthread_join(thread, NULL);
        close(st.listener);
    }
    it_client_done(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_once),      cmocka_unit_test(one_byte_at_a_time),
        cmocka_unit_test(nothing),      cmocka_unit_test(a_slow_hello),
        cmocka_unit_test(gone_at_once), cmocka_unit_test(log_is_limited),
        cmocka_unit_test(servers),
    };
    return cmocka_run_group_tests_name("integration.strangers", tests, NULL, NULL);
}
