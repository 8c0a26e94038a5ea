/* SPDX-License-Identifier: Apache-2.0 */
#include "script.h"

/* Returns 1; 0: there is nothing more to read; or an error. */
static int read_one(script *s, seal_client_call *call) {
    const stream_response *message = NULL;
    int rc = s->method->read != NULL ? s->method->read(call, &message) : 0;
    if (rc == 1)
        script_take(s, message);
    return rc;
}

/* Returns 1: go on; 0: the call has ended; or an error. */
static int do_step(script *s, const step *what, seal_client_call *call) {
    int rc = 1;
    switch (what->kind) {
    case STEP_SEND:
        rc = s->method->push(call, what->message);
        return rc == SEAL_ERROR_CLOSED ? 0 : rc < 0 ? rc : 1;
    case STEP_READ:
        return read_one(s, call);
    case STEP_END:
        seal_client_call_end(call);
        break;
    case STEP_CANCEL:
        seal_client_call_cancel(call);
        break;
    }
    return rc;
}

bool script_run_blocking(interop_test *test, script *s) {
    seal_client_call *call = NULL;
    int rc = s->method->start(test->channel, s->request, s->options, &call);
    if (rc < 0)
        return interop_fail(test, "the call does not start: %s", seal_error_code_text(rc));
    rc = 1;
    for (size_t i = 0; rc == 1 && i < s->n_steps; i++)
        rc = do_step(s, &s->steps[i], call);
    while (rc == 1)
        rc = read_one(s, call);
    s->result = s->method->finish(call);
    seal_client_call_unref(call);
    return rc == 0 || interop_fail(test, "a step fails: %s", seal_error_code_text(rc));
}
