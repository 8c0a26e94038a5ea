/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the integration tests share: an echo server in a runtime of its own, clients in another one
 * (a runtime refuses to talk to itself), a captured log, and calls with one line. Assertions on the
 * test's thread only.
 */
#ifndef SEAL_TESTS_INTEGRATION_HARNESS_H
#define SEAL_TESTS_INTEGRATION_HARNESS_H

#include "support/cmocka_all.h"

#include <pthread.h>
#include <stdatomic.h>

#include <sealrpc/sealrpc.h>

#include "echo.seal.h"

#define IT_REALM "SEALRPC.TEST"
#define IT_ALICE "alice@" IT_REALM
#define IT_SERVICE "echo/localhost"

enum { IT_LINES = 512, IT_HELD = 2048 };

/* ---- Waiting ---- */

/* Fails the test, with this description, when it does not become true within a generous time. */
void it_wait(bool (*condition)(void *arg), void *arg, const char *what);
void it_wait_at_least(atomic_uint *counter, unsigned n, const char *what);

/* ---- Log ---- */

typedef struct it_log {
    pthread_mutex_t lock;
    char *lines[IT_LINES];
    size_t n;
} it_log;

void it_log_init(it_log *log);
void it_log_done(it_log *log);
/* A seal_log_fn. */
void it_log_line(void *user, seal_log_level level, const char *line);
size_t it_log_count(it_log *log, const char *part);
void it_log_wait(it_log *log, const char *part);

/* ---- Server ---- */

typedef struct it_server {
    seal_runtime *runtime;
    seal_server *server;
    it_log log;
    atomic_uint runs;     /* handlers that were run */
    atomic_uint cancels;  /* on_cancel callbacks */
    atomic_uint mistakes; /* answers that should have been refused, or the other way round */
    pthread_mutex_t lock;
    seal_call *held[IT_HELD];
    size_t n_held;
    char target[160];                     /* for clients */
    seal_runtime_options runtime_options; /* may be changed before it_server_start */
    void (*prepare)(seal_server *server); /* called before the start; NULL: nothing */
} it_server;

/* Options that work: principal echo/localhost, default keytab, no question to the KDC. */
void it_server_options(seal_server_options *options);
void it_server_init(it_server *server);
/* Starts on an address (NULL: 127.0.0.1:0) with options (NULL: it_server_options). */
void it_server_start(it_server *server, const seal_server_options *options, const char *address);
int it_server_try_start(it_server *server, const seal_server_options *options, const char *address,
                        seal_error **reterr);
/* Frees server and runtime. Held calls are answered first. */
void it_server_done(it_server *server);
/* Only the server, such as to start another one in the same runtime. */
void it_server_free(it_server *server);
void it_server_wait_held(it_server *server, size_t n);
/* Answers the held calls, all OK. */
void it_server_release(it_server *server);
void it_server_stats(it_server *server, seal_server_stats *stats);
/* A seal_server_stopped_fn: counts in an atomic_uint. */
void it_count_stopped(seal_server *server, void *user);
/* Until no connection is open. */
void it_server_wait_idle(it_server *server);

/* ---- Client ---- */

typedef struct it_client {
    seal_runtime *runtime;
    seal_channel *channel;
    it_log log;
} it_client;

void it_channel_options(seal_channel_options *options);
void it_client_init(it_client *client);
/* With options for its runtime, but for the log. */
void it_client_init_with(it_client *client, seal_runtime_options *options);
/* A runtime and one channel. Options NULL: it_channel_options. */
void it_client_start(it_client *client, const char *target, const seal_channel_options *options);
seal_channel *it_channel(it_client *client, const char *target,
                         const seal_channel_options *options);
/* To a port of 127.0.0.1. */
seal_channel *it_channel_to(it_client *client, uint16_t port, const seal_channel_options *options);
void it_client_done(it_client *client);
seal_channel_stats it_channel_stats(seal_channel *channel);
/* Until the channel has no connection for new calls: it has noticed that its server is gone. */
void it_wait_disconnected(seal_channel *channel);

/* ---- The usual pair ---- */

extern it_server it_s;
extern it_client it_c;
/* it_s with these options and it_c, a client of it (NULL: the standard ones). */
void it_start(const seal_server_options *server_options,
              const seal_channel_options *channel_options);
/* Set up, with standard options, and torn down for each test. */
int it_setup(void **state);
int it_teardown(void **state);

/* Two servers and a client of both, which has called the first one, the options of which these are
 * (NULL: the standard ones). Their common target goes to `ret_target`. */
enum { IT_TWO_TARGETS = 400 };
void it_start_two(it_server *first, it_server *second, it_client *client,
                  const seal_server_options *options, char ret_target[IT_TWO_TARGETS]);

/* ---- Calls ---- */

typedef struct it_request {
    Itest__Mode mode;
    uint32_t number;
    size_t size; /* of the data, a pattern */
    const char *text;
    uint64_t timeout_us;
    seal_level min_level;
    bool wait_for_ready;
} it_request;

typedef seal_result *it_sync_fn(seal_channel *channel, const Itest__Request *request,
                                const seal_call_options *options, const Itest__Reply **ret_reply);

/* A blocking call of any of the methods; NULL: Call. */
seal_result *it_sync(seal_channel *channel, it_sync_fn *method, const it_request *request);
/* The same with mode ECHO; must be OK and the data the same. Works on any thread; returns whether
 * it did. */
bool it_echo_works(seal_channel *channel, size_t size);
void it_echo(seal_channel *channel, size_t size);
/* Checks status and execution, and that the message has the part (NULL: any); frees. */
void it_expect(seal_result *result, seal_status status, seal_execution execution, const char *part);
void it_expect_ok(seal_result *result);
bool it_pattern_matches(const uint8_t *data, size_t len);

/* Counts the ends of asynchronous calls. */
typedef struct it_ends {
    atomic_uint n;
    atomic_uint by_status[17];
    atomic_uint by_execution[3];
    atomic_uint wrong_data;
} it_ends;

int it_async(seal_channel *channel, const it_request *request, it_ends *ends,
             seal_client_call **ret_call);
/* So many of them, none of which may fail to start. */
void it_async_many(seal_channel *channel, const it_request *request, unsigned n, it_ends *ends);
void it_wait_ends(it_ends *ends, unsigned n);

/* ---- Sockets ---- */

/* Connected to 127.0.0.1. */
int it_connect(uint16_t port);
/* Listening on a free port of 127.0.0.1; accepts nothing. */
int it_listen(uint16_t *ret_port);
/* Reads until the end; returns how many bytes came. Fails the test when the end does not come. */
size_t it_read_to_end(int fd, uint8_t *bytes, size_t size);
/* A connection to this port of 127.0.0.1 is closed at once, without a byte. */
void it_expect_shed(uint16_t port);
/* A port on which nobody listens. */
uint16_t it_closed_port(void);
void it_send(int fd, const void *bytes, size_t len);

/* ---- Files ---- */

/* A path in a folder of this program's, removed at its end; valid until 16 more were asked for. */
const char *it_path(const char *name);
void it_write_file(const char *path, const void *bytes, size_t len);
/* Runs a shell command; fails the test when it fails. */
void it_shell(const char *command);

#endif
