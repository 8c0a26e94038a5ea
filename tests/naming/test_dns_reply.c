/* SPDX-License-Identifier: Apache-2.0 */
/* Replies of DNS, good and hostile, byte by byte. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "naming/dns_reply.h"
#include "support/dns_wire.h"

#define Q "_s._tcp.x.test"

static wire w;
static char found[70000]; /* "target:port 10/70, ..." */
static seal__dns_summary summary;

static void on_srv(void *user, const seal__dns_srv *srv) {
    (void)user;
    size_t len = strlen(found);
    snprintf(found + len, sizeof found - len, "%s%s:%u %u/%u", len > 0 ? ", " : "", srv->target,
             srv->port, srv->priority, srv->weight);
}

/* In a block of its own size, so that the sanitizers see every byte too many that is read. */
static int parse(const uint8_t *bytes, size_t len, seal_error **error) {
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    if (len > 0)
        memcpy(copy, bytes, len);
    found[0] = '\0';
    int rc = seal__dns_reply_parse(copy, len, on_srv, NULL, &summary, error);
    assert_true(seal__dns_reply_records(copy, len) <= len);
    free(copy);
    return rc;
}

static void good(const char *wanted, size_t n, uint32_t ttl) {
    seal_error *error = NULL;
    wire_end(&w);
    int rc = parse(w.bytes, w.len, &error);
    if (rc != 0)
        print_error("%s\n", seal_error_message(error));
    seal_error_free(error);
    assert_int_equal(rc, 0);
    assert_string_equal(found, wanted);
    assert_int_equal(summary.n, n);
    assert_int_equal(summary.ttl_s, ttl);
    assert_true(seal__dns_reply_records(w.bytes, w.len) >= n);
}

static void bad(void) {
    seal_error *error = NULL;
    assert_int_equal(parse(w.bytes, w.len, &error), SEAL_ERROR_MALFORMED);
    assert_int_equal(seal_error_get_code(error), SEAL_ERROR_MALFORMED);
    seal_error_free(error);
}

static void records(void **state) {
    (void)state;
    wire_begin(&w, 0, Q);
    good("", 0, UINT32_MAX);
    assert_false(summary.is_alias);
    assert_string_equal(summary.owner, Q);
    wire_begin(&w, 0, Q);
    wire_srv(&w, Q, 30, 10, 70, 7001, "Node1.X.test");
    wire_srv(&w, Q, 20, 65535, 0, 65535, "n");
    wire_srv(&w, Q, 40, 0, 1, 0, "");
    good("node1.x.test:7001 10/70, n:65535 65535/0, :0 0/1", 3, 20);
    wire_begin(&w, 0, "_S._TCP.x.TEST");
    wire_srv(&w, Q, UINT32_MAX, 1, 2, 3, "a");
    good("a:3 1/2", 1, 0);
    /* What belongs to somebody else, or is something else, is not taken. */
    wire_begin(&w, 0, Q);
    wire_srv(&w, "_t._tcp.x.test", 1, 1, 2, 3, "other");
    size_t data = wire_answer(&w, Q, WIRE_TXT, 1);
    wire_bytes(&w, "\005hello", 6);
    wire_data_end(&w, data);
    wire_srv(&w, Q, 99, 1, 2, 3, "a");
    wire_srv(&w, "x.test", 1, 1, 2, 3, "other");
    good("a:3 1/2", 1, 99);
    /* Another class. */
    wire_begin(&w, 0, Q);
    wire_srv(&w, Q, 99, 1, 2, 3, "a");
    w.bytes[12 + 16 + 4 + 16 + 3] = 3;
    good("", 0, UINT32_MAX);
}

static void compressed(void **state) {
    (void)state;
    wire_begin(&w, 0, Q);
    w.answers = 1;
    wire_pointer(&w, 12);
    wire_u16(&w, WIRE_SRV);
    wire_u16(&w, 1);
    wire_u32(&w, 7);
    wire_u16(&w, 6 + 3 + 2);
    wire_u16(&w, 1);
    wire_u16(&w, 2);
    wire_u16(&w, 3);
    wire_u8(&w, 2);
    wire_bytes(&w, "n1", 2);
    wire_pointer(&w, 12 + 3 + 5); /* x.test */
    good("n1.x.test:3 1/2", 1, 7);
}

static void escapes(void **state) {
    (void)state;
    wire_begin(&w, 0, Q);
    size_t data = wire_answer(&w, Q, WIRE_SRV, 1);
    wire_u16(&w, 0);
    wire_u16(&w, 0);
    wire_u16(&w, 1);
    wire_bytes(&w, "\004a.b\\\003\0/\xff", 9);
    wire_u8(&w, 0);
    wire_data_end(&w, data);
    good("a\\046b\\092.\\000\\047\\255:1 0/0", 1, 1);
}

static void aliases(void **state) {
    (void)state;
    wire_begin(&w, 0, Q);
    wire_cname(&w, Q, 50, "a.y.test");
    wire_cname(&w, "A.y.test", 5, "b.y.test");
    wire_srv(&w, "b.y.test", 60, 1, 2, 3, "n");
    wire_srv(&w, Q, 1, 1, 2, 3, "not-beside-an-alias");
    good("n:3 1/2", 1, 5);
    assert_true(summary.is_alias);
    assert_string_equal(summary.owner, "b.y.test");
    /* In any order. */
    wire_begin(&w, 0, Q);
    wire_srv(&w, "b.y.test", 60, 1, 2, 3, "n");
    wire_cname(&w, "a.y.test", 5, "b.y.test");
    wire_cname(&w, Q, 50, "a.y.test");
    good("n:3 1/2", 1, 5);
    /* Leads nowhere. */
    wire_begin(&w, 0, Q);
    wire_cname(&w, Q, 50, "a.y.test");
    good("", 0, 50);
    assert_string_equal(summary.owner, "a.y.test");
    /* In circles, or too far. */
    wire_begin(&w, 0, Q);
    wire_cname(&w, Q, 50, "a.y.test");
    wire_cname(&w, "a.y.test", 50, Q);
    wire_end(&w);
    bad();
    wire_begin(&w, 0, Q);
    wire_cname(&w, Q, 50, Q);
    wire_end(&w);
    bad();
    wire_begin(&w, 0, Q);
    wire_cname(&w, Q, 50, "c0");
    for (int i = 0; i < 9; i++) {
        char from[8];
        char to[8];
        snprintf(from, sizeof from, "c%d", i);
        snprintf(to, sizeof to, "c%d", i + 1);
        wire_cname(&w, from, 50, to);
    }
    wire_end(&w);
    bad();
}

/* ---- Hostile ---- */

static void cut_everywhere(void **state) {
    (void)state;
    wire_begin(&w, 0, Q);
    wire_cname(&w, Q, 50, "a.y.test");
    wire_srv(&w, "a.y.test", 60, 1, 2, 3, "n.x.test");
    wire_end(&w);
    size_t whole = w.len;
    assert_int_equal(parse(w.bytes, whole, NULL), 0);
    for (w.len = 0; w.len < whole; w.len++)
        bad();
}

static void changed_everywhere(void **state) {
    (void)state;
    wire_begin(&w, 0, Q);
    wire_cname(&w, Q, 50, "a.y.test");
    wire_srv(&w, "a.y.test", 60, 1, 2, 3, "n.x.test");
    wire_end(&w);
    for (size_t i = 0; i < w.len; i++) {
        uint8_t kept = w.bytes[i];
        for (unsigned value = 0; value < 256; value++) {
            w.bytes[i] = (uint8_t)value;
            int rc = parse(w.bytes, w.len, NULL);
            assert_true(rc == 0 || rc == SEAL_ERROR_MALFORMED);
        }
        w.bytes[i] = kept;
    }
}

static void counts(void **state) {
    (void)state;
    wire_begin(&w, 0, Q);
    wire_srv(&w, Q, 60, 1, 2, 3, "n");
    w.answers = 65535;
    wire_end(&w);
    bad();
    assert_true(seal__dns_reply_records(w.bytes, w.len) < 10);
    w.answers = 1;
    wire_end(&w);
    w.bytes[5] = 0; /* no question */
    bad();
    w.bytes[5] = 2;
    bad();
    w.bytes[4] = 0xff;
    bad();
    assert_int_equal(seal__dns_reply_records(w.bytes, 0), 0);
    assert_int_equal(seal__dns_reply_records(w.bytes, 11), 0);
}

static void pointers(void **state) {
    (void)state;
    /* An owner that points to itself, to what follows it, beyond the end, and is half there. */
    for (unsigned to = 0; to < 4; to++) {
        wire_begin(&w, 0, Q);
        size_t at = w.len;
        const unsigned places[] = {(unsigned)at, (unsigned)at + 2, 0x3fff, (unsigned)at + 1};
        w.answers = 1;
        wire_pointer(&w, places[to]);
        wire_pointer(&w, (unsigned)at);
        for (int i = 0; i < 20; i++)
            wire_u8(&w, 0);
        wire_end(&w);
        bad();
        w.len = at + 1;
        bad();
    }
    /* A target that points to its own label. */
    wire_begin(&w, 0, Q);
    size_t data = wire_answer(&w, Q, WIRE_SRV, 1);
    wire_bytes(&w, "\0\0\0\0\0\1", 6);
    unsigned label = (unsigned)w.len;
    wire_bytes(&w, "\1a", 2);
    wire_pointer(&w, label);
    wire_data_end(&w, data);
    wire_end(&w);
    bad();
}

/* A staircase of pointers, each to the one before it. */
static void many_pointers(void **state) {
    (void)state;
    wire_begin(&w, 0, Q);
    size_t data = wire_answer(&w, Q, WIRE_TXT, 1);
    size_t last = 12;
    for (int i = 0; i < 5000; i++) {
        size_t at = w.len;
        wire_pointer(&w, (unsigned)last);
        last = at;
    }
    wire_data_end(&w, data);
    data = wire_answer(&w, Q, WIRE_SRV, 1);
    wire_bytes(&w, "\0\0\0\0\0\1", 6);
    wire_pointer(&w, (unsigned)last);
    wire_data_end(&w, data);
    wire_end(&w);
    bad();
}

static void long_names(void **state) {
    (void)state;
    char name[400] = "";
    for (int labels = 1; labels <= 5; labels++) {
        size_t len = strlen(name);
        snprintf(name + len, sizeof name - len, "%s%063d", labels > 1 ? "." : "", 0);
        wire_begin(&w, 0, Q);
        wire_srv(&w, Q, 1, 0, 0, 1, name);
        wire_end(&w);
        assert_int_equal(parse(w.bytes, w.len, NULL), labels <= 3 ? 0 : SEAL_ERROR_MALFORMED);
    }
    /* 255 bytes on the wire are allowed; 256 are not. Escaped, they are at their longest. */
    for (unsigned rest = 61; rest <= 62; rest++) {
        wire_begin(&w, 0, Q);
        size_t data = wire_answer(&w, Q, WIRE_SRV, 1);
        wire_bytes(&w, "\0\0\0\0\0\1", 6);
        for (int i = 0; i < 4; i++) {
            unsigned n = i < 3 ? 63 : rest;
            wire_u8(&w, n);
            for (unsigned k = 0; k < n; k++)
                wire_u8(&w, 0xff);
        }
        wire_u8(&w, 0);
        wire_data_end(&w, data);
        wire_end(&w);
        assert_int_equal(parse(w.bytes, w.len, NULL), rest == 61 ? 0 : SEAL_ERROR_MALFORMED);
    }
    /* 0x40 and 0x80 in front of a label are no lengths. */
    for (unsigned first = 0x40; first < 0xc0; first += 0x40) {
        wire_begin(&w, 0, Q);
        size_t data = wire_answer(&w, Q, WIRE_SRV, 1);
        wire_bytes(&w, "\0\0\0\0\0\1", 6);
        wire_u8(&w, first);
        for (int i = 0; i < 300; i++)
            wire_u8(&w, 0);
        wire_data_end(&w, data);
        wire_end(&w);
        bad();
    }
}

/* The data of a record ends before, in, or after the name in it. */
static void data_lengths(void **state) {
    (void)state;
    for (unsigned len = 0; len < 20; len++) {
        wire_begin(&w, 0, Q);
        size_t data = wire_answer(&w, Q, WIRE_SRV, 1);
        wire_bytes(&w, "\0\0\0\0\0\1\3abc\0", 11);
        wire_data_end(&w, data);
        w.bytes[data - 1] = (uint8_t)len;
        for (int i = 0; i < 20; i++)
            wire_u8(&w, 0);
        wire_end(&w);
        assert_int_equal(parse(w.bytes, w.len, NULL), len == 11 ? 0 : SEAL_ERROR_MALFORMED);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records),        cmocka_unit_test(compressed),
        cmocka_unit_test(escapes),        cmocka_unit_test(aliases),
        cmocka_unit_test(cut_everywhere), cmocka_unit_test(changed_everywhere),
        cmocka_unit_test(counts),         cmocka_unit_test(pointers),
        cmocka_unit_test(many_pointers),  cmocka_unit_test(long_names),
        cmocka_unit_test(data_lengths),
    };
    return cmocka_run_group_tests_name("naming.dns_reply", tests, NULL, NULL);
}
