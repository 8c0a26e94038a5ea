/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions. The first byte chooses: raw records to a server or a client with some calls open, or a
 * script of operations on two sessions that are joined. Then no end may fail, every call ends once,
 * handlers never exceed the limit, and all windows are back at their start.
 */
#include <stdlib.h>
#include <string.h>

#include "base/reader.h"
#include "session/internal.h"
#include "support/session_pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_CALLS = 64, MAX_STREAMS = 8 };

typedef struct call {
    seal__stream *client;
    seal__stream *handler;
    unsigned endings;
    unsigned runs;
    unsigned replies; /* messages before the last one */
    unsigned got;
    bool wrote;
    seal_execution execution;
} call;

static struct {
    call calls[MAX_CALLS];
    unsigned n;
    unsigned handlers;
    bool raw;
} app;

static void must(bool condition) {
    if (!condition)
        abort();
}

static void on_server(session_pair *pair, session_end *end, const seal__event *event) {
    if (event->stream == NULL)
        return;
    if (event->kind == SEAL__EVENT_WRITABLE)
        return;
    if (event->kind == SEAL__EVENT_HEADERS) {
        must(seal__metadata_check(event->metadata.data, event->metadata.len));
        app.handlers++;
        must(app.handlers <= MAX_STREAMS);
        uint64_t deadline =
            event->timeout_us > UINT32_MAX ? UINT64_MAX : pair->now_ns + event->timeout_us * 1000;
        seal__stream_limit(event->stream, 100000, deadline, end->session);
    }
    if (app.raw) {
        /* answers as soon as there is something to answer */
        if (event->kind != SEAL__EVENT_HEADERS && event->kind != SEAL__EVENT_MESSAGE) {
            app.handlers--;
            seal__session_finish(end->session, event->stream, SEAL_STATUS_ABORTED, SEAL_EXECUTED,
                                 "x");
        }
        return;
    }
    call *c = &app.calls[seal__stream_id(event->stream) - 1];
    c->handler = event->stream;
    c->runs += event->kind == SEAL__EVENT_MESSAGE;
}

static void on_client(session_pair *pair, session_end *end, const seal__event *event) {
    (void)pair;
    (void)end;
    if (event->stream == NULL || event->kind == SEAL__EVENT_WRITABLE)
        return;
    must(seal__metadata_check(event->metadata.data, event->metadata.len));
    call *c = seal__stream_user(event->stream);
    must(c->endings == 0);
    if (event->kind == SEAL__EVENT_METADATA) {
        must(c->got == 0);
        return;
    }
    c->got += event->kind == SEAL__EVENT_MESSAGE;
    if (event->kind == SEAL__EVENT_MESSAGE && !event->end)
        return;
    c->endings++;
    c->execution = event->execution;
    c->client = NULL;
}

static void start_call(session_pair *pair, size_t size, uint64_t deadline_ns) {
    static const char *const methods[] = {"a/b", "c/d"};
    if (app.n == MAX_CALLS || !seal__session_can_open(pair->client.session))
        return;
    call *c = &app.calls[app.n++];
    static const seal_bytes block = {(const uint8_t *)"\1\0\1kv", 5};
    const seal__open open = {.method = methods[app.n % 2],
                             .deadline_ns = deadline_ns,
                             .max_message = 100000,
                             .wanted = app.raw || size % 160 != 0 ? SEAL__READ_ALL : 0,
                             .attempt = (uint32_t)size % 3,
                             .metadata = size % 240 == 0 ? block : (seal_bytes){NULL, 0},
                             .user = c};
    must(seal__session_open_call(pair->client.session, pair->now_ns, &open, &c->client) == 0);
    must(send_message(&pair->client, c->client, size, 1, true) == 0);
}

static void answer(session_pair *pair, call *c, uint8_t how) {
    if (c->handler == NULL)
        return;
    if (how % 4 == 0)
        seal__session_finish(pair->server.session, c->handler, (seal_status)(how % 17),
                             SEAL_EXECUTED, "no");
    else
        must(send_message(&pair->server, c->handler, (size_t)how * 80, 2, true) == 0);
    c->handler = NULL;
    app.handlers--;
}

/* A message that is not the last one; sometimes metadata before it. */
static void write_some(session_pair *pair, call *c, uint8_t how) {
    if (c->handler == NULL)
        return;
    seal__session *session = pair->server.session;
    if (how & 0x40) {
        int rc = seal__session_send_metadata(session, c->handler, (seal_bytes){NULL, 0});
        must(rc == (c->wrote ? SEAL_ERROR_STATE : 0) || rc == SEAL_ERROR_STATE);
    }
    must(send_message(&pair->server, c->handler, (size_t)how * 200, 2, false) == 0);
    c->wrote = true;
    c->replies++;
    if (how & 0x20)
        seal__stream_notify_writable(session, c->handler, how);
}

static void read_some(session_pair *pair, call *c, uint32_t n) {
    if (c->client == NULL)
        return;
    seal__stream_read(pair->client.session, c->client, n);
    session_end_drain(pair, &pair->client);
}

static void cancel(session_pair *pair, call *c) {
    if (c->client == NULL)
        return;
    c->endings++;
    c->execution = seal__session_cancel(pair->client.session, c->client) ? SEAL_NOT_EXECUTED
                                                                         : SEAL_EXECUTION_UNKNOWN;
    c->client = NULL;
}

static void run_script(session_pair *pair, seal__reader *script) {
    while (script->left >= 2) {
        uint8_t op = seal__read_u8(script);
        uint8_t arg = seal__read_u8(script);
        call *c = app.n == 0 ? NULL : &app.calls[arg % app.n];
        switch (op % 13) {
        case 0:
            start_call(pair, (size_t)arg * 80,
                       op & 0x80 ? pair->now_ns + arg * UINT64_C(1000) : UINT64_MAX);
            break;
        case 1:
            session_pair_move(pair, &pair->client);
            break;
        case 2:
            session_pair_move(pair, &pair->server);
            break;
        case 3:
            if (c != NULL)
                answer(pair, c, op);
            break;
        case 4:
            if (c != NULL)
                cancel(pair, c);
            break;
        case 5:
            session_pair_advance(pair, arg * UINT64_C(1000));
            break;
        case 6:
            if (arg == 7)
                must(seal__session_goaway(pair->server.session, 1, "bye") == 0);
            if (arg == 8)
                must(seal__session_drain(pair->server.session, 1, "bye") == 0);
            break;
        case 8:
            if (c != NULL)
                write_some(pair, c, op & 0x80 ? 250 : arg);
            break;
        case 9:
            if (c != NULL)
                read_some(pair, c, 1 + (op & 3));
            break;
        case 7:
            must(seal__outbox_seal(&pair->client.outbox) == 0);
            break;
        default:
            session_pair_run(pair);
            break;
        }
        must(pair->client.failed == 0 && pair->server.failed == 0);
    }
}

static void check_windows(const seal__session *from, const seal__session *to) {
    must(from->send_window == to->available);
    must(to->available + to->owed == to->connection_window);
    must(seal__session_unread(to) == 0);
}

static void finish_script(session_pair *pair) {
    for (unsigned i = 0; i < app.n; i++)
        read_some(pair, &app.calls[i], SEAL__READ_ALL);
    for (int round = 0; round < 3; round++) {
        session_pair_run(pair);
        session_pair_advance(pair, 1000000);
        for (unsigned i = 0; i < app.n; i++)
            answer(pair, &app.calls[i], 1);
    }
    session_pair_run(pair);
    must(pair->client.failed == 0 && pair->server.failed == 0);
    must(seal__session_stream_count(pair->client.session) == 0);
    must(seal__session_stream_count(pair->server.session) == 0);
    check_windows(pair->client.session, pair->server.session);
    check_windows(pair->server.session, pair->client.session);
    for (unsigned i = 0; i < app.n; i++) {
        must(app.calls[i].endings == 1 && app.calls[i].runs <= 1);
        must(app.calls[i].got <= app.calls[i].replies + 1);
        must(app.calls[i].runs == 0 || app.calls[i].execution != SEAL_NOT_EXECUTED);
    }
}

enum { SHORT = 512, BEGINNING = 48 };

/* A record of the length that the input itself gives. Of a long one it has the beginning, and the
 * rest is zeros: so that large messages need no large input. */
static void feed_record(session_pair *pair, session_end *end, seal__reader *input) {
    static uint8_t record[UINT16_MAX];
    size_t len = seal__read_u16(input);
    size_t given = len > SHORT ? BEGINNING : len;
    if (given > input->left)
        given = input->left;
    if (len <= SHORT)
        len = given;
    memset(record, 0, len);
    if (given > 0)
        memcpy(record, seal__read_bytes(input, given), given);
    session_end_feed(pair, end, record, len);
}

static void feed_raw(session_pair *pair, session_end *end, seal__reader *input) {
    static const uint8_t settings[] = {1, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 8};
    session_end_feed(pair, end, settings, sizeof settings);
    if (end->role == SEAL__SESSION_CLIENT) {
        for (int i = 0; i < 4; i++)
            start_call(pair, 10, i % 2 ? UINT64_MAX : pair->now_ns + 1000000);
    }
    while (input->left > 2 && end->failed == 0) {
        feed_record(pair, end, input);
        session_pair_advance(pair, 1000);
        session_end_discard(end);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    seal__reader input;
    seal__reader_init(&input, data, size);
    uint8_t mode = seal__read_u8(&input);
    memset(&app, 0, sizeof app);
    app.raw = mode % 3 != 0;
    session_pair pair;
    memset(&pair, 0, sizeof pair);
    session_pair_options options = {.max_streams = MAX_STREAMS,
                                    .max_message = 100000,
                                    .max_buffered = mode & 0x20 ? 300000 : 0,
                                    .stream_window = mode & 0x10 ? 1 : 0,
                                    .connection_window = mode & 0x10 ? 1 : 0,
                                    .pump_limit = mode & 0x40 ? 1 : 0,
                                    .split = (mode & 0x80) != 0,
                                    .on_server = on_server,
                                    .on_client = on_client};
    must(session_pair_init(&pair, &options) == 0);
    if (mode % 3 == 0) {
        session_pair_run(&pair);
        run_script(&pair, &input);
        finish_script(&pair);
    } else {
        feed_raw(&pair, mode % 3 == 1 ? &pair.server : &pair.client, &input);
    }
    session_pair_done(&pair);
    must(pair.alloc.live == 0);
    return 0;
}
