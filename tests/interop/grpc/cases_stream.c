/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of calls with streams, of cancelling and of deadlines. */
#include "script.h"

enum { SIZES = 4, TOTAL = 74922, TIMEOUT_US = 1000 };

static const size_t request_sizes[SIZES] = {27182, 8, 1828, 45904};
static const int32_t response_sizes[SIZES] = {31415, 9, 2653, 58979};

typedef struct output_request {
    Grpc__Testing__StreamingOutputCallRequest request;
    Grpc__Testing__Payload payload;
    Grpc__Testing__ResponseParameters parameters[SIZES];
    Grpc__Testing__ResponseParameters *list[SIZES];
} output_request;

/* Without parameters and without a payload. */
static void output_request_init(output_request *r) {
    grpc__testing__streaming_output_call_request__init(&r->request);
    r->request.response_parameters = r->list;
}

static void ask_for(output_request *r, int32_t size) {
    size_t i = r->request.n_response_parameters++;
    grpc__testing__response_parameters__init(&r->parameters[i]);
    r->parameters[i].size = size;
    r->list[i] = &r->parameters[i];
}

static void with_payload(output_request *r, size_t size) {
    interop_zeros(&r->payload, size);
    r->request.payload = &r->payload;
}

/* The requests of ping_pong. */
static void ping_requests(output_request r[SIZES]) {
    for (size_t i = 0; i < SIZES; i++) {
        output_request_init(&r[i]);
        ask_for(&r[i], response_sizes[i]);
        with_payload(&r[i], request_sizes[i]);
    }
}

/* ---- What is checked ---- */

static bool has_all_responses(interop_test *test, const script *s) {
    if (!interop_has_status(test, s->result, SEAL_STATUS_OK))
        return false;
    if (s->n_messages != SIZES)
        return interop_fail(test, "there were %zu responses instead of 4", s->n_messages);
    for (size_t i = 0; i < SIZES; i++) {
        if (s->sizes[i] != (size_t)response_sizes[i])
            return interop_fail(test, "response %zu has %zu bytes instead of %d", i + 1,
                                s->sizes[i], response_sizes[i]);
    }
    return s->all_zeros || interop_fail(test, "the payloads are not all zeros");
}

static bool has_messages(interop_test *test, const script *s, size_t n) {
    return s->n_messages == n ||
           interop_fail(test, "there were %zu responses instead of %zu", s->n_messages, n);
}

/* ---- Cases ---- */

static bool client_streaming(interop_test *test) {
    Grpc__Testing__StreamingInputCallRequest requests[SIZES];
    Grpc__Testing__Payload payloads[SIZES];
    script s;
    script_init(&s, &stream_input_call);
    for (size_t i = 0; i < SIZES; i++) {
        grpc__testing__streaming_input_call_request__init(&requests[i]);
        interop_zeros(&payloads[i], request_sizes[i]);
        requests[i].payload = &payloads[i];
        script_send(&s, &requests[i].base);
    }
    script_step(&s, STEP_END);
    bool ok = script_run(test, &s) && interop_has_status(test, s.result, SEAL_STATUS_OK);
    if (ok) {
        const Grpc__Testing__StreamingInputCallResponse *reply = seal_result_reply(s.result);
        if (reply->aggregated_payload_size != TOTAL)
            ok = interop_fail(test, "aggregated_payload_size is %d instead of %d",
                              reply->aggregated_payload_size, TOTAL);
    }
    script_done(&s);
    return ok;
}

static bool server_streaming(interop_test *test) {
    output_request r;
    output_request_init(&r);
    for (size_t i = 0; i < SIZES; i++)
        ask_for(&r, response_sizes[i]);
    script s;
    script_init(&s, &stream_output_call);
    s.request = &r.request.base;
    bool ok = script_run(test, &s) && has_all_responses(test, &s);
    script_done(&s);
    return ok;
}

static bool ping_pong(interop_test *test) {
    output_request r[SIZES];
    ping_requests(r);
    script s;
    script_init(&s, &stream_full_duplex);
    for (size_t i = 0; i < SIZES; i++) {
        script_send(&s, &r[i].request.base);
        script_step(&s, STEP_READ);
    }
    script_step(&s, STEP_END);
    bool ok = script_run(test, &s) && has_all_responses(test, &s);
    script_done(&s);
    return ok;
}

/* Of older versions of the suite: all requests first, then all responses. */
static bool half_duplex(interop_test *test) {
    output_request r[SIZES];
    ping_requests(r);
    script s;
    script_init(&s, &stream_half_duplex);
    for (size_t i = 0; i < SIZES; i++)
        script_send(&s, &r[i].request.base);
    script_step(&s, STEP_END);
    bool ok = script_run(test, &s) && has_all_responses(test, &s);
    script_done(&s);
    return ok;
}

static bool empty_stream(interop_test *test) {
    script s;
    script_init(&s, &stream_full_duplex);
    script_step(&s, STEP_END);
    bool ok = script_run(test, &s) && interop_has_status(test, s.result, SEAL_STATUS_OK) &&
              has_messages(test, &s, 0);
    script_done(&s);
    return ok;
}

static bool cancel_after_begin(interop_test *test) {
    script s;
    script_init(&s, &stream_input_call);
    script_step(&s, STEP_CANCEL);
    bool ok = script_run(test, &s) && interop_has_status(test, s.result, SEAL_STATUS_CANCELLED);
    script_done(&s);
    return ok;
}

static bool cancel_after_first_response(interop_test *test) {
    output_request r;
    output_request_init(&r);
    ask_for(&r, response_sizes[0]);
    with_payload(&r, request_sizes[0]);
    script s;
    script_init(&s, &stream_full_duplex);
    script_send(&s, &r.request.base);
    script_step(&s, STEP_READ);
    script_step(&s, STEP_CANCEL);
    bool ok = script_run(test, &s) && interop_has_status(test, s.result, SEAL_STATUS_CANCELLED) &&
              has_messages(test, &s, 1);
    script_done(&s);
    return ok;
}

static bool timeout_on_sleeping_server(interop_test *test) {
    output_request r;
    seal_call_options options;
    output_request_init(&r);
    with_payload(&r, request_sizes[0]);
    seal_call_options_init(&options);
    options.timeout_us = TIMEOUT_US;
    script s;
    script_init(&s, &stream_full_duplex);
    s.options = &options;
    script_send(&s, &r.request.base);
    bool ok = script_run(test, &s) &&
              interop_has_status(test, s.result, SEAL_STATUS_DEADLINE_EXCEEDED) &&
              has_messages(test, &s, 0);
    script_done(&s);
    return ok;
}

const interop_case interop_stream_cases[] = {
    {"client_streaming", client_streaming},
    {"server_streaming", server_streaming},
    {"ping_pong", ping_pong},
    {"half_duplex", half_duplex},
    {"empty_stream", empty_stream},
    {"cancel_after_begin", cancel_after_begin},
    {"cancel_after_first_response", cancel_after_first_response},
    {"timeout_on_sleeping_server", timeout_on_sleeping_server},
    {NULL, NULL}};
