/* SPDX-License-Identifier: Apache-2.0 */
#include "script.h"

#include <pthread.h>

/* A script that is run by callbacks, on the loop thread. */
typedef struct run {
    script *script;
    seal_client_call *call;
    size_t at;    /* the step to be done next */
    bool waiting; /* for a message that was asked for */
    bool ended;
    int error;
    pthread_mutex_t lock; /* for the thread that waits: over */
    pthread_cond_t changed;
    unsigned parts; /* that are not over: the call, and the task that began it */
} run;

static void part_over(run *r) {
    pthread_mutex_lock(&r->lock);
    r->parts--;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

/* False: something has to come first. */
static bool do_step(run *r, const step *what) {
    int rc = 0;
    switch (what->kind) {
    case STEP_SEND:
        rc = r->script->method->write(r->call, what->message);
        if (rc == SEAL_ERROR_AGAIN)
            return false; /* on_writable follows */
        if (rc < 0 && rc != SEAL_ERROR_CLOSED)
            r->error = rc;
        break;
    case STEP_READ:
        r->waiting = true;
        seal_client_call_read(r->call, 1);
        break;
    case STEP_END:
        seal_client_call_end(r->call);
        break;
    case STEP_CANCEL:
        seal_client_call_cancel(r->call);
        break;
    }
    return true;
}

static void advance(run *r) {
    script *s = r->script;
    while (!r->ended && !r->waiting && r->at < s->n_steps) {
        if (!do_step(r, &s->steps[r->at]))
            return;
        r->at++;
    }
    if (!r->ended && !r->waiting && s->method->read != NULL)
        seal_client_call_read(r->call, SEAL_READ_ALL);
}

void script_got(seal_client_call *call, const stream_response *message, void *user) {
    run *r = user;
    (void)call;
    script_take(r->script, message);
    if (!r->waiting)
        return;
    r->waiting = false;
    advance(r);
}

void script_ended(const seal_result *result, void *user) {
    run *r = user;
    r->ended = true;
    r->script->result = seal_result_ref(result);
    part_over(r);
}

static void on_writable(seal_client_call *call, void *user) {
    (void)call;
    advance(user);
}

static void begin(void *user) {
    run *r = user;
    seal_client_call_on_writable(r->call, on_writable, r);
    advance(r);
    part_over(r);
}

bool script_run_async(interop_test *test, script *s) {
    run r = {.script = s, .parts = 2, .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_cond_init(&r.changed, NULL);
    int rc = s->method->open(test->channel, s->request, s->options, &r, &r.call);
    if (rc < 0)
        return interop_fail(test, "the call does not start: %s", seal_error_code_text(rc));
    rc = seal_runtime_post(test->runtime, begin, &r);
    if (rc < 0) {
        r.error = rc;
        seal_client_call_cancel(r.call);
        part_over(&r);
    }
    pthread_mutex_lock(&r.lock);
    while (r.parts > 0)
        pthread_cond_wait(&r.changed, &r.lock);
    pthread_mutex_unlock(&r.lock);
    seal_client_call_unref(r.call);
    pthread_cond_destroy(&r.changed);
    pthread_mutex_destroy(&r.lock);
    return r.error == 0 || interop_fail(test, "a step fails: %s", seal_error_code_text(r.error));
}
