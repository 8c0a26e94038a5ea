/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client that is always busy: a runtime and a channel of its own, and so many calls outstanding,
 * each followed by another one. Mostly short calls, some that a blocking handler answers, some with
 * a stream. It keeps how each call ended.
 */
#ifndef SEAL_TESTS_ENDURANCE_BUSY_H
#define SEAL_TESTS_ENDURANCE_BUSY_H

#include "process.h"

enum { BUSY_OUTSTANDING = 16 };

/* How a call ended. */
typedef enum busy_end {
    BUSY_RUNNING = 0,
    BUSY_OK,
    BUSY_NOT_EXECUTED,
    BUSY_UNKNOWN,
    BUSY_EXECUTED, /* and not OK */
    BUSY_WRONG     /* OK, but with another call's reply */
} busy_end;

typedef struct busy_client busy_client;

typedef struct busy_slot {
    busy_client *client;
    uint64_t id;
    uint32_t messages; /* of a stream */
} busy_slot;

struct busy_client {
    uint64_t number;
    it_log log;
    seal_runtime *runtime;
    seal_channel *channel;
    busy_slot slots[BUSY_OUTSTANDING];
    /* Of the loop thread, until it is idle. */
    uint8_t *ends; /* of each call, by its sequence number */
    size_t next;
    size_t cap;
    unsigned outstanding;
    bool is_unavailable_only; /* every failure so far was UNAVAILABLE */
    char first_failure[512];
    /* Any thread. */
    atomic_ulong done;
    atomic_ulong failed;
    atomic_bool stop;
    atomic_bool idle;
};

/* The id of a client's call. */
uint64_t busy_id(const busy_client *c, size_t sequence);

void busy_start(busy_client *c, uint64_t number, const char *target);
/* Lets the calls that run come to their ends. */
void busy_stop(busy_client *c);
void busy_await_idle(busy_client *c);
/* Frees channel and runtime; what was counted stays until busy_done. */
void busy_close(busy_client *c);
void busy_done(busy_client *c);

#endif
