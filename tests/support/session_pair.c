/* SPDX-License-Identifier: Apache-2.0 */
#include "support/session_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_HEADER = 4, SCATTERED = 4096 };

static size_t record_begin(void *user, seal__buf *out) {
    (void)user;
    size_t start = out->len;
    return seal__buf_reserve(out, RECORD_HEADER) == NULL ? SIZE_MAX : start;
}

static int record_end(void *user, seal__buf *out, size_t start) {
    (void)user;
    seal__store_u32(out->data + start, (uint32_t)(out->len - start - RECORD_HEADER));
    return 0;
}

static int end_init(session_pair *pair, session_end *end, seal__session_role role) {
    static const seal__sealer sealer = {.begin = record_begin, .end = record_end};
    const seal_allocator *alloc = &pair->alloc.allocator;
    const session_pair_options *o = &pair->options;
    end->role = role;
    end->on_event = role == SEAL__SESSION_SERVER ? o->on_server : o->on_client;
    seal__outbox_init(&end->outbox, alloc, &sealer);
    seal__session_options options = {
        .role = role,
        .alloc = alloc,
        .outbox = &end->outbox,
        .max_streams = o->max_streams != 0 ? o->max_streams : 100,
        .max_message = o->max_message != 0 ? o->max_message : 4 << 20,
        .max_buffered = o->max_buffered,
        .stream_window = o->stream_window,
        .connection_window = o->connection_window,
    };
    if (role == SEAL__SESSION_CLIENT) {
        options.keepalive_ns = o->keepalive_ns;
        options.keepalive_timeout_ns = o->keepalive_timeout_ns;
        options.keepalive_idle = o->keepalive_idle;
    }
    int rc = seal__session_new(&options, pair->now_ns, &end->session, NULL);
    return rc != 0 || o->no_start ? rc : seal__session_start(end->session);
}

int session_pair_init(session_pair *pair, const session_pair_options *options) {
    failing_alloc alloc = pair->alloc; /* a test may have armed it */
    *pair = (session_pair){.options = *options, .now_ns = UINT64_C(5000000000)};
    failing_alloc_init(&pair->alloc);
    pair->alloc.fail_at = alloc.fail_at;
    pair->alloc.once = alloc.once;
    int rc = end_init(pair, &pair->client, SEAL__SESSION_CLIENT);
    int rc2 = end_init(pair, &pair->server, SEAL__SESSION_SERVER);
    return rc != 0 ? rc : rc2;
}

void session_pair_done(session_pair *pair) {
    seal__session_free(pair->client.session);
    seal__session_free(pair->server.session);
    seal__outbox_done(&pair->client.outbox);
    seal__outbox_done(&pair->server.outbox);
    pair->client.session = pair->server.session = NULL;
}

void session_end_drain(session_pair *pair, session_end *end) {
    for (;;) {
        seal__event event;
        seal_error *error = NULL;
        int rc = seal__session_next(end->session, &event, &error);
        if (rc != 0 && end->failed == 0) {
            end->failed = rc;
            snprintf(end->message, sizeof end->message, "%s", seal_error_message(error));
        }
        seal_error_free(error);
        if (rc != 0 || event.kind == SEAL__EVENT_NONE)
            return;
        end->counts[event.kind]++;
        if (end->on_event != NULL)
            end->on_event(pair, end, &event);
    }
}

void session_end_open(session_end *end, const uint8_t *content, size_t len, uint8_t *ret) {
    seal__scatter *scatter = seal__session_scatter(end->session);
    memset(ret, 0x55, len);
    scatter->n = 0;
    for (size_t at = 0; at < len;) {
        size_t n = scatter->n;
        size_t here = scatter->next(scatter->user, ret, at, len);
        if (scatter->n > n) {
            memcpy(scatter->pieces[n].to, content + at, scatter->pieces[n].len);
            at += scatter->pieces[n].len;
        }
        here = here < len - at ? here : len - at;
        memcpy(ret + at, content + at, here);
        at += here;
    }
}

/* In memory of its own and of the right size, so that a sanitizer sees a read beyond it. Large ones
 * are scattered, as when they are opened. */
void session_end_feed(session_pair *pair, session_end *end, const uint8_t *content, size_t len) {
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    if (len >= SCATTERED && !pair->options.in_place)
        session_end_open(end, content, len, copy);
    else if (len > 0)
        memcpy(copy, content, len);
    if (len < SCATTERED || pair->options.in_place)
        seal__session_scatter(end->session)->n = 0;
    end->records++;
    seal__session_feed(end->session, pair->now_ns, copy, len);
    session_end_drain(pair, end);
    /* Nothing of a record may be used later. */
    memset(copy, 0xaa, len);
    free(copy);
}

static void feed_record(session_pair *pair, session_end *end, const uint8_t *content, size_t len) {
    if (!pair->options.split) {
        session_end_feed(pair, end, content, len);
        return;
    }
    while (len > 0) {
        size_t frame = SEAL__FRAME_HEADER + (size_t)seal__load_u16(content + 2);
        session_end_feed(pair, end, content, frame);
        content += frame;
        len -= frame;
    }
}

static bool seal_all(session_pair *pair, session_end *from) {
    size_t limit = pair->options.pump_limit != 0 ? pair->options.pump_limit : (size_t)64 << 10;
    seal__session_pump(from->session, limit);
    if (seal__session_has_events(from->session))
        session_end_drain(pair, from);
    return seal__outbox_seal(&from->outbox) == 0;
}

size_t session_pair_move(session_pair *pair, session_end *from) {
    session_end *to = from == &pair->client ? &pair->server : &pair->client;
    if (!seal_all(pair, from) || from->outbox.wire.len == 0)
        return 0;
    size_t len = from->outbox.wire.len;
    uint8_t *bytes = malloc(len);
    memcpy(bytes, from->outbox.wire.data, len);
    seal__outbox_taken(&from->outbox, len);
    for (size_t at = 0; at < len;) {
        size_t content = seal__load_u32(bytes + at);
        feed_record(pair, to, bytes + at + RECORD_HEADER, content);
        at += RECORD_HEADER + content;
    }
    free(bytes);
    return len;
}

void session_pair_run(session_pair *pair) {
    while (session_pair_move(pair, &pair->client) + session_pair_move(pair, &pair->server) > 0 &&
           pair->client.failed == 0 && pair->server.failed == 0) {
    }
}

void session_pair_advance(session_pair *pair, uint64_t ns) {
    pair->now_ns += ns;
    seal__session_tick(pair->client.session, pair->now_ns);
    session_end_drain(pair, &pair->client);
    seal__session_tick(pair->server.session, pair->now_ns);
    session_end_drain(pair, &pair->server);
}

size_t session_end_discard(session_end *end) {
    seal__session_pump(end->session, SIZE_MAX);
    seal__outbox_seal(&end->outbox);
    size_t len = end->outbox.wire.len;
    seal__outbox_taken(&end->outbox, len);
    return len;
}

size_t put_frame(uint8_t *content, size_t len, unsigned type, unsigned flags, uint64_t stream,
                 const void *payload, size_t payload_len) {
    uint8_t *at =
        seal__frame_put_header(content + len, (seal__frame_type)type, flags, payload_len, stream);
    if (payload_len > 0)
        memcpy(at, payload, payload_len);
    return len + SEAL__FRAME_HEADER + payload_len;
}

size_t put_headers(uint8_t *content, size_t len, uint64_t stream, uint32_t method,
                   uint64_t timeout_us, const char *name) {
    uint8_t payload[SEAL__HEADERS_FIXED + 4096];
    size_t name_len = name == NULL ? 0 : strlen(name);
    seal__headers_write(payload, method, timeout_us, name, name_len);
    return put_frame(content, len, SEAL__FRAME_HEADERS, 0, stream, payload,
                     seal__headers_size(name_len));
}

size_t put_data(uint8_t *content, size_t len, unsigned flags, uint64_t stream, uint32_t total,
                size_t n) {
    uint8_t *at = seal__frame_put_header(content + len, SEAL__FRAME_DATA, flags | SEAL__DATA_FIRST,
                                         4 + n, stream);
    seal__store_u32(at, total);
    memset(at + 4, 'd', n);
    return len + SEAL__FRAME_HEADER + 4 + n;
}

static uint8_t byte_of(uint32_t seed, size_t i) {
    return (uint8_t)((seed * UINT64_C(2654435761) + i * 40503u) >> 7);
}

void test_message_pack(const void *message, uint8_t *at) {
    const test_message *m = message;
    for (size_t i = 0; i < m->size; i++)
        at[i] = byte_of(m->seed, i);
}

bool test_message_matches(const uint8_t *data, size_t len, uint32_t seed) {
    for (size_t i = 0; i < len; i++) {
        if (data[i] != byte_of(seed, i))
            return false;
    }
    return true;
}

int send_message(session_end *end, seal__stream *stream, size_t size, uint32_t seed, bool last) {
    test_message message = {.size = size, .seed = seed};
    return seal__session_send(end->session, stream, size, test_message_pack, &message, last);
}
