/* SPDX-License-Identifier: Apache-2.0 */
/* Every frame type in every state of a stream, at both ends, and the table in the documentation. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "session/internal.h"
#include "session/pair.h"

#define MAX_TIMEOUT SEAL__NO_TIMEOUT

/* The columns of the table, in the order of the documentation. */
static const seal__frame_type columns[] = {SEAL__FRAME_HEADERS, SEAL__FRAME_DATA,
                                           SEAL__FRAME_STATUS,  SEAL__FRAME_RESET,
                                           SEAL__FRAME_WINDOW,  SEAL__FRAME_METADATA};
enum { N_COLUMNS = sizeof columns / sizeof columns[0] };

/* The server's stream 1, kept by its owner; or the client's. */
static seal__stream *kept;

static void keep(session_pair *pair, session_end *end, const seal__event *event) {
    (void)pair;
    (void)end;
    if (event->kind == SEAL__EVENT_HEADERS)
        kept = event->stream;
}

/* What the peer would have to say first. */
static void begin(session_pair *pair, session_end *end) {
    session_pair_new(pair, &(session_pair_options){.on_server = keep}, NULL);
    uint8_t content[64];
    uint8_t setting[6] = {0, 1, 0, 0, 0, 100};
    session_end *it = end == &pair->server ? &pair->server : &pair->client;
    session_end_feed(pair, it, content,
                     put_frame(content, 0, SEAL__FRAME_SETTINGS, 0, 0, setting, 6));
    assert_int_equal(it->failed, 0);
}

static void end_pair(session_pair *pair) {
    session_pair_end(pair);
}

/* Brings stream 1 into a state. False: this end has no such state. */
static bool reach_at_server(session_pair *pair, seal__stream_state wanted) {
    uint8_t c[256];
    session_end *s = &pair->server;
    size_t len = put_headers(c, 0, 1, 1, MAX_TIMEOUT, "a/b");
    switch (wanted) {
    case SEAL__STREAM_IDLE:
        return true;
    case SEAL__STREAM_OPEN:
        break;
    case SEAL__STREAM_ENDED:
    case SEAL__STREAM_CLOSED:
        len = put_data(c, len, SEAL__DATA_END, 1, 1, 1);
        break;
    case SEAL__STREAM_RESET:
        len = put_frame(c, len, SEAL__FRAME_RESET, 0, 1, "\0\0\0\0", 4);
        break;
    case SEAL__STREAM_LATE:
        break;
    case SEAL__N_STREAM_STATES:
        return false;
    }
    session_end_feed(pair, s, c, len);
    if (wanted == SEAL__STREAM_LATE || wanted == SEAL__STREAM_CLOSED)
        assert_int_equal(
            seal__session_finish(s->session, kept, SEAL_STATUS_ABORTED, SEAL_EXECUTED, "no"), 0);
    return true;
}

static bool reach_at_client(session_pair *pair, seal__stream_state wanted) {
    uint8_t c[64];
    seal__session *session = pair->client.session;
    const seal__open open = {.method = "a/b",
                             .deadline_ns = UINT64_MAX,
                             .wanted = wanted == SEAL__STREAM_ENDED ? 0 : SEAL__READ_ALL};
    if (wanted == SEAL__STREAM_IDLE)
        return true;
    if (wanted == SEAL__STREAM_RESET || wanted == SEAL__N_STREAM_STATES)
        return false;
    assert_int_equal(seal__session_open_call(session, pair->now_ns, &open, &kept), 0);
    assert_int_equal(send_message(&pair->client, kept, 10, 1, true), 0);
    if (wanted == SEAL__STREAM_LATE)
        seal__session_cancel(session, kept);
    if (wanted == SEAL__STREAM_CLOSED || wanted == SEAL__STREAM_ENDED)
        session_end_feed(pair, &pair->client, c, put_data(c, 0, SEAL__DATA_END, 1, 1, 1));
    return true;
}

static size_t sample_frame(uint8_t *content, unsigned type) {
    static const uint8_t status[4] = {5, 2, 0, 0};
    switch (type) {
    case SEAL__FRAME_HEADERS:
        return put_headers(content, 0, 1, 1, MAX_TIMEOUT, "a/b");
    case SEAL__FRAME_DATA:
        return put_data(content, 0, 0, 1, 3, 3);
    case SEAL__FRAME_STATUS:
        return put_frame(content, 0, type, 0, 1, status, sizeof status);
    case SEAL__FRAME_WINDOW:
        return put_frame(content, 0, type, 0, 1, "\0\1\0\0", 4);
    case SEAL__FRAME_METADATA:
        return put_frame(content, 0, type, 0, 1, "\1\0\1kv", 5);
    default:
        return put_frame(content, 0, type, 0, 1, "\0\0\0\0", 4);
    }
}

static void check_cell(seal__session_role role, seal__stream_state state, unsigned type) {
    session_pair pair;
    session_end *end = role == SEAL__SESSION_SERVER ? &pair.server : &pair.client;
    begin(&pair, end);
    bool exists = role == SEAL__SESSION_SERVER ? reach_at_server(&pair, state)
                                               : reach_at_client(&pair, state);
    if (exists) {
        assert_int_equal(end->failed, 0);
        const seal__frame_action *action = seal__states_action(role, state, (seal__frame_type)type);
        const char *name = action == NULL ? "error" : action->name;
        size_t before[16];
        memcpy(before, end->counts, sizeof before);
        uint64_t full = end->session->budget.full_ns;
        end->session->crossing_ends = 0; /* one frame that crosses an end would be free */
        uint8_t content[64];
        session_end_feed(&pair, end, content, sample_frame(content, type));
        bool silent = memcmp(before, end->counts, sizeof before) == 0;
        bool charged = end->session->budget.full_ns != full;
        assert_int_equal(end->failed, strcmp(name, "error") == 0 ? SEAL_ERROR_PROTOCOL : 0);
        assert_int_equal(silent, strcmp(name, "error") == 0 || strcmp(name, "ignore") == 0 ||
                                     strcmp(name, "stray") == 0 || strcmp(name, "grant") == 0 ||
                                     strcmp(name, "crossing") == 0);
        assert_int_equal(charged, strcmp(name, "stray") == 0 || strcmp(name, "cancel") == 0 ||
                                      strcmp(name, "fail") == 0);
    }
    end_pair(&pair);
}

static void every_frame_in_every_state(void **state) {
    (void)state;
    for (int s = 0; s < SEAL__N_STREAM_STATES; s++) {
        for (size_t i = 0; i < N_COLUMNS; i++) {
            check_cell(SEAL__SESSION_SERVER, (seal__stream_state)s, columns[i]);
            check_cell(SEAL__SESSION_CLIENT, (seal__stream_state)s, columns[i]);
        }
    }
}

static FILE *open_documentation(void) {
    FILE *file = fopen(SEAL_TEST_DOCS "/protocol.md", "r");
    char line[1024];
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strstr(line, "<!-- states: begin -->") != NULL)
            return file;
    }
    if (file != NULL)
        fclose(file);
    return NULL;
}

static void check_row(const char *line) {
    char end[16], state[16], cell[N_COLUMNS][16];
    assert_int_equal(sscanf(line, "| %15s | %15s | %15s | %15s | %15s | %15s | %15s | %15s |", end,
                            state, cell[0], cell[1], cell[2], cell[3], cell[4], cell[5]),
                     2 + N_COLUMNS);
    seal__session_role role =
        strcmp(end, "server") == 0 ? SEAL__SESSION_SERVER : SEAL__SESSION_CLIENT;
    int s = 0;
    while (s < SEAL__N_STREAM_STATES &&
           strcmp(state, seal__states_name((seal__stream_state)s)) != 0)
        s++;
    assert_in_range(s, 0, SEAL__N_STREAM_STATES - 1);
    for (unsigned i = 0; i < N_COLUMNS; i++) {
        const seal__frame_action *action =
            seal__states_action(role, (seal__stream_state)s, columns[i]);
        assert_string_equal(cell[i], action == NULL ? "error" : action->name);
    }
}

static void documentation_has_the_same_table(void **state) {
    (void)state;
    FILE *file = open_documentation();
    assert_non_null(file);
    char line[1024];
    unsigned rows = 0;
    while (fgets(line, sizeof line, file) != NULL && line[0] == '|') {
        if (strncmp(line, "| server", 8) == 0 || strncmp(line, "| client", 8) == 0) {
            check_row(line);
            rows++;
        }
    }
    fclose(file);
    assert_int_equal(rows, 6 + 5);
}

/* ---- Frames that are wrong in any state ---- */

typedef struct bad_frame {
    const char *what;
    unsigned type;
    unsigned flags;
    uint64_t stream;
    const char *payload;
    size_t len;
} bad_frame;

static const bad_frame bad_at_both[] = {
    {"type 0", 0, 0, 0, "", 0},
    {"WINDOW of 0", SEAL__FRAME_WINDOW, 0, 0, "\0\0\0\0", 4},
    {"WINDOW of 0 on a stream", SEAL__FRAME_WINDOW, 0, 1, "\0\0\0\0", 4},
    {"WINDOW of 3 bytes", SEAL__FRAME_WINDOW, 0, 0, "\0\1\0", 3},
    {"WINDOW of 5 bytes", SEAL__FRAME_WINDOW, 0, 1, "\0\1\0\0\0", 5},
    {"WINDOW with a flag", SEAL__FRAME_WINDOW, 1, 0, "\0\1\0\0", 4},
    {"WINDOW over 2^31-1", SEAL__FRAME_WINDOW, 0, 0, "\177\377\377\377", 4},
    {"WINDOW over 2^31-1 on a stream", SEAL__FRAME_WINDOW, 0, 1, "\177\377\377\377", 4},
    {"WINDOW of 2^32-1", SEAL__FRAME_WINDOW, 0, 1, "\377\377\377\377", 4},
    {"WINDOW on an idle stream", SEAL__FRAME_WINDOW, 0, 2, "\0\1\0\0", 4},
    {"METADATA on stream 0", SEAL__FRAME_METADATA, 0, 0, "", 0},
    {"METADATA with a flag", SEAL__FRAME_METADATA, 1, 1, "", 0},
    {"critical type", 128, 0, 0, "", 0},
    {"last critical type", 255, 0, 7, "", 0},
    {"SETTINGS twice", SEAL__FRAME_SETTINGS, 0, 0, "", 0},
    {"PING on a stream", SEAL__FRAME_PING, 0, 1, "12345678", 8},
    {"PING of 7 bytes", SEAL__FRAME_PING, 0, 0, "1234567", 7},
    {"PING of 9 bytes", SEAL__FRAME_PING, 0, 0, "123456789", 9},
    {"PING with a flag", SEAL__FRAME_PING, 1, 0, "12345678", 8},
    {"PONG of 0 bytes", SEAL__FRAME_PONG, 0, 0, "", 0},
    {"DATA on stream 0", SEAL__FRAME_DATA, 1, 0, "\0\0\0\0", 4},
    {"RESET on stream 0", SEAL__FRAME_RESET, 0, 0, "\0\0\0\0", 4},
    {"STATUS on stream 0", SEAL__FRAME_STATUS, 0, 0, "\0\0\0\0", 4},
    {"HEADERS on stream 0", SEAL__FRAME_HEADERS, 0, 0, "", 0},
    {"DATA with an unknown flag", SEAL__FRAME_DATA, 5, 1, "\0\0\0\0", 4},
    {"DATA with the top flag", SEAL__FRAME_DATA, 0x81, 1, "\0\0\0\0", 4},
    {"RESET with a flag", SEAL__FRAME_RESET, 1, 1, "\0\0\0\0", 4},
    {"RESET of 3 bytes", SEAL__FRAME_RESET, 0, 1, "\0\0\0", 3},
    {"RESET of 5 bytes", SEAL__FRAME_RESET, 0, 1, "\0\0\0\0\0", 5},
    {"continuation of nothing", SEAL__FRAME_DATA, 0, 1, "x", 1},
    {"empty frame without END", SEAL__FRAME_DATA, 0, 1, "", 0},
    {"FIRST without a length", SEAL__FRAME_DATA, 1, 1, "\0\0\0", 3},
    {"FIRST without a byte of the message", SEAL__FRAME_DATA, 1, 1, "\0\0\0\1", 4},
    {"more bytes than the message has", SEAL__FRAME_DATA, 1, 1, "\0\0\0\1ab", 6},
    {"bytes behind an empty message", SEAL__FRAME_DATA, 1, 1, "\0\0\0\0a", 5},
    {"END inside a message", SEAL__FRAME_DATA, 3, 1, "\0\0\0\2a", 5},
    {"HEADERS of an open stream", SEAL__FRAME_HEADERS, 0, 1, "\0\0\0\1\1\1\1\1\1\1\1\1\0\0", 14},
    {"DATA on an idle stream", SEAL__FRAME_DATA, 1, 2, "\0\0\0\0", 4},
    {"DATA on the highest stream", SEAL__FRAME_DATA, 1, UINT64_MAX, "\0\0\0\0", 4},
};

static const bad_frame bad_at_server[] = {
    {"GOAWAY from a client", SEAL__FRAME_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16},
    {"STATUS from a client", SEAL__FRAME_STATUS, 0, 1, "\0\0\0\0", 4},
    {"METADATA from a client", SEAL__FRAME_METADATA, 0, 1, "", 0},
    {"HEADERS, extension twice", SEAL__FRAME_HEADERS, 0, 2,
     "\0\0\0\1\1\1\1\1\1\1\1\1\0\0\7\0\0\7\0\0", 20},
    {"HEADERS, metadata twice", SEAL__FRAME_HEADERS, 0, 2,
     "\0\0\0\1\1\1\1\1\1\1\1\1\0\0\1\0\0\1\0\0", 20},
    {"HEADERS, attempt of 2 bytes", SEAL__FRAME_HEADERS, 0, 2,
     "\0\0\0\1\1\1\1\1\1\1\1\1\0\0\2\0\2\0\2", 19},
    {"HEADERS, attempt of 0 bytes", SEAL__FRAME_HEADERS, 0, 2, "\0\0\0\1\1\1\1\1\1\1\1\1\0\0\2\0\0",
     17},
    {"HEADERS cut off", SEAL__FRAME_HEADERS, 0, 2, "\0\0\0\1\1\1\1\1\1\1\1\1\0", 13},
    {"HEADERS, name cut off", SEAL__FRAME_HEADERS, 0, 2, "\0\0\0\2\1\1\1\1\1\1\1\1\0\3ab", 16},
    {"HEADERS, extension cut off", SEAL__FRAME_HEADERS, 0, 2, "\0\0\0\1\1\1\1\1\1\1\1\1\0\0\1\0",
     16},
    {"HEADERS, extension too long", SEAL__FRAME_HEADERS, 0, 2,
     "\0\0\0\1\1\1\1\1\1\1\1\1\0\0\1\0\2a", 18},
    {"HEADERS, stream id skipped", SEAL__FRAME_HEADERS, 0, 3, "\0\0\0\1\1\1\1\1\1\1\1\1\0\0", 14},
    {"HEADERS, id 2^63", SEAL__FRAME_HEADERS, 0, UINT64_C(1) << 63, "\0\0\0\1\1\1\1\1\1\1\1\1\0\0",
     14},
    {"HEADERS, method 0", SEAL__FRAME_HEADERS, 0, 2, "\0\0\0\0\1\1\1\1\1\1\1\1\0\1a", 15},
    {"HEADERS, method skipped", SEAL__FRAME_HEADERS, 0, 2, "\0\0\0\3\1\1\1\1\1\1\1\1\0\1a", 15},
    {"HEADERS, method 2^32-1", SEAL__FRAME_HEADERS, 0, 2, "\377\377\377\377\1\1\1\1\1\1\1\1\0\1a",
     15},
    {"HEADERS, known method with a name", SEAL__FRAME_HEADERS, 0, 2,
     "\0\0\0\1\1\1\1\1\1\1\1\1\0\1a", 15},
};

static const bad_frame bad_at_client[] = {
    {"STATUS cut off", SEAL__FRAME_STATUS, 0, 1, "\0\0\0", 3},
    {"STATUS, text cut off", SEAL__FRAME_STATUS, 0, 1, "\0\0\0\2a", 5},
    {"STATUS, critical extension", SEAL__FRAME_STATUS, 0, 1, "\0\0\0\0\200\0\0", 7},
    {"STATUS, extension twice", SEAL__FRAME_STATUS, 0, 1, "\0\0\0\0\7\0\0\7\0\0", 10},
    {"STATUS, broken metadata", SEAL__FRAME_STATUS, 0, 1, "\0\0\0\0\1\0\4\1\0\0K", 11},
    {"STATUS, metadata cut off", SEAL__FRAME_STATUS, 0, 1, "\0\0\0\0\1\0\3\1\0\0", 10},
    {"STATUS, retry-after of 3 bytes", SEAL__FRAME_STATUS, 0, 1, "\0\0\0\0\3\0\3\0\0\0", 10},
    {"STATUS, retry-after of 5 bytes", SEAL__FRAME_STATUS, 0, 1, "\0\0\0\0\3\0\5\0\0\0\0\0", 12},
    {"METADATA, upper case", SEAL__FRAME_METADATA, 0, 1, "\1\0\1Kv", 5},
    {"METADATA, reserved key", SEAL__FRAME_METADATA, 0, 1, "\6\0\1seal-av", 10},
    {"METADATA cut off", SEAL__FRAME_METADATA, 0, 1, "\1\0\2kv", 5},
    {"GOAWAY cut off", SEAL__FRAME_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15},
    {"GOAWAY, text too short", SEAL__FRAME_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16},
    {"GOAWAY with rest", SEAL__FRAME_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0x", 17},
    {"GOAWAY on a stream", SEAL__FRAME_GOAWAY, 0, 1, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16},
};

static void check_bad(seal__session_role role, const bad_frame *bad) {
    session_pair pair;
    session_end *end = role == SEAL__SESSION_SERVER ? &pair.server : &pair.client;
    begin(&pair, end);
    if (role == SEAL__SESSION_SERVER)
        reach_at_server(&pair, SEAL__STREAM_OPEN);
    else
        reach_at_client(&pair, SEAL__STREAM_OPEN);
    uint8_t content[128];
    size_t len = put_frame(content, 0, bad->type, bad->flags, bad->stream, bad->payload, bad->len);
    session_end_feed(&pair, end, content, len);
    if (end->failed != SEAL_ERROR_PROTOCOL)
        fail_msg("%s: %d", bad->what, end->failed);
    /* the failure is final */
    session_end_feed(&pair, end, content, put_frame(content, 0, 50, 0, 0, "", 0));
    seal__event event;
    assert_int_equal(seal__session_next(end->session, &event, NULL), SEAL_ERROR_PROTOCOL);
    assert_int_equal(event.kind, SEAL__EVENT_NONE);
    end_pair(&pair);
}

static void wrong_frames_end_the_connection(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad_at_both / sizeof bad_at_both[0]; i++) {
        check_bad(SEAL__SESSION_SERVER, &bad_at_both[i]);
        check_bad(SEAL__SESSION_CLIENT, &bad_at_both[i]);
    }
    for (size_t i = 0; i < sizeof bad_at_server / sizeof bad_at_server[0]; i++)
        check_bad(SEAL__SESSION_SERVER, &bad_at_server[i]);
    for (size_t i = 0; i < sizeof bad_at_client / sizeof bad_at_client[0]; i++)
        check_bad(SEAL__SESSION_CLIENT, &bad_at_client[i]);
}

/* Second frames of a message that do not continue it. */
static void wrong_continuations_end_the_connection(void **state) {
    (void)state;
    static const bad_frame second[] = {
        {"FIRST again", SEAL__FRAME_DATA, 1, 1, "\0\0\0\1a", 5},
        {"empty", SEAL__FRAME_DATA, 0, 1, "", 0},
        {"empty with END", SEAL__FRAME_DATA, 2, 1, "", 0},
        {"beyond the length", SEAL__FRAME_DATA, 0, 1, "abcdefgh", 8},
        {"END too early", SEAL__FRAME_DATA, 2, 1, "abcde", 5},
    };
    for (size_t i = 0; i < sizeof second / sizeof second[0]; i++) {
        session_pair pair;
        begin(&pair, &pair.server);
        reach_at_server(&pair, SEAL__STREAM_OPEN);
        uint8_t content[128];
        size_t len = put_data(content, 0, 0, 1, 10, 3);
        len = put_frame(content, len, second[i].type, second[i].flags, 1, second[i].payload,
                        second[i].len);
        session_end_feed(&pair, &pair.server, content, len);
        if (pair.server.failed != SEAL_ERROR_PROTOCOL)
            fail_msg("%s", second[i].what);
        end_pair(&pair);
    }
}

static void every_truncation_ends_the_connection(void **state) {
    (void)state;
    uint8_t whole[256];
    size_t len = put_headers(whole, 0, 1, 1, MAX_TIMEOUT, "a/b");
    size_t second = len;
    len = put_data(whole, len, SEAL__DATA_END, 1, 20, 20);
    for (size_t cut = 1; cut < len; cut++) {
        session_pair pair;
        begin(&pair, &pair.server);
        session_end_feed(&pair, &pair.server, whole, cut);
        assert_int_equal(pair.server.failed, cut == second ? 0 : SEAL_ERROR_PROTOCOL);
        assert_int_equal(pair.server.counts[SEAL__EVENT_MESSAGE], 0);
        end_pair(&pair);
    }
}

static void settings_come_first_and_once(void **state) {
    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        session_pair pair;
        session_pair_new(&pair, &(session_pair_options){0}, NULL);
        uint8_t content[64];
        session_end_feed(&pair, &pair.server, content, put_frame(content, 0, type, 0, 0, "", 0));
        assert_int_equal(pair.server.failed,
                         type == SEAL__FRAME_SETTINGS ? 0 : SEAL_ERROR_PROTOCOL);
        end_pair(&pair);
    }
}

static void unknown_frames_are_ignored(void **state) {
    (void)state;
    session_pair pair;
    begin(&pair, &pair.server);
    uint8_t content[64];
    for (unsigned type = 11; type < 128; type++)
        session_end_feed(&pair, &pair.server, content,
                         put_frame(content, 0, type, type, type, "abc", 3));
    assert_int_equal(pair.server.failed, 0);
    end_pair(&pair);
}

static void strange_statuses_are_read_as_unknown(void **state) {
    (void)state;
    static const struct {
        uint8_t code, execution;
        seal_status status;
        seal_execution read;
    } cases[] = {
        {17, 2, SEAL_STATUS_UNKNOWN, SEAL_EXECUTED},
        {255, 1, SEAL_STATUS_UNKNOWN, SEAL_NOT_EXECUTED},
        {16, 3, SEAL_STATUS_UNAUTHENTICATED, SEAL_EXECUTION_UNKNOWN},
        {0, 1, SEAL_STATUS_OK, SEAL_EXECUTED},
        {1, 255, SEAL_STATUS_CANCELLED, SEAL_EXECUTION_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        session_pair pair;
        begin(&pair, &pair.client);
        reach_at_client(&pair, SEAL__STREAM_OPEN);
        uint8_t content[64];
        uint8_t payload[] = {cases[i].code, cases[i].execution, 0, 3, 'a', '\b', 0xff};
        seal__session_feed(
            pair.client.session, 0, content,
            put_frame(content, 0, SEAL__FRAME_STATUS, 0, 1, payload, sizeof payload));
        seal__event event;
        assert_int_equal(seal__session_next(pair.client.session, &event, NULL), 0);
        assert_int_equal(event.kind, SEAL__EVENT_STATUS);
        assert_int_equal(event.status, cases[i].status);
        assert_int_equal(event.execution, cases[i].read);
        assert_string_equal(event.text, "a ?");
        /* gone, but still readable; what is done to it has no effect */
        assert_int_equal(seal__stream_id(event.stream), 1);
        assert_int_equal(seal__session_stream_count(pair.client.session), 0);
        seal__session_cancel(pair.client.session, event.stream);
        assert_int_equal(send_message(&pair.client, event.stream, 1, 1, true), SEAL_ERROR_STATE);
        end_pair(&pair);
    }
}

static void server_reset_ends_the_call(void **state) {
    (void)state;
    static const seal_status expected[] = {SEAL_STATUS_CANCELLED, SEAL_STATUS_DEADLINE_EXCEEDED,
                                           SEAL_STATUS_RESOURCE_EXHAUSTED, SEAL_STATUS_INTERNAL};
    for (uint8_t reason = 0; reason < 4; reason++) {
        session_pair pair;
        begin(&pair, &pair.client);
        reach_at_client(&pair, SEAL__STREAM_OPEN);
        uint8_t content[64];
        uint8_t payload[4] = {0, 0, 0, reason};
        seal__session_feed(pair.client.session, 0, content,
                           put_frame(content, 0, SEAL__FRAME_RESET, 0, 1, payload, 4));
        seal__event event;
        assert_int_equal(seal__session_next(pair.client.session, &event, NULL), 0);
        assert_int_equal(event.kind, SEAL__EVENT_STATUS);
        assert_int_equal(event.status, expected[reason]);
        assert_int_equal(event.execution, SEAL_EXECUTION_UNKNOWN);
        end_pair(&pair);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_in_every_state),
        cmocka_unit_test(documentation_has_the_same_table),
        cmocka_unit_test(wrong_frames_end_the_connection),
        cmocka_unit_test(wrong_continuations_end_the_connection),
        cmocka_unit_test(every_truncation_ends_the_connection),
        cmocka_unit_test(settings_come_first_and_once),
        cmocka_unit_test(unknown_frames_are_ignored),
        cmocka_unit_test(strange_statuses_are_read_as_unknown),
        cmocka_unit_test(server_reset_ends_the_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
