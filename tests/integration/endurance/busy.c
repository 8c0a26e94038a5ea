/* SPDX-License-Identifier: Apache-2.0 */
#include "busy.h"

#include <stdio.h>
#include <stdlib.h>

enum { STREAM_MESSAGES = 3, WORK_US = 300 };

uint64_t busy_id(const busy_client *c, size_t sequence) {
    return c->number << 32 | sequence;
}

static void note_failure(busy_client *c, uint64_t id, const seal_result *result) {
    if (seal_result_status(result) != SEAL_STATUS_UNAVAILABLE)
        c->is_unavailable_only = false;
    if (atomic_fetch_add(&c->failed, 1) == 0)
        snprintf(c->first_failure, sizeof c->first_failure, "call %llx: %s (%s): %s",
                 (unsigned long long)id, seal_status_name(seal_result_status(result)),
                 seal_execution_name(seal_result_execution(result)), seal_result_message(result));
}

static busy_end end_of(const seal_result *result) {
    if (seal_result_status(result) == SEAL_STATUS_OK)
        return BUSY_OK;
    switch (seal_result_execution(result)) {
    case SEAL_NOT_EXECUTED:
        return BUSY_NOT_EXECUTED;
    case SEAL_EXECUTED:
        return BUSY_EXECUTED;
    case SEAL_EXECUTION_UNKNOWN:
        break;
    }
    return BUSY_UNKNOWN;
}

static void begin(busy_slot *slot);

static void ended(busy_slot *slot, const seal_result *result, bool is_right) {
    busy_client *c = slot->client;
    busy_end end = end_of(result);
    if (end != BUSY_OK)
        note_failure(c, slot->id, result);
    else if (!is_right)
        end = BUSY_WRONG;
    c->ends[slot->id & UINT32_MAX] = (uint8_t)end;
    c->outstanding--;
    atomic_fetch_add(&c->done, 1);
    if (!atomic_load(&c->stop))
        begin(slot);
    else if (c->outstanding == 0)
        atomic_store(&c->idle, true);
}

static void on_receipt(const seal_result *result, const Jtest__Receipt *receipt, void *user) {
    busy_slot *slot = user;
    ended(slot, result, receipt != NULL && receipt->id == slot->id);
}

static void on_message(seal_client_call *call, const Jtest__Receipt *receipt, void *user) {
    busy_slot *slot = user;
    (void)call;
    slot->messages += receipt->id == slot->id;
}

static void on_end(const seal_result *result, void *user) {
    busy_slot *slot = user;
    ended(slot, result, slot->messages == STREAM_MESSAGES);
}

static int begin_stream(busy_slot *slot, Jtest__Order *order) {
    seal_client_call *call = NULL;
    slot->messages = 0;
    order->count = STREAM_MESSAGES;
    int rc =
        jtest_work_open_list(slot->client->channel, order, NULL, on_message, on_end, slot, &call);
    if (rc == 0)
        seal_client_call_read(call, SEAL_READ_ALL);
    seal_client_call_unref(call);
    return rc;
}

static void begin(busy_slot *slot) {
    busy_client *c = slot->client;
    Jtest__Order order = JTEST__ORDER__INIT;
    if (c->next == c->cap) {
        c->cap = c->cap * 2 + 4096;
        c->ends = realloc(c->ends, c->cap);
        if (c->ends == NULL)
            abort();
    }
    size_t sequence = c->next++;
    c->ends[sequence] = BUSY_RUNNING;
    c->outstanding++;
    slot->id = busy_id(c, sequence);
    order.id = slot->id;
    order.work_us = WORK_US;
    int rc = 0;
    if (sequence % 64 == 2)
        rc = begin_stream(slot, &order);
    else if (sequence % 16 == 1)
        rc = jtest_work_call_execute(c->channel, &order, NULL, on_receipt, slot, NULL);
    else
        rc = jtest_journal_call_execute(c->channel, &order, NULL, on_receipt, slot, NULL);
    if (rc < 0)
        abort(); /* out of memory, or a mistake of this file */
}

static void begin_all(void *user) {
    busy_client *c = user;
    for (size_t i = 0; i < BUSY_OUTSTANDING; i++) {
        c->slots[i].client = c;
        begin(&c->slots[i]);
    }
}

void busy_start(busy_client *c, uint64_t number, const char *target) {
    seal_runtime_options options;
    memset(c, 0, sizeof *c);
    c->number = number;
    c->is_unavailable_only = true;
    it_log_init(&c->log);
    seal_runtime_options_init(&options);
    options.log = it_log_line;
    options.log_user = &c->log;
    assert_int_equal(seal_runtime_new(&options, &c->runtime, NULL), 0);
    assert_int_equal(jtest_journal_channel_new(c->runtime, target, NULL, &c->channel, NULL), 0);
    assert_int_equal(seal_runtime_post(c->runtime, begin_all, c), 0);
}

void busy_stop(busy_client *c) {
    atomic_store(&c->stop, true);
}

static bool is_idle(void *arg) {
    busy_client *c = arg;
    return atomic_load(&c->idle);
}

void busy_await_idle(busy_client *c) {
    it_wait(is_idle, c, "every call to end");
}

void busy_close(busy_client *c) {
    seal_channel_free(c->channel);
    seal_runtime_free(c->runtime);
}

void busy_done(busy_client *c) {
    it_log_done(&c->log);
    free(c->ends);
}
