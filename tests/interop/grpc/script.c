/* SPDX-License-Identifier: Apache-2.0 */
#include "script.h"

void script_init(script *s, const stream_method *method) {
    memset(s, 0, sizeof *s);
    s->method = method;
    s->all_zeros = true;
}

void script_send(script *s, const ProtobufCMessage *message) {
    s->steps[s->n_steps++] = (step){.kind = STEP_SEND, .message = message};
}

void script_step(script *s, step_kind kind) {
    s->steps[s->n_steps++] = (step){.kind = kind};
}

void script_take(script *s, const stream_response *message) {
    const Grpc__Testing__Payload *payload = message->payload;
    if (s->n_messages < SCRIPT_MESSAGES)
        s->sizes[s->n_messages] = payload != NULL ? payload->body.len : 0;
    s->n_messages++;
    if (payload != NULL && !interop_all_zeros(payload->body.data, payload->body.len))
        s->all_zeros = false;
}

bool script_run(interop_test *test, script *s) {
    return test->mode == INTEROP_BLOCKING ? script_run_blocking(test, s)
                                          : script_run_async(test, s);
}

void script_done(script *s) {
    seal_result_free(s->result);
}
