/* SPDX-License-Identifier: Apache-2.0 */
/* Many large calls one after another, by one channel or each by a new one. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cases.h"

typedef struct soak {
    interop_test *test;
    bool new_channels;
    uint64_t ends_at_us;
    pthread_mutex_t lock;
    uint32_t left;     /* iterations that nobody has taken */
    uint32_t done;     /* that were made */
    uint32_t failures; /* of them: not OK, or too slow */
    char why[512];     /* the first one */
} soak;

static uint64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void sleep_us(uint64_t us) {
    struct timespec time = {.tv_sec = (time_t)(us / 1000000),
                            .tv_nsec = (long)(us % 1000000) * 1000};
    while (nanosleep(&time, &time) != 0)
        continue;
}

static bool soak_call(interop_test *test, seal_channel *channel) {
    unary_request r;
    interop_unary_request(&r, test->soak.request_size, test->soak.response_size);
    uint64_t start = now_us();
    seal_result *result = interop_unary_call(test, channel, &r.request, NULL);
    uint64_t took_ms = (now_us() - start) / 1000;
    bool ok = interop_has_status(test, result, SEAL_STATUS_OK);
    if (ok) {
        const Grpc__Testing__SimpleResponse *reply = seal_result_reply(result);
        ok = interop_is_zeros(test, reply->payload, test->soak.response_size);
    }
    if (ok && took_ms > test->soak.max_latency_ms)
        ok = interop_fail(test, "a call took %llu ms", (unsigned long long)took_ms);
    seal_result_free(result);
    return ok;
}

static bool soak_iteration(interop_test *test, bool new_channel) {
    if (!new_channel)
        return soak_call(test, test->channel);
    seal_channel *channel = interop_channel(test);
    if (channel == NULL)
        return false;
    bool ok = soak_call(test, channel);
    seal_channel_free(channel);
    return ok;
}

static bool soak_take(soak *s) {
    pthread_mutex_lock(&s->lock);
    bool taken = s->left > 0 && now_us() < s->ends_at_us;
    s->left -= taken;
    pthread_mutex_unlock(&s->lock);
    return taken;
}

static void *soak_thread(void *arg) {
    soak *s = arg;
    interop_test own = *s->test; /* for its text */
    uint64_t between = (uint64_t)own.soak.min_time_ms * 1000;
    while (soak_take(s)) {
        uint64_t start = now_us();
        bool ok = soak_iteration(&own, s->new_channels);
        pthread_mutex_lock(&s->lock);
        s->done++;
        if (!ok && s->failures++ == 0)
            memcpy(s->why, own.why, sizeof s->why);
        pthread_mutex_unlock(&s->lock);
        uint64_t took = now_us() - start;
        if (took < between)
            sleep_us(between - took);
    }
    return NULL;
}

static void soak_run(soak *s, uint32_t n_threads) {
    pthread_t *threads = calloc(n_threads, sizeof *threads);
    uint32_t n = 0;
    while (threads != NULL && n < n_threads &&
           pthread_create(&threads[n], NULL, soak_thread, s) == 0)
        n++;
    for (uint32_t i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    free(threads);
}

static bool soak_case(interop_test *test, bool new_channels) {
    const soak_options *o = &test->soak;
    soak s = {.test = test,
              .new_channels = new_channels,
              .ends_at_us = now_us() + (uint64_t)o->overall_timeout_s * 1000000,
              .lock = PTHREAD_MUTEX_INITIALIZER,
              .left = o->iterations};
    soak_run(&s, o->threads);
    if (s.done < o->iterations)
        return interop_fail(test, "only %u of %u calls were made in %u s", s.done, o->iterations,
                            o->overall_timeout_s);
    if (s.failures > o->max_failures)
        return interop_fail(test, "%u of %u calls failed, the first one: %.400s", s.failures,
                            s.done, s.why);
    return true;
}

static bool rpc_soak(interop_test *test) {
    return soak_case(test, false);
}

static bool channel_soak(interop_test *test) {
    return soak_case(test, true);
}

const interop_case interop_soak_cases[] = {
    {"rpc_soak", rpc_soak}, {"channel_soak", channel_soak}, {NULL, NULL}};
