/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of a server's streams share: a server with the test's own handlers for flow.Flow
 * beside the usual ones, and client calls that count what they get. Assertions on the test's thread
 * only.
 */
#ifndef SEAL_TESTS_INTEGRATION_FLOW_RIG_H
#define SEAL_TESTS_INTEGRATION_FLOW_RIG_H

#include "harness.h"

#include "flow_item.h"

/* ---- Server ---- */

typedef struct flow_setup {
    const flow_flow_ops *ops;
    void *user;
    bool blocking;
    const seal_server_options *options;   /* NULL: the usual ones */
    void (*prepare)(seal_server *server); /* NULL: nothing */
} flow_setup;

/* Starts it_s and it_c. */
void flow_start(const flow_setup *setup);
/* Stops both. Each call that was begun must have ended. */
void flow_stop(void);

/* What handlers do: the test's, counted. Zeroed at flow_start. */
typedef struct flow_seen {
    atomic_uint runs;     /* handlers that have begun */
    atomic_uint messages; /* received */
    atomic_uint wrong;    /* out of order, or another mistake */
    atomic_uint ends;     /* on_message(NULL), or take that returned 0 */
    atomic_uint cancels;
    atomic_uint agains;
    atomic_uint writables;
    atomic_uint sent;
    atomic_uint left; /* handlers that have returned or let go */
} flow_seen;
extern flow_seen flow_s;

/* Counts a mistake, and says where. */
#define FLOW_CHECK(condition)                                                                      \
    ((condition) ? (void)0                                                                         \
                 : (print_error("%s:%d: %s\n", __FILE__, __LINE__, #condition),                    \
                    (void)atomic_fetch_add(&flow_s.wrong, 1)))

/* Keeps the one call of a test: with a reference. The test takes it with flow_held. */
void flow_hold(seal_call *call);
seal_call *flow_held(void);
/* Runs it on the server's loop and waits. */
void flow_on_loop(void (*fn)(void *arg), void *arg);

/* ---- Client ---- */

typedef struct flow_call {
    seal_client_call *call;
    atomic_uint received;
    atomic_uint disorder; /* numbers that did not count up from 0 */
    atomic_uint writables;
    atomic_uint metadata; /* initial metadata came */
    char initial[64];     /* its value of "first" */
    seal_result *result;  /* once `ended` */
    atomic_uint ended;
} flow_call;

void flow_open_both(flow_call *fc, const seal_call_options *options);
void flow_open_small(flow_call *fc, const seal_call_options *options);
void flow_open_bob_only(flow_call *fc);
void flow_open_absent(flow_call *fc);
/* A stream both ways of any method; what comes back is passed over. */
void flow_open_as(flow_call *fc, const seal_method *method);
void flow_open_up(flow_call *fc, const seal_call_options *options);
void flow_open_down(flow_call *fc, uint32_t number, const seal_call_options *options);
/* Of Both, or of Up. */
int flow_write(flow_call *fc, uint32_t number, size_t size);
int flow_write_up(flow_call *fc, uint32_t number);
/* Writes, waiting for room where there is none. */
void flow_write_all(flow_call *fc, uint32_t n, size_t size);
/* Waits for the end, checks it, and lets go. */
void flow_expect(flow_call *fc, seal_status status, seal_execution execution, const char *part);
void flow_expect_ok(flow_call *fc);
/* Waits for the end only. */
void flow_await(flow_call *fc);
void flow_done(flow_call *fc);

/* A unary call. */
seal_result *flow_one(uint32_t number, const seal_call_options *options);

/* Options with a time limit. */
seal_call_options flow_timeout(uint64_t timeout_us);

/* Waits until a figure of the server is what it must be. */
typedef uint64_t flow_figure(const seal_server_stats *stats);
void flow_wait_figure(flow_figure *figure, uint64_t value, const char *what);
uint64_t flow_running(const seal_server_stats *stats);
uint64_t flow_queued(const seal_server_stats *stats);
uint64_t flow_cancelled(const seal_server_stats *stats);
uint64_t flow_expired(const seal_server_stats *stats);
uint64_t flow_refused(const seal_server_stats *stats);

#endif
