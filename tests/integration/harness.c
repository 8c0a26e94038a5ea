/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/client_internal.h"

enum { WAIT_MS = 60000 };

/* ---- Waiting ---- */

void it_wait(bool (*condition)(void *arg), void *arg, const char *what) {
    const struct timespec pause = {.tv_nsec = 1000000};
    for (int i = 0; i < WAIT_MS; i++) {
        if (condition(arg))
            return;
        nanosleep(&pause, NULL);
    }
    print_error("waited in vain for: %s\n", what);
    fail();
}

typedef struct at_least {
    atomic_uint *counter;
    unsigned n;
} at_least;

static bool is_at_least(void *arg) {
    const at_least *a = arg;
    return atomic_load(a->counter) >= a->n;
}

void it_wait_at_least(atomic_uint *counter, unsigned n, const char *what) {
    at_least a = {.counter = counter, .n = n};
    it_wait(is_at_least, &a, what);
}

/* ---- Log ---- */

void it_log_init(it_log *log) {
    memset(log, 0, sizeof *log);
    pthread_mutex_init(&log->lock, NULL);
}

void it_log_done(it_log *log) {
    for (size_t i = 0; i < log->n; i++)
        free(log->lines[i]);
    pthread_mutex_destroy(&log->lock);
}

void it_log_line(void *user, seal_log_level level, const char *line) {
    it_log *log = user;
    (void)level;
    if (getenv("IT_VERBOSE") != NULL)
        fprintf(stderr, "    %s\n", line);
    pthread_mutex_lock(&log->lock);
    if (log->n < IT_LINES)
        log->lines[log->n++] = strdup(line);
    pthread_mutex_unlock(&log->lock);
}

size_t it_log_count(it_log *log, const char *part) {
    size_t n = 0;
    pthread_mutex_lock(&log->lock);
    for (size_t i = 0; i < log->n; i++)
        n += strstr(log->lines[i], part) != NULL;
    pthread_mutex_unlock(&log->lock);
    return n;
}

typedef struct log_part {
    it_log *log;
    const char *part;
} log_part;

static bool log_has(void *arg) {
    const log_part *lp = arg;
    return it_log_count(lp->log, lp->part) > 0;
}

void it_log_wait(it_log *log, const char *part) {
    log_part lp = {.log = log, .part = part};
    it_wait(log_has, &lp, part);
}

/* ---- Handlers ---- */

static uint8_t pattern_at(size_t i) {
    return (uint8_t)(i * 31 + 7);
}

bool it_pattern_matches(const uint8_t *data, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (data[i] != pattern_at(i))
            return false;
    }
    return true;
}

static int reply(seal_call *call, const Itest__Reply *message) {
    /* The handler serves all methods, and each has a reply function of its own. */
    for (size_t i = 0; i < itest_echo_service.n_methods; i++) {
        const seal_method *method = &itest_echo_service.methods[i];
        if (strcmp(method->full_name, seal_call_method(call)) == 0)
            return seal_call_reply(call, method, &message->base);
    }
    return SEAL_ERROR_INTERNAL;
}

static int reply_ok(seal_call *call, const Itest__Request *request) {
    Itest__Reply message = ITEST__REPLY__INIT;
    message.data = request->data;
    message.number = request->number;
    return reply(call, &message);
}

static void reply_sized(seal_call *call, size_t size) {
    Itest__Reply message = ITEST__REPLY__INIT;
    message.data.len = size;
    message.data.data = malloc(size + 1);
    for (size_t i = 0; i < size; i++)
        message.data.data[i] = pattern_at(i);
    reply(call, &message);
    free(message.data.data);
}

static void reply_who(seal_call *call) {
    const seal_peer *peer = seal_call_peer(call);
    char text[512];
    snprintf(text, sizeof text, "%s|%s|%s|%s|%s|%s|%s|%d", seal_peer_principal(peer),
             seal_peer_realm(peer), seal_peer_local_principal(peer), seal_peer_mechanism(peer),
             seal_level_name(seal_peer_level(peer)), seal_suite_name(seal_peer_suite(peer)),
             seal_peer_address(peer), seal_peer_is_one_way(peer));
    Itest__Reply message = ITEST__REPLY__INIT;
    message.text = text;
    message.number = seal_peer_expires_at(peer);
    reply(call, &message);
}

static void hold(it_server *s, seal_call *call) {
    seal_call_ref(call);
    pthread_mutex_lock(&s->lock);
    if (s->n_held < IT_HELD)
        s->held[s->n_held++] = call;
    else
        atomic_fetch_add(&s->mistakes, 1);
    pthread_mutex_unlock(&s->lock);
}

static void *answering_thread(void *arg) {
    seal_call *call = arg;
    Itest__Reply message = ITEST__REPLY__INIT;
    message.number = seal_call_time_left_us(call);
    reply(call, &message);
    seal_call_unref(call);
    return NULL;
}

static void reply_from_thread(it_server *s, seal_call *call) {
    pthread_t thread;
    seal_call_ref(call);
    if (pthread_create(&thread, NULL, answering_thread, call) != 0) {
        atomic_fetch_add(&s->mistakes, 1);
        seal_call_unref(call);
        return;
    }
    pthread_detach(thread);
}

static void check(it_server *s, bool right) {
    if (!right)
        atomic_fetch_add(&s->mistakes, 1);
}

static void reply_wrong_method(it_server *s, seal_call *call, const Itest__Request *request) {
    Itest__Reply message = ITEST__REPLY__INIT;
    check(s, itest_elsewhere_reply_call(call, &message) == SEAL_ERROR_INVALID);
    check(s, reply_ok(call, request) == 0);
}

static void reply_null_text(it_server *s, seal_call *call) {
    char *list[] = {NULL};
    Itest__Reply message = ITEST__REPLY__INIT;
    message.n_list = 1;
    message.list = list;
    check(s, reply(call, &message) == SEAL_ERROR_INVALID);
    check(s, seal_call_fail(call, SEAL_STATUS_ABORTED, "too late") == SEAL_ERROR_ALREADY);
}

static void on_cancelled(seal_call *call, void *user) {
    it_server *s = user;
    check(s, seal_call_is_cancelled(call));
    atomic_fetch_add(&s->cancels, 1);
    seal_call_fail(call, SEAL_STATUS_CANCELLED, "as you wish");
    seal_call_unref(call);
}

static void handle(seal_call *call, const Itest__Request *request, void *user) {
    it_server *s = user;
    atomic_fetch_add(&s->runs, 1);
    switch (request->mode) {
    case ITEST__MODE__SIZED:
        reply_sized(call, request->number);
        break;
    case ITEST__MODE__LATER:
        hold(s, call);
        break;
    case ITEST__MODE__THREAD:
        reply_from_thread(s, call);
        break;
    case ITEST__MODE__NEVER:
        break;
    case ITEST__MODE__TWICE:
        check(s, reply_ok(call, request) == 0);
        check(s, reply_ok(call, request) == SEAL_ERROR_ALREADY);
        check(s, seal_call_fail(call, SEAL_STATUS_ABORTED, NULL) == SEAL_ERROR_ALREADY);
        break;
    case ITEST__MODE__FAIL:
        check(s, seal_call_fail(call, (seal_status)request->number, "%s", request->text) == 0);
        break;
    case ITEST__MODE__WRONG_METHOD:
        reply_wrong_method(s, call, request);
        break;
    case ITEST__MODE__NULL_TEXT:
        reply_null_text(s, call);
        break;
    case ITEST__MODE__WHO:
        reply_who(call);
        break;
    case ITEST__MODE__CANCELLED:
        seal_call_ref(call);
        seal_call_on_cancel(call, on_cancelled, s);
        break;
    default:
        reply_ok(call, request);
        break;
    }
}

static const itest_echo_ops ops = {.size = sizeof ops,
                                   .call = handle,
                                   .private_ = handle,
                                   .alice_only = handle,
                                   .bob_only = handle,
                                   .realm_only = handle,
                                   .small = handle,
                                   .timed = handle};

/* ---- Server ---- */

void it_server_options(seal_server_options *options) {
    seal_server_options_init(options);
    options->principal = IT_SERVICE;
    options->skip_startup_check = true;
}

void it_server_init(it_server *s) {
    memset(s, 0, sizeof *s);
    it_log_init(&s->log);
    pthread_mutex_init(&s->lock, NULL);
    seal_runtime_options_init(&s->runtime_options);
    s->runtime_options.log = it_log_line;
    s->runtime_options.log_user = &s->log;
}

int it_server_try_start(it_server *s, const seal_server_options *options, const char *address,
                        seal_error **reterr) {
    seal_server_options standard;
    it_server_options(&standard);
    int rc = s->runtime == NULL ? seal_runtime_new(&s->runtime_options, &s->runtime, reterr) : 0;
    if (rc == 0)
        rc = seal_server_new(s->runtime, options != NULL ? options : &standard, &s->server, reterr);
    if (rc == 0)
        rc = itest_echo_register(s->server, &ops, s, reterr);
    if (rc == 0)
        rc = seal_server_add_address(s->server, address != NULL ? address : "127.0.0.1:0", reterr);
    if (rc == 0 && s->prepare != NULL)
        s->prepare(s->server);
    if (rc == 0)
        rc = seal_server_start(s->server, reterr);
    return rc;
}

void it_server_start(it_server *s, const seal_server_options *options, const char *address) {
    seal_error *error = NULL;
    int rc = it_server_try_start(s, options, address, &error);
    if (rc != 0)
        print_error("server: %s\n", seal_error_message(error));
    seal_error_free(error);
    assert_int_equal(rc, 0);
    if (address != NULL && strncmp(address, "unix:", 5) == 0)
        snprintf(s->target, sizeof s->target, "%s", address);
    else
        snprintf(s->target, sizeof s->target, "%.*s:%u",
                 address != NULL ? (int)(strrchr(address, ':') - address) : 9,
                 address != NULL ? address : "127.0.0.1", seal_server_port(s->server));
}

void it_server_release(it_server *s) {
    Itest__Reply message = ITEST__REPLY__INIT;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->n_held; i++) {
        reply(s->held[i], &message);
        seal_call_unref(s->held[i]);
    }
    s->n_held = 0;
    pthread_mutex_unlock(&s->lock);
}

void it_server_free(it_server *s) {
    it_server_release(s);
    seal_server_free(s->server);
    s->server = NULL;
}

void it_server_done(it_server *s) {
    it_server_free(s);
    seal_runtime_free(s->runtime);
    it_log_done(&s->log);
    pthread_mutex_destroy(&s->lock);
    assert_int_equal(atomic_load(&s->mistakes), 0);
}

typedef struct held_count {
    it_server *s;
    size_t n;
} held_count;

static bool is_held(void *arg) {
    const held_count *h = arg;
    pthread_mutex_lock(&h->s->lock);
    bool enough = h->s->n_held >= h->n;
    pthread_mutex_unlock(&h->s->lock);
    return enough;
}

void it_server_wait_held(it_server *s, size_t n) {
    held_count h = {.s = s, .n = n};
    it_wait(is_held, &h, "calls to be held");
}

void it_count_stopped(seal_server *server, void *user) {
    (void)server;
    atomic_fetch_add((atomic_uint *)user, 1);
}

void it_server_stats(it_server *s, seal_server_stats *stats) {
    seal_server_get_stats(s->server, stats);
}

static bool is_idle(void *arg) {
    seal_server_stats stats;
    it_server_stats(arg, &stats);
    return stats.connections_open == 0;
}

void it_server_wait_idle(it_server *s) {
    it_wait(is_idle, s, "the server's connections to close");
}

/* ---- Client ---- */

void it_channel_options(seal_channel_options *options) {
    seal_channel_options_init(options);
    options->server_principal = IT_SERVICE;
}

void it_client_init_with(it_client *c, seal_runtime_options *options) {
    memset(c, 0, sizeof *c);
    it_log_init(&c->log);
    options->log = it_log_line;
    options->log_user = &c->log;
    assert_int_equal(seal_runtime_new(options, &c->runtime, NULL), 0);
}

void it_client_init(it_client *c) {
    seal_runtime_options options;
    seal_runtime_options_init(&options);
    it_client_init_with(c, &options);
}

seal_channel *it_channel(it_client *c, const char *target, const seal_channel_options *options) {
    seal_channel_options standard;
    it_channel_options(&standard);
    seal_channel *channel = NULL;
    seal_error *error = NULL;
    int rc = itest_echo_channel_new(c->runtime, target, options != NULL ? options : &standard,
                                    &channel, &error);
    if (rc != 0)
        print_error("channel: %s\n", seal_error_message(error));
    seal_error_free(error);
    assert_int_equal(rc, 0);
    return channel;
}

void it_client_start(it_client *c, const char *target, const seal_channel_options *options) {
    it_client_init(c);
    c->channel = it_channel(c, target, options);
}

seal_channel *it_channel_to(it_client *c, uint16_t port, const seal_channel_options *options) {
    char target[32];
    snprintf(target, sizeof target, "127.0.0.1:%u", port);
    return it_channel(c, target, options);
}

seal_channel_stats it_channel_stats(seal_channel *channel) {
    seal_channel_stats stats;
    seal_channel_get_stats(channel, &stats);
    return stats;
}

void it_client_done(it_client *c) {
    seal_channel_free(c->channel);
    seal_runtime_free(c->runtime);
    it_log_done(&c->log);
}

typedef struct connection_look {
    const seal_channel *channel;
    bool connected;
} connection_look;

static void look_for_connection(void *arg) {
    connection_look *look = arg;
    look->connected = look->channel->conn != NULL;
}

static bool is_disconnected(void *arg) {
    connection_look *look = arg;
    return seal__runtime_run(look->channel->runtime, look_for_connection, look) == 0 &&
           !look->connected;
}

void it_wait_disconnected(seal_channel *channel) {
    connection_look look = {.channel = channel};
    it_wait(is_disconnected, &look, "the channel to notice that its connection is gone");
}

/* ---- The usual pair ---- */

it_server it_s;
it_client it_c;

void it_start(const seal_server_options *server_options,
              const seal_channel_options *channel_options) {
    it_server_init(&it_s);
    it_server_start(&it_s, server_options, NULL);
    it_client_start(&it_c, it_s.target, channel_options);
}

int it_setup(void **state) {
    (void)state;
    it_start(NULL, NULL);
    return 0;
}

int it_teardown(void **state) {
    (void)state;
    it_client_done(&it_c);
    it_server_done(&it_s);
    return 0;
}

void it_start_two(it_server *first, it_server *second, it_client *client,
                  const seal_server_options *options, char ret_target[IT_TWO_TARGETS]) {
    it_server_init(first);
    it_server_init(second);
    it_server_start(first, options, NULL);
    it_server_start(second, NULL, NULL);
    snprintf(ret_target, IT_TWO_TARGETS, "seal:///%s,%s", first->target, second->target);
    it_client_start(client, ret_target, NULL);
    it_echo(client->channel, 1);
    assert_int_equal(atomic_load(&first->runs), 1);
}
