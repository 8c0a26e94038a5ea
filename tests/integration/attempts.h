/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of attempts share: a server whose handlers do what each request says, and keep a
 * journal of what was really executed; and calls to it.
 */
#ifndef SEAL_TESTS_INTEGRATION_ATTEMPTS_H
#define SEAL_TESTS_INTEGRATION_ATTEMPTS_H

#include "harness.h"

#include "attempts.seal.h"

#define MS 1000000ull

enum { AT_KEYS = 100000, AT_STEPS_MAX = 5 };

/* ---- The journal ---- */

void at_journal_clear(void);
/* Of one key; of all. */
unsigned at_executions(uint32_t key);
unsigned at_all_executions(void);
/* Of the key that was executed last: which attempt execution n was, and how long after it the next
 * one began. */
uint32_t at_attempt(unsigned n);
uint64_t at_gap_ns(unsigned n);
void at_wait_executed(uint32_t key);

/* ---- A server and a channel: it_s and it_c ---- */

/* For it_server.prepare. */
void at_register(seal_server *server);
int at_setup(void **state);
int at_teardown(void **state);
/* The calls that got no answer: what a teardown does before it ends the server. */
void at_drop_unanswered(void);
seal_channel_stats at_stats(void);

/* ---- Calls ---- */

typedef struct at_script {
    uint32_t key;
    Itest__Step steps[AT_STEPS_MAX];
    size_t n_steps;
    size_t size; /* of the data */
    uint64_t timeout_us;
    uint32_t max_attempts;
    bool wait_for_ready;
} at_script;

/* The first n executions end with this status, those behind with OK. */
at_script at_script_of(uint32_t key, unsigned n_steps, seal_status status);

typedef struct at_packed {
    Itest__Try message;
    Itest__Step *steps[AT_STEPS_MAX];
    seal_call_options options;
} at_packed;

/* The script is borrowed; free the message's data. */
void at_pack(at_script *s, at_packed *p);

typedef seal_result *at_sync_fn(seal_channel *channel, const Itest__Try *request,
                                const seal_call_options *options, const Itest__Done **ret_reply);

seal_result *at_run(at_sync_fn *method, at_script s);
/* Checks the number of attempts, too, and that the server has seen as many. Frees. */
void at_expect(seal_result *result, uint32_t key, seal_status status, seal_execution execution,
               unsigned attempts);
/* Counts the end of a call in an it_ends. */
void at_count_end(const seal_result *result, const Itest__Done *reply, void *user);
/* An asynchronous call of Repeats. */
void at_begin(at_script s, it_ends *ends, seal_client_call **ret_call);

#endif
