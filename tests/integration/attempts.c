/* SPDX-License-Identifier: Apache-2.0 */
#include "attempts.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { ENTRIES = 8 };

/* ---- The journal ---- */

typedef struct entry {
    uint32_t attempt;
    uint64_t at_ns;
} entry;

static struct {
    pthread_mutex_t lock;
    unsigned executions[AT_KEYS];
    entry entries[ENTRIES]; /* of the key that was used last */
    unsigned n_entries;
    unsigned total;
} journal = {.lock = PTHREAD_MUTEX_INITIALIZER};

void at_journal_clear(void) {
    pthread_mutex_lock(&journal.lock);
    memset(journal.executions, 0, sizeof journal.executions);
    journal.n_entries = 0;
    journal.total = 0;
    pthread_mutex_unlock(&journal.lock);
}

/* Returns how often the key had been executed before. */
static unsigned journal_note(uint32_t key, uint32_t attempt) {
    pthread_mutex_lock(&journal.lock);
    unsigned before = journal.executions[key]++;
    if (before == 0)
        journal.n_entries = 0;
    if (journal.n_entries < ENTRIES)
        journal.entries[journal.n_entries++] = (entry){.attempt = attempt, .at_ns = uv_hrtime()};
    journal.total++;
    pthread_mutex_unlock(&journal.lock);
    return before;
}

unsigned at_executions(uint32_t key) {
    pthread_mutex_lock(&journal.lock);
    unsigned n = journal.executions[key];
    pthread_mutex_unlock(&journal.lock);
    return n;
}

unsigned at_all_executions(void) {
    pthread_mutex_lock(&journal.lock);
    unsigned n = journal.total;
    pthread_mutex_unlock(&journal.lock);
    return n;
}

uint32_t at_attempt(unsigned n) {
    assert_true(n < journal.n_entries);
    return journal.entries[n].attempt;
}

/* Between two executions of the last key. */
uint64_t at_gap_ns(unsigned n) {
    assert_true(n + 1 < journal.n_entries);
    return journal.entries[n + 1].at_ns - journal.entries[n].at_ns;
}

static bool is_executed(void *arg) {
    const uint32_t *key = arg;
    return at_executions(*key) > 0;
}

void at_wait_executed(uint32_t key) {
    it_wait(is_executed, &key, "the call to be executed");
}

/* ---- Handlers ---- */

typedef int reply_fn(seal_call *call, const Itest__Done *reply);

static seal_call *unanswered[16]; /* with the journal's lock */
static unsigned n_unanswered;

static void keep(seal_call *call) {
    pthread_mutex_lock(&journal.lock);
    if (n_unanswered < 16)
        unanswered[n_unanswered++] = seal_call_ref(call);
    pthread_mutex_unlock(&journal.lock);
}

static void fail_as(seal_call *call, const Itest__Step *step) {
    if (step->advises)
        seal_call_set_retry_after(call, step->retry_after_ms);
    if (step->status != 0)
        (void)seal_call_fail(call, (seal_status)step->status, "as it was asked to");
    else
        keep(call);
}

static void handle(seal_call *call, const Itest__Try *request, reply_fn *reply) {
    Itest__Done done = ITEST__DONE__INIT;
    unsigned n = journal_note(request->key, seal_call_attempt(call));
    if (n < request->n_steps) {
        fail_as(call, request->steps[n]);
        return;
    }
    done.attempt = seal_call_attempt(call);
    done.size = it_pattern_matches(request->data.data, request->data.len) ? request->data.len : 0;
    (void)reply(call, &done);
}

static void handle_plain(seal_call *call, const Itest__Try *request, void *user) {
    (void)user;
    handle(call, request, itest_attempts_reply_plain);
}

static void handle_reads(seal_call *call, const Itest__Try *request, void *user) {
    (void)user;
    handle(call, request, itest_attempts_reply_reads);
}

static void handle_repeats(seal_call *call, const Itest__Try *request, void *user) {
    (void)user;
    handle(call, request, itest_attempts_reply_repeats);
}

static void handle_watch(seal_call *call, const Itest__Try *request, void *user) {
    (void)user;
    Itest__Done done = ITEST__DONE__INIT;
    unsigned n = journal_note(request->key, seal_call_attempt(call));
    const Itest__Step *step = n < request->n_steps ? request->steps[n] : NULL;
    done.attempt = seal_call_attempt(call);
    for (unsigned i = 0; i < (step != NULL ? step->messages : 3); i++)
        (void)itest_attempts_send_watch(call, &done);
    if (step != NULL)
        fail_as(call, step);
    else
        (void)seal_call_finish(call);
}

static const itest_attempts_ops handlers = {.size = sizeof handlers,
                                            .plain = handle_plain,
                                            .reads = handle_reads,
                                            .repeats = handle_repeats,
                                            .watch = handle_watch};

void at_register(seal_server *server) {
    assert_int_equal(itest_attempts_register(server, &handlers, NULL, NULL), 0);
}

/* ---- A server and a channel ---- */

int at_setup(void **state) {
    (void)state;
    at_journal_clear();
    it_server_init(&it_s);
    it_s.prepare = at_register;
    it_server_start(&it_s, NULL, NULL);
    it_client_start(&it_c, it_s.target, NULL);
    return 0;
}

void at_drop_unanswered(void) {
    pthread_mutex_lock(&journal.lock);
    for (unsigned i = 0; i < n_unanswered; i++)
        seal_call_unref(unanswered[i]);
    n_unanswered = 0;
    pthread_mutex_unlock(&journal.lock);
}

int at_teardown(void **state) {
    at_drop_unanswered();
    return it_teardown(state);
}

seal_channel_stats at_stats(void) {
    seal_channel_stats s = it_channel_stats(it_c.channel);
    return s;
}

/* ---- Calls ---- */

at_script at_script_of(uint32_t key, unsigned n_steps, seal_status status) {
    at_script s = {.key = key, .n_steps = n_steps};
    for (unsigned i = 0; i < AT_STEPS_MAX; i++) {
        itest__step__init(&s.steps[i]);
        s.steps[i].status = (uint32_t)status;
    }
    return s;
}

void at_pack(at_script *s, at_packed *p) {
    itest__try__init(&p->message);
    seal_call_options_init(&p->options);
    for (size_t i = 0; i < s->n_steps; i++)
        p->steps[i] = &s->steps[i];
    p->message.key = s->key;
    p->message.n_steps = s->n_steps;
    p->message.steps = p->steps;
    p->message.data.len = s->size;
    p->message.data.data = malloc(s->size + 1);
    for (size_t i = 0; i < s->size; i++)
        p->message.data.data[i] = (uint8_t)(i * 31 + 7);
    p->options.timeout_us = s->timeout_us;
    p->options.max_attempts = s->max_attempts;
    p->options.wait_for_ready = s->wait_for_ready;
}

seal_result *at_run(at_sync_fn *method, at_script s) {
    at_packed p;
    const Itest__Done *reply = NULL;
    at_pack(&s, &p);
    seal_result *result = method(it_c.channel, &p.message, &p.options, &reply);
    free(p.message.data.data);
    return result;
}

/* Checks the number of attempts, too, and that the server has seen as many. */
void at_expect(seal_result *result, uint32_t key, seal_status status, seal_execution execution,
               unsigned attempts) {
    assert_int_equal(seal_result_attempts(result), attempts);
    it_expect(result, status, execution, NULL);
    assert_int_equal(at_executions(key), attempts);
}

void at_count_end(const seal_result *result, const Itest__Done *reply, void *user) {
    it_ends *ends = user;
    (void)reply;
    atomic_fetch_add(&ends->by_status[seal_result_status(result)], 1);
    atomic_fetch_add(&ends->by_execution[seal_result_execution(result)], 1);
    atomic_fetch_add(&ends->n, 1);
}

void at_begin(at_script s, it_ends *ends, seal_client_call **ret_call) {
    at_packed p;
    at_pack(&s, &p);
    assert_int_equal(itest_attempts_call_repeats(it_c.channel, &p.message, &p.options, at_count_end,
                                                 ends, ret_call),
                     0);
    free(p.message.data.data);
}
