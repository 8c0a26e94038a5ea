/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every single bit. Two ends of a secure channel with real Kerberos contexts, joined in memory:
 * ClientHello, AP-REQ, ServerHello, AP-REP, both Finished, and then three records each way. For
 * each bit of each of these messages, headers included, a connection is made in which only this bit
 * is flipped. None may deliver a record from there on, and both ends must fail.
 *
 * In a scratch realm the ticket is the KDC's; without one it is minted with the service's own key.
 * SEALRPC_TEST_SAMPLE=1, for slow builds: a sample of the bits.
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "secure/secure_channel.h"
#include "support/gss_lab.h"

#define SECOND UINT64_C(1000000000)
#define NOW (1000 * SECOND)

enum { RECORDS = 3, HANDSHAKE_MESSAGES = 3, MESSAGES = HANDSHAKE_MESSAGES + RECORDS, NO_FLIP = 99 };

typedef struct end {
    seal__secure_channel *channel;
    seal__buf out;    /* to be delivered */
    seal__buf in;     /* delivered, not consumed */
    unsigned sent;    /* messages delivered to the other end */
    unsigned records; /* records received */
    unsigned good;    /* of them, with the content that was sent */
    int rc;
} end;

static seal__gss_acceptor *identity;
static const char *ccache;
static seal_suite suite = SEAL_SUITE_AES256_GCM;
static seal_level level = SEAL_LEVEL_PRIVACY;
static size_t flipped_len; /* of the message that was flipped */

/* Where the flip is. */
typedef struct flip {
    int direction; /* 0: to the server */
    unsigned message;
    size_t bit;
} flip;

static bool full(void) {
    const char *value = getenv("SEALRPC_TEST_SAMPLE");
    return value == NULL || value[0] != '1';
}

static int make_client(void *user, seal_mechanism mechanism, const char *target,
                       seal__mech **ret_mech, seal_error **reterr) {
    (void)user;
    (void)target;
    seal__gss_initiator_options options = {.alloc = &seal__default_allocator,
                                           .target = LAB_SERVICE,
                                           .ccache = ccache,
                                           .mechanism = mechanism};
    return seal__gss_initiator_new(&options, ret_mech, reterr);
}

static int make_server(void *user, seal_mechanism mechanism, const char *target,
                       seal__mech **ret_mech, seal_error **reterr) {
    (void)user;
    return seal__gss_acceptor_context(identity, mechanism, target, ret_mech, reterr);
}

static void end_init(end *e, seal__role role) {
    seal__secure_config config = {
        .role = role,
        .alloc = &seal__default_allocator,
        .mechs = {.make = role == SEAL__CLIENT ? make_client : make_server},
        .target = role == SEAL__CLIENT ? LAB_SERVICE : NULL,
        .suites = {suite},
        .n_suites = 1,
        .min_level = level,
        .mechanisms = {SEAL_MECHANISM_KRB5},
        .n_mechanisms = 1,
        .handshake_timeout_ns = 10 * SECOND};
    memset(config.instance_id, (int)role, SEAL__INSTANCE_ID);
    *e = (end){.rc = 0};
    seal__buf_init(&e->out, &seal__default_allocator, 1024 * 1024);
    seal__buf_init(&e->in, &seal__default_allocator, 1024 * 1024);
    assert_int_equal(seal__secure_new(&config, NOW, &e->channel, NULL), 0);
}

static void end_done(end *e) {
    seal__secure_free(e->channel);
    seal__buf_done(&e->out);
    seal__buf_done(&e->in);
}

/* ---- One end ---- */

static void note(end *e, int rc, seal_error *error) {
    seal_error_free(error);
    if (e->rc == 0)
        e->rc = rc;
}

static void send_record(end *e, unsigned n) {
    char text[40];
    memset(text, '.', sizeof text);
    text[0] = (char)('0' + n);
    size_t start = seal__secure_record_begin(e->channel, &e->out);
    if (start == SIZE_MAX)
        return;
    seal__buf_put(&e->out, text, sizeof text);
    seal__secure_record_end(e->channel, &e->out, start);
}

static void on_record(end *e, bool is_server, const seal__secure_event *event) {
    unsigned n = e->records++;
    bool good = event->record_len == 40 && event->record[0] == '0' + n;
    for (size_t i = 1; i < event->record_len; i++)
        good = good && event->record[i] == '.';
    e->good += good;
    if (is_server)
        send_record(e, n);
    else if (n + 1 < RECORDS)
        send_record(e, n + 1);
}

static void run_step(end *e) {
    seal_error *error = NULL;
    seal__secure_step *step = seal__secure_take_step(e->channel);
    seal__secure_step_run(step);
    int rc = seal__secure_finish_step(e->channel, NOW, step, &error);
    note(e, rc, error);
}

/* Everything it can do without further bytes. */
static void settle(end *e, bool is_server) {
    bool could_send = seal__secure_can_send(e->channel);
    for (;;) {
        if (seal__secure_has_step(e->channel))
            run_step(e);
        seal_error *error = NULL;
        seal__secure_event event = {.kind = SEAL__SECURE_NONE};
        size_t consumed = 0;
        int rc =
            seal__secure_feed(e->channel, NOW, e->in.data, e->in.len, &consumed, &event, &error);
        note(e, rc, error);
        if (rc == 0 && event.kind == SEAL__SECURE_RECORD)
            on_record(e, is_server, &event);
        seal__buf_consume(&e->in, consumed);
        if (rc < 0 || (event.kind == SEAL__SECURE_NONE && !seal__secure_has_step(e->channel)))
            break;
    }
    seal__secure_flush(e->channel, &e->out);
    if (!is_server && !could_send && seal__secure_can_send(e->channel))
        send_record(e, 0);
}

/* ---- The wire ---- */

/* Moves one message. Returns false when there is none. */
static bool deliver(end *from, end *to, int direction, const flip *f) {
    if (from->out.len < SEAL__RECORD_HEADER)
        return false;
    uint8_t *m = from->out.data;
    size_t len = SEAL__RECORD_HEADER + ((size_t)m[0] << 16 | (size_t)m[1] << 8 | m[2]);
    assert_true(len <= from->out.len);
    if (f->direction == direction && f->message == from->sent) {
        flipped_len = len;
        if (f->bit < len * 8)
            m[f->bit / 8] ^= (uint8_t)(1u << (f->bit % 8));
    }
    seal__buf_put(&to->in, m, len);
    seal__buf_consume(&from->out, len);
    from->sent++;
    settle(to, direction == 0);
    return true;
}

/* The stream has ended for e; does it see that something is wrong? */
static bool notices_the_end(end *e, bool is_server) {
    settle(e, is_server);
    if (e->rc == 0) {
        seal_error *error = NULL;
        int rc = seal__secure_eof(e->channel, &error);
        note(e, rc, error);
    }
    return e->rc < 0;
}

static void connect_with(const flip *f, end *client, end *server) {
    flipped_len = 0;
    end_init(client, SEAL__CLIENT);
    end_init(server, SEAL__SERVER);
    settle(client, false);
    bool moved = true;
    while (moved) {
        moved = deliver(client, server, 0, f);
        moved = deliver(server, client, 1, f) || moved;
    }
}

/* What may have been delivered when message f->message is the first that is not genuine. */
static bool outcome_is_right(const flip *f, end *client, end *server) {
    unsigned proven = f->message < HANDSHAKE_MESSAGES ? 0 : f->message - HANDSHAKE_MESSAGES;
    unsigned at_server = server->records;
    unsigned at_client = client->records;
    bool right = server->good == at_server && client->good == at_client;
    if (f->direction == 0)
        right = right && at_server <= proven && at_client <= proven;
    else
        right = right && at_client <= proven &&
                at_server <= (f->message < HANDSHAKE_MESSAGES ? 0 : proven + 1);
    /* Nobody failed: an end waits for the rest of a message. Then time passes, or the stream ends.
     */
    right = notices_the_end(client, false) && right;
    right = notices_the_end(server, true) && right;
    return right;
}

static bool try_flip(const flip *f) {
    end client;
    end server;
    connect_with(f, &client, &server);
    bool is_past_the_end = flipped_len != 0 && f->bit >= flipped_len * 8;
    if (flipped_len == 0 || (!is_past_the_end && !outcome_is_right(f, &client, &server))) {
        print_error(
            "%s %s, direction %d, message %u, bit %zu: %u records at the server, %u at the client, "
            "%d %d, %zu\n",
            seal_suite_name(suite), seal_level_name(level), f->direction, f->message, f->bit,
            server.records, client.records, server.rc, client.rc, flipped_len);
        fail();
    }
    end_done(&client);
    end_done(&server);
    return !is_past_the_end;
}

/* Returns how many bits were flipped. */
static size_t sweep(int direction, unsigned message, size_t stride) {
    size_t n = 0;
    for (size_t bit = 0; try_flip(&(flip){.direction = direction, .message = message, .bit = bit});
         bit += stride)
        n++;
    return n;
}

static bool has_realm(void) {
    return getenv("SEAL_REALM_DIR") != NULL;
}

static int setup(void **state) {
    const char *keytab = NULL;
    if (!has_realm()) {
        int rc = lab_setup(state);
        if (rc != 0)
            return rc;
        keytab = lab_keytab();
        ccache = lab_ccache();
        lab_mint(keytab, LAB_SERVICE, ccache);
    }
    identity = lab_identity(keytab, LAB_SERVICE, SEAL_MECHANISM_KRB5);
    return 0;
}

static int teardown(void **state) {
    seal__gss_acceptor_unref(identity);
    if (has_realm())
        return 0;
    lab_drop_ccache(ccache);
    return lab_teardown(state);
}

/* ---- Tests ---- */

static void use(int which) {
    suite = (seal_suite)(which % 4 + 1);
    level = which < 4 ? SEAL_LEVEL_PRIVACY : SEAL_LEVEL_INTEGRITY;
}

static void without_flip(void **state) {
    (void)state;
    for (int which = 0; which < 8; which++) {
        end client;
        end server;
        use(which);
        connect_with(&(flip){.message = NO_FLIP}, &client, &server);
        assert_int_equal(server.good, RECORDS);
        assert_int_equal(client.good, RECORDS);
        assert_int_equal(client.sent, MESSAGES);
        assert_int_equal(server.sent, MESSAGES);
        assert_int_equal(client.rc, 0);
        assert_int_equal(server.rc, 0);
        end_done(&client);
        end_done(&server);
    }
}

static const char *const names[2][MESSAGES] = {
    {"ClientHello", "AP-REQ", "Finished", "record 1", "record 2", "record 3"},
    {"ServerHello", "AP-REP", "Finished", "record 1", "record 2", "record 3"}};

static void sweep_all(unsigned first, unsigned last, size_t stride) {
    char text[400] = "";
    for (int direction = 0; direction < 2; direction++) {
        for (unsigned message = first; message < last; message++) {
            size_t n = sweep(direction, message, stride);
            size_t at = strlen(text);
            snprintf(text + at, sizeof text - at, "%s%s %zu", at > 0 ? ", " : "",
                     names[direction][message], n);
            /* Tokens and hellos of Kerberos are not small; a sweep that ends early is none. */
            assert_true(n * stride >= 30 * 8);
        }
    }
    print_message("%s, %s: %s\n", seal_suite_name(suite), seal_level_name(level), text);
}

static void every_bit_of_one(void **state) {
    (void)state;
    use(0);
    sweep_all(0, MESSAGES, full() ? 1 : 3);
}

static void every_suite_and_level(void **state) {
    (void)state;
    for (int which = 1; which < 8; which++) {
        use(which);
        sweep_all(0, HANDSHAKE_MESSAGES, full() ? 1 : 97);
        sweep_all(HANDSHAKE_MESSAGES, MESSAGES, full() ? 1 : 7);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_flip),
        cmocka_unit_test(every_bit_of_one),
        cmocka_unit_test(every_suite_and_level),
    };
    return cmocka_run_group_tests_name("integration.flips", tests, setup, teardown);
}
