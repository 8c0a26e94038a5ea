/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that are wrong: in this state, in this form, of this length, or not ours at all. */
#include "pair.h"

#include <stdlib.h>
#include <string.h>

/* ---- Every message in every state ---- */

typedef struct stage {
    const char *name;
    bool client; /* which end is looked at */
    uint8_t legal[3];
    void (*reach)(pair *p);
} stage;

static size_t message_end(const pair_end *end, size_t n) {
    size_t at = 0;
    for (; n > 0; n--)
        at += 4 + seal__load_u24(end->sent.data + at);
    return at;
}

/* Gives the other end the first n messages of `from`. */
static void give(pair *p, pair_end *from, size_t n) {
    size_t end = message_end(from, n);
    pair_feed(p, pair_other(p, from), from->sent.data + from->delivered, end - from->delivered);
    from->delivered = end;
}

static void nothing_yet(pair *p) {
    pair_settle(p, &p->client);
}
static void hello_given(pair *p) {
    nothing_yet(p);
    give(p, &p->client, 1);
}
static void token_given(pair *p) {
    hello_given(p);
    give(p, &p->client, 2);
}
static void server_hello_given(pair *p) {
    token_given(p);
    give(p, &p->server, 1);
}
static void server_token_given(pair *p) {
    server_hello_given(p);
    give(p, &p->server, 2);
}

static const stage stages[] = {
    {"server, nothing", false, {SEAL__CLIENT_HELLO}, nothing_yet},
    {"server, hello", false, {SEAL__TOKEN, SEAL__ALERT}, hello_given},
    {"server, token", false, {SEAL__FINISHED, SEAL__ALERT}, token_given},
    {"client, nothing", true, {SEAL__SERVER_HELLO, SEAL__ALERT}, token_given},
    {"client, hello", true, {SEAL__TOKEN, SEAL__ALERT}, server_hello_given},
    {"client, token", true, {SEAL__FINISHED, SEAL__ALERT}, server_token_given},
};

static void wrong_state(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        for (unsigned type = 0; type < 256; type++) {
            uint8_t message[104];
            pair p;
            pair_init(&p);
            pair_start(&p);
            stages[i].reach(&p);
            pair_end *end = stages[i].client ? &p.client : &p.server;
            assert_int_equal(end->rc, 0);
            memset(message, 0x55, sizeof message);
            seal__store_u24(message, 100);
            message[3] = (uint8_t)type;
            pair_feed(&p, end, message, sizeof message);
            bool legal = type != 0 && memchr(stages[i].legal, (int)type, 3) != NULL;
            if (end->rc == 0)
                fail_msg("%s: type %u is taken", stages[i].name, type);
            if (!legal && end->rc != SEAL_ERROR_PROTOCOL && end->rc != SEAL_ERROR_NOT_SEALRPC)
                fail_msg("%s: type %u: %s", stages[i].name, type, seal_error_message(end->error));
            if (!legal && end->rc == SEAL_ERROR_PROTOCOL)
                assert_non_null(strstr(seal_error_message(end->error), "was expected"));
            assert_false(seal__secure_is_established(end->channel));
            pair_done(&p);
        }
    }
}

/* Counts bytes asked of the allocator. */
static size_t allocated;
static void *counting_resize(void *user, void *ptr, size_t size) {
    (void)user;
    allocated += size;
    return realloc(ptr, size);
}
static void counting_release(void *user, void *ptr) {
    (void)user;
    free(ptr);
}
static const seal_allocator counting = {counting_resize, counting_release, NULL};

static void oversize(void **state) {
    (void)state;
    static const struct {
        size_t stage;
        uint8_t type;
        uint32_t max;
    } cases[] = {
        {0, SEAL__CLIENT_HELLO, SEAL__HELLO_MAX}, {1, SEAL__TOKEN, SEAL__TOKEN_MAX},
        {1, SEAL__ALERT, SEAL__ALERT_MAX},        {2, SEAL__FINISHED, SEAL__FINISHED_MAX},
        {3, SEAL__SERVER_HELLO, SEAL__HELLO_MAX}, {4, SEAL__TOKEN, SEAL__TOKEN_MAX},
        {5, SEAL__FINISHED, SEAL__FINISHED_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint32_t lengths[] = {cases[i].max + 1, cases[i].max * 2, 0xffffff, cases[i].max, 0};
        for (size_t k = 0; k < 5; k++) {
            uint8_t header[12];
            pair p;
            pair_init(&p);
            p.client.config.alloc = p.server.config.alloc = &counting;
            pair_start(&p);
            stages[cases[i].stage].reach(&p);
            pair_end *end = stages[cases[i].stage].client ? &p.client : &p.server;
            seal__store_u24(header, lengths[k]);
            header[3] = cases[i].type;
            allocated = 0;
            memcpy(header + 4, seal__magic, SEAL__MAGIC);
            bool first = cases[i].stage == 0 || cases[i].stage == 3;
            pair_feed(&p, end, header, first ? 12 : 4);
            assert_true(allocated <= 256); /* the alert */
            if (lengths[k] == cases[i].max)
                assert_int_equal(end->rc, 0); /* waits for the rest */
            else if (first && (lengths[k] == 0 || lengths[k] == 0xffffff))
                assert_int_equal(end->rc, SEAL_ERROR_NOT_SEALRPC);
            else
                assert_int_equal(end->rc,
                                 lengths[k] == 0 ? SEAL_ERROR_PROTOCOL : SEAL_ERROR_TOO_BIG);
            pair_done(&p);
        }
    }
}

static void memory_of_a_stranger(void **state) {
    (void)state;
    pair p;
    pair_init(&p);
    allocated = 0;
    p.server.config.alloc = &counting;
    p.client.source.script.padding = 60000;
    pair_start(&p);
    pair_settle(&p, &p.client);
    size_t hello = message_end(&p.client, 1);
    pair_feed(&p, &p.server, p.client.sent.data, hello);
    assert_true(allocated < 8192);
    allocated = 0;
    pair_feed(&p, &p.server, p.client.sent.data + hello, p.client.sent.len - hello - 1);
    assert_int_equal(allocated, 0); /* an incomplete token costs nothing here */
    pair_done(&p);
}

/* ---- Hellos ---- */

typedef struct hello_bytes {
    uint16_t version;
    uint8_t mechanism, flags, level;
    const char *suites;
    const char *target;
    size_t target_len; /* 0: strlen */
    const char *extensions;
    size_t extensions_len;
    const char *trailer;
} hello_bytes;

static const hello_bytes good = {
    .version = 1, .mechanism = 1, .level = 2, .suites = "\1\2", .target = "echo/host"};

static void put_hello(seal__buf *out, const hello_bytes *h) {
    uint8_t fill[80];
    memset(fill, 0x33, sizeof fill);
    size_t start = out->len;
    size_t target_len = h->target_len != 0 ? h->target_len : strlen(h->target);
    seal__buf_put_u32(out, 0);
    seal__buf_put(out, seal__magic, 8);
    seal__buf_put_u8(out, 1);
    seal__buf_put_u16(out, h->version);
    seal__buf_put(out, fill, 80);
    seal__buf_put_u8(out, h->mechanism);
    seal__buf_put_u8(out, h->flags);
    seal__buf_put_u8(out, h->level);
    seal__buf_put_u8(out, (uint8_t)strlen(h->suites));
    seal__buf_put(out, h->suites, strlen(h->suites));
    seal__buf_put_u16(out, (uint16_t)target_len);
    seal__buf_put(out, h->target, target_len);
    seal__buf_put_u16(out, (uint16_t)h->extensions_len);
    seal__buf_put(out, h->extensions, h->extensions_len);
    if (h->trailer != NULL)
        seal__buf_put(out, h->trailer, strlen(h->trailer));
    seal__store_u24(out->data + start, (uint32_t)(out->len - start - 4));
    out->data[start + 3] = SEAL__CLIENT_HELLO;
}

static int try_hello(const hello_bytes *h) {
    pair p;
    seal__buf bytes;
    seal__buf_init(&bytes, &seal__default_allocator, 1 << 20);
    put_hello(&bytes, h);
    pair_init(&p);
    pair_start(&p);
    pair_feed(&p, &p.server, bytes.data, bytes.len);
    int rc = p.server.rc;
    assert_int_equal(seal__secure_is_established(p.server.channel), false);
    seal__buf_done(&bytes);
    pair_done(&p);
    return rc;
}

static void hellos(void **state) {
    (void)state;
    static const uint8_t levels[] = {0, 3, 7, 255};
    static const uint16_t versions[] = {0, 2, 0xffff};
    static const char *const targets[] = {"echo\xff/host", "echo/\xc0\xaf",    "a\nb",     "a\x7f",
                                          "\xed\xa0\x80",  "\xf4\x90\x80\x80", "a\xe2\x82"};
    hello_bytes h = good;
    assert_int_equal(try_hello(&h), 0);
    for (size_t i = 0; i < sizeof levels; i++) {
        h = good;
        h.level = levels[i];
        assert_int_equal(try_hello(&h), SEAL_ERROR_PROTECTION);
    }
    for (size_t i = 0; i < 3; i++) {
        h = good;
        h.version = versions[i];
        assert_int_equal(try_hello(&h), SEAL_ERROR_VERSION);
    }
    for (unsigned bit = 1; bit < 8; bit++) {
        h = good;
        h.flags = (uint8_t)(1u << bit);
        assert_int_equal(try_hello(&h), SEAL_ERROR_PROTOCOL);
    }
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        h = good;
        h.target = targets[i];
        assert_int_equal(try_hello(&h), SEAL_ERROR_PROTOCOL);
    }
    char big[4096];
    memset(big, 'a', sizeof big);
    h = good;
    h.target = big;
    h.target_len = SEAL__TARGET_MAX;
    assert_int_equal(try_hello(&h), 0);
    h.target_len = SEAL__TARGET_MAX + 1;
    assert_int_equal(try_hello(&h), SEAL_ERROR_PROTOCOL);
    h.target_len = sizeof big;
    assert_int_equal(try_hello(&h), SEAL_ERROR_TOO_BIG);
    h.target = "a\0b";
    h.target_len = 3;
    assert_int_equal(try_hello(&h), SEAL_ERROR_PROTOCOL);
    h = good;
    h.target = "";
    assert_int_equal(try_hello(&h), SEAL_ERROR_PROTOCOL);
    h = good;
    h.target = "dienst/m\xc3\xbcnchen\xe2\x82\xac\xf0\x9f\x98\x80";
    assert_int_equal(try_hello(&h), 0);
    h = good;
    h.suites = "";
    assert_int_equal(try_hello(&h), SEAL_ERROR_PROTOCOL);
    h.suites = "\1\2\1";
    assert_int_equal(try_hello(&h), SEAL_ERROR_PROTOCOL);
    h.suites = "\x63\x64\2";
    assert_int_equal(try_hello(&h), 0); /* unknown ones are skipped */
    h.suites = "\x63\x64";
    assert_int_equal(try_hello(&h), SEAL_ERROR_PROTECTION);
    h = good;
    h.mechanism = 0;
    assert_int_equal(try_hello(&h), SEAL_ERROR_PROTECTION);
    h.mechanism = 200;
    assert_int_equal(try_hello(&h), SEAL_ERROR_PROTECTION);
    h = good;
    h.trailer = "x";
    assert_int_equal(try_hello(&h), SEAL_ERROR_PROTOCOL);
}

static void extensions(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        int rc;
    } cases[] = {
        {"\0\1\0\0", 4, 0},
        {"\0\1\0\2ab\0\2\0\0", 10, 0},
        {"\x7f\xff\0\1a", 5, 0},
        {"\x80\0\0\0", 4, SEAL_ERROR_PROTOCOL},       /* critical */
        {"\0\1\0\0\0\1\0\0", 8, SEAL_ERROR_PROTOCOL}, /* twice */
        {"\0\2\0\0\0\1\0\0", 8, SEAL_ERROR_PROTOCOL}, /* order */
        {"\0\1\0\1", 4, SEAL_ERROR_PROTOCOL},         /* cut */
        {"\0\1\0", 3, SEAL_ERROR_PROTOCOL},
        {"\0", 1, SEAL_ERROR_PROTOCOL},
        {"\0\1\xff\xff", 4, SEAL_ERROR_PROTOCOL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hello_bytes h = good;
        h.extensions = cases[i].bytes;
        h.extensions_len = cases[i].len;
        assert_int_equal(try_hello(&h), cases[i].rc);
    }
}

/* Cut at every byte, with the length made right: never more than a PROTOCOL error. */
static void cut_hellos(void **state) {
    (void)state;
    pair p;
    pair_init(&p);
    pair_connect(&p);
    const pair_end *ends[] = {&p.client, &p.server};
    for (size_t i = 0; i < 2; i++) {
        size_t len = message_end(ends[i], 1) - 4;
        for (size_t cut = 0; cut <= len; cut++) {
            seal__hello hello;
            uint8_t *body = malloc(cut + 1); /* so that the sanitizer sees what is read behind it */
            memcpy(body, ends[i]->sent.data + 4, cut);
            bool ok = i == 0 ? seal__get_client_hello(body, cut, &hello)
                             : seal__get_server_hello(body, cut, &hello);
            assert_int_equal(ok, cut == len);
            free(body);
        }
    }
    pair_done(&p);
}

/* What a server may not answer, with all of the rest in order. */
static void server_hellos(void **state) {
    (void)state;
    enum { VERSION = 8, INSTANCE = 42, SHARE = 58, MECHANISM = 90, FLAGS, LEVEL, SUITE };
    static const struct {
        size_t at;
        uint8_t value;
        int rc;
    } cases[] = {
        {VERSION + 1, 2, SEAL_ERROR_VERSION},
        {VERSION, 1, SEAL_ERROR_VERSION},
        {MECHANISM, 2, SEAL_ERROR_PROTECTION},
        {FLAGS, 2, SEAL_ERROR_PROTOCOL},
        {LEVEL, 1, SEAL_ERROR_PROTECTION},
        {LEVEL, 0, SEAL_ERROR_PROTECTION},
        {LEVEL, 3, SEAL_ERROR_PROTECTION},
        {SUITE, 2, SEAL_ERROR_PROTECTION},
        {SUITE, 0, SEAL_ERROR_PROTECTION},
        {FLAGS, 1, SEAL_ERROR_AUTHENTICATION},
        {LEVEL, 2, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0] + 2; i++) {
        size_t n_cases = sizeof cases / sizeof cases[0];
        pair p;
        pair_init(&p);
        p.client.config.n_suites = 1;
        pair_start(&p);
        token_given(&p);
        uint8_t *body = p.server.sent.data + 4;
        if (i < n_cases)
            body[cases[i].at] = cases[i].value;
        else if (i == n_cases)
            memcpy(body + INSTANCE, p.client.config.instance_id, SEAL__INSTANCE_ID);
        else
            memcpy(body + SHARE, p.client.sent.data + 4 + 59, SEAL__SHARE);
        pair_feed(&p, &p.client, p.server.sent.data, p.server.sent.len);
        assert_int_equal(p.client.rc, i < n_cases ? cases[i].rc : SEAL_ERROR_AUTHENTICATION);
        pair_done(&p);
    }
}

/* ---- Other protocols ---- */

static const struct {
    const char *bytes;
    size_t len;
    const char *what;
} strangers[] = {
    {"GET / HTTP/1.1\r\n", 16, "HTTP request"},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24, "HTTP/2 connection preface"},
    {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11, "TLS handshake"},
    {"SSH-2.0-OpenSSH_9.2\r\n", 21, "SSH banner"},
    {"\x80\x00\x00\x28\x12\x34\x56\x78\x00\x00\x00\x00", 12, "ONC RPC"},
    {"\xde\xad\xbe\xef\x01\x02\x03\x04", 8, "0xdeadbeef"},
    {"\x00\x00\x40\x77\x01\x02\x03\x04", 8, "0x00004077"},
    {"\x00\xff\x40\x01\x01\x02\x03\x04", 8, "0x00ff4001"},
    {"\x00\x00\x40\x01sealrpd\0", 12, "0x00004001"},
    {"HTTP/1.1 400 Bad Request\r\n", 26, "HTTP response"},
    {"\x15\x03\x01\x00\x02\x02\x28", 7, "TLS alert"},
    {"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03", 11, "HTTP/2 SETTINGS"},
    {"220 mail.example ESMTP\r\n", 24, "SMTP"},
};

static void other_protocols(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        for (int mode = 0; mode < 6; mode++) {
            pair p;
            pair_init(&p);
            pair_start(&p);
            pair_end *end = mode % 3 == 0 ? &p.server : &p.client;
            /* 1: the client has said hello; 2: its first step is still being run. */
            if (mode % 3 == 1)
                pair_settle(&p, &p.client);
            p.client.held = mode % 3 == 2 ? seal__secure_take_step(p.client.channel) : NULL;
            size_t chunk = mode < 3 ? strangers[i].len : 1;
            for (size_t at = 0; at < strangers[i].len && end->rc == 0; at += chunk)
                pair_feed(&p, end, strangers[i].bytes + at, chunk);
            if (strangers[i].bytes[0] == 0 && strangers[i].bytes[3] == 1 && end == &p.client) {
                /* A client that gets a CLIENT_HELLO: ours, but wrong. */
                assert_true(end->rc == (mode % 3 == 1 ? SEAL_ERROR_PROTOCOL : 0));
            } else {
                assert_int_equal(end->rc, SEAL_ERROR_NOT_SEALRPC);
                if (strstr(seal_error_message(end->error), strangers[i].what) == NULL)
                    fail_msg("case %zu: %s", i, seal_error_message(end->error));
                assert_false(seal__secure_wants_flush(end->channel)); /* no answer */
            }
            pair_done(&p);
        }
    }
}

/* ---- Alerts ---- */

static void alerts(void **state) {
    (void)state;
    for (unsigned code = 0; code < 20; code++) {
        uint8_t alert[6] = {0, 0, 2, SEAL__ALERT, 0, (uint8_t)code};
        for (size_t i = 1; i < sizeof stages / sizeof stages[0]; i++) {
            pair p;
            pair_init(&p);
            pair_start(&p);
            stages[i].reach(&p);
            pair_end *end = stages[i].client ? &p.client : &p.server;
            pair_feed(&p, end, alert, sizeof alert);
            assert_int_equal(end->rc, SEAL_ERROR_PEER_REFUSED);
            assert_non_null(
                strstr(seal_error_message(end->error), seal__close_text((uint16_t)code)));
            assert_false(seal__secure_wants_flush(end->channel)); /* no alert about an alert */
            pair_done(&p);
        }
    }
    assert_string_equal(seal__close_text(0xffff), "unknown reason");
}

/* An alert that nobody can have a reason for is an error, and gets no answer either. */
static void alert_first(void **state) {
    (void)state;
    static const uint8_t alert[6] = {0, 0, 2, SEAL__ALERT, 0, SEAL__CLOSE_PROTOCOL};
    static const uint8_t more[16] = {0};
    pair p;
    pair_init(&p);
    pair_start(&p);
    pair_feed(&p, &p.server, alert, sizeof alert);
    pair_feed(&p, &p.server, more, sizeof more);
    assert_true(p.server.rc < 0);
    assert_false(seal__secure_wants_flush(p.server.channel));
    pair_done(&p);
}

static void close_during_handshake(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        pair p;
        pair_init(&p);
        pair_start(&p);
        stages[i].reach(&p);
        pair_end *end = stages[i].client ? &p.client : &p.server;
        pair_end *other = pair_other(&p, end);
        size_t before = end->sent.len;
        assert_int_equal(seal__secure_close(end->channel, SEAL__CLOSE_OVERLOADED, &end->sent), 0);
        assert_int_equal(seal__secure_close(end->channel, SEAL__CLOSE_DONE, &end->sent), 0);
        /* At stage 2 the server has said FINISHED: what it sends from there on are records. */
        assert_int_equal(end->sent.len - before, i == 0 || i == 2 ? 0 : 6);
        pair_pump(&p);
        if (i == 2) {
            assert_int_equal(other->rc, 0);
            assert_int_equal(seal__secure_eof(other->channel, NULL), SEAL_ERROR_TRUNCATED);
        } else if (i != 0) {
            assert_true(other->rc < 0);
            assert_false(seal__secure_is_established(other->channel));
        }
        pair_done(&p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_state),
        cmocka_unit_test(oversize),
        cmocka_unit_test(memory_of_a_stranger),
        cmocka_unit_test(hellos),
        cmocka_unit_test(extensions),
        cmocka_unit_test(cut_hellos),
        cmocka_unit_test(server_hellos),
        cmocka_unit_test(other_protocols),
        cmocka_unit_test(alerts),
        cmocka_unit_test(alert_first),
        cmocka_unit_test(close_during_handshake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
