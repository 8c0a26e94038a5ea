/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of calls with one request and one reply. */
#include <pthread.h>
#include <stdio.h>

#include "cases.h"

enum { REQUEST_SIZE = 271828, RESPONSE_SIZE = 314159, PICKS = 20 };

static bool empty_unary(interop_test *test) {
    seal_result *result = interop_empty_call(test);
    bool ok = interop_has_status(test, result, SEAL_STATUS_OK);
    if (ok && seal_result_reply(result) == NULL)
        ok = interop_fail(test, "there is no reply");
    seal_result_free(result);
    return ok;
}

static bool is_large_reply(interop_test *test, const seal_result *result) {
    if (!interop_has_status(test, result, SEAL_STATUS_OK))
        return false;
    const Grpc__Testing__SimpleResponse *reply = seal_result_reply(result);
    return interop_is_zeros(test, reply->payload, RESPONSE_SIZE);
}

static bool large_unary(interop_test *test) {
    unary_request r;
    interop_unary_request(&r, REQUEST_SIZE, RESPONSE_SIZE);
    seal_result *result = interop_unary_call(test, test->channel, &r.request, NULL);
    bool ok = is_large_reply(test, result);
    seal_result_free(result);
    return ok;
}

/* ---- Many at once ---- */

typedef struct crowd {
    interop_test *test;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned left;
    unsigned next; /* for threads: the next call */
    bool failed;   /* the first failure is in test->why */
} crowd;

static void crowd_check(crowd *c, const seal_result *result) {
    interop_test scratch = {.protection = c->test->protection};
    bool ok = is_large_reply(&scratch, result);
    pthread_mutex_lock(&c->lock);
    if (!ok && !c->failed) {
        c->failed = true;
        memcpy(c->test->why, scratch.why, sizeof scratch.why);
    }
    c->left--;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

static void crowd_done(const seal_result *result, const Grpc__Testing__SimpleResponse *reply,
                       void *user) {
    (void)reply;
    crowd_check(user, result);
}

static bool crowd_async(crowd *c) {
    unary_request r;
    interop_unary_request(&r, REQUEST_SIZE, RESPONSE_SIZE);
    for (unsigned i = c->left; i > 0; i--) {
        if (grpc_testing_test_service_call_unary_call(c->test->channel, &r.request, NULL,
                                                      crowd_done, c, NULL) < 0)
            crowd_check(c, NULL);
    }
    pthread_mutex_lock(&c->lock);
    while (c->left > 0)
        pthread_cond_wait(&c->changed, &c->lock);
    pthread_mutex_unlock(&c->lock);
    return !c->failed;
}

static bool crowd_take(crowd *c) {
    pthread_mutex_lock(&c->lock);
    bool taken = c->next > 0;
    c->next -= taken;
    pthread_mutex_unlock(&c->lock);
    return taken;
}

static void *crowd_thread(void *arg) {
    crowd *c = arg;
    unary_request r;
    interop_unary_request(&r, REQUEST_SIZE, RESPONSE_SIZE);
    while (crowd_take(c)) {
        seal_result *result =
            grpc_testing_test_service_sync_unary_call(c->test->channel, &r.request, NULL, NULL);
        crowd_check(c, result);
        seal_result_free(result);
    }
    return NULL;
}

/* With blocking calls one needs a thread for each; so many that the calls still overlap do. */
static bool crowd_blocking(crowd *c) {
    enum { THREADS = 32 };
    pthread_t threads[THREADS];
    unsigned n = 0;
    c->next = c->left;
    while (n < THREADS && n < c->left && pthread_create(&threads[n], NULL, crowd_thread, c) == 0)
        n++;
    for (unsigned i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    return n > 0 ? !c->failed : interop_fail(c->test, "no thread can be started");
}

static bool concurrent_large_unary(interop_test *test) {
    crowd c = {.test = test,
               .lock = PTHREAD_MUTEX_INITIALIZER,
               .changed = PTHREAD_COND_INITIALIZER,
               .left = test->concurrent};
    return test->mode == INTEROP_BLOCKING ? crowd_blocking(&c) : crowd_async(&c);
}

/* ---- Which server ---- */

/* All calls go to one server, however many there are. */
static bool pick_first_unary(interop_test *test) {
    char first[128] = "";
    bool ok = true;
    for (int i = 0; ok && i < PICKS; i++) {
        Grpc__Testing__SimpleRequest request = GRPC__TESTING__SIMPLE_REQUEST__INIT;
        request.fill_server_id = true;
        seal_result *result = interop_unary_call(test, test->channel, &request, NULL);
        ok = interop_has_status(test, result, SEAL_STATUS_OK);
        if (ok) {
            const Grpc__Testing__SimpleResponse *reply = seal_result_reply(result);
            if (i == 0)
                snprintf(first, sizeof first, "%s", reply->server_id);
            if (reply->server_id[0] == '\0' || strcmp(first, reply->server_id) != 0)
                ok = interop_fail(test, "call %d went to server \"%s\", the first one to \"%s\"",
                                  i + 1, reply->server_id, first);
        }
        seal_result_free(result);
    }
    return ok;
}

/* ---- What there is not ---- */

static bool is_unimplemented(interop_test *test, seal_result *result) {
    bool ok = interop_has_status(test, result, SEAL_STATUS_UNIMPLEMENTED);
    if (ok && seal_result_execution(result) != SEAL_NOT_EXECUTED)
        ok = interop_fail(test, "the execution is \"%s\"",
                          seal_execution_name(seal_result_execution(result)));
    seal_result_free(result);
    return ok;
}

static bool unimplemented_method(interop_test *test) {
    return is_unimplemented(test, interop_unimplemented_method(test));
}

static bool unimplemented_service(interop_test *test) {
    return is_unimplemented(test, interop_unimplemented_service(test));
}

const interop_case interop_unary_cases[] = {{"empty_unary", empty_unary},
                                            {"large_unary", large_unary},
                                            {"concurrent_large_unary", concurrent_large_unary},
                                            {"pick_first_unary", pick_first_unary},
                                            {"unimplemented_method", unimplemented_method},
                                            {"unimplemented_service", unimplemented_service},
                                            {NULL, NULL}};
