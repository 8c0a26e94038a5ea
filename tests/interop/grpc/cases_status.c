/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of statuses and metadata. */
#include "script.h"

#define ECHO_INITIAL "x-grpc-test-echo-initial"
#define ECHO_TRAILING "x-grpc-test-echo-trailing-bin"
#define INITIAL_VALUE "test_initial_metadata_value"

enum { REQUEST_SIZE = 271828, RESPONSE_SIZE = 314159 };

static const uint8_t trailing_value[] = {0xab, 0xab, 0xab};

/* ---- Metadata ---- */

static bool has_value(interop_test *test, const seal_metadata *metadata, const char *key,
                      const void *value, size_t value_len) {
    size_t len = 0;
    const char *got = seal_metadata_get(metadata, key, &len);
    if (got == NULL)
        return interop_fail(test, "\"%s\" did not come back", key);
    if (len != value_len || memcmp(got, value, len) != 0)
        return interop_fail(test, "\"%s\" came back with another value of %zu bytes", key, len);
    return true;
}

/* Each at its place, and at its place only. */
static bool has_echoes(interop_test *test, const seal_result *result) {
    const seal_metadata *initial = seal_result_initial_metadata(result);
    const seal_metadata *trailing = seal_result_trailing_metadata(result);
    if (seal_metadata_get(trailing, ECHO_INITIAL, NULL) != NULL ||
        seal_metadata_get(initial, ECHO_TRAILING, NULL) != NULL)
        return interop_fail(test, "initial and trailing metadata are mixed up");
    return has_value(test, initial, ECHO_INITIAL, INITIAL_VALUE, strlen(INITIAL_VALUE)) &&
           has_value(test, trailing, ECHO_TRAILING, trailing_value, sizeof trailing_value);
}

static bool unary_echoes(interop_test *test, const seal_call_options *options) {
    unary_request r;
    interop_unary_request(&r, REQUEST_SIZE, RESPONSE_SIZE);
    seal_result *result = interop_unary_call(test, test->channel, &r.request, options);
    bool ok = interop_has_status(test, result, SEAL_STATUS_OK) && has_echoes(test, result);
    seal_result_free(result);
    return ok;
}

static bool duplex_echoes(interop_test *test, const seal_call_options *options) {
    Grpc__Testing__StreamingOutputCallRequest request =
        GRPC__TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
    Grpc__Testing__ResponseParameters parameters = GRPC__TESTING__RESPONSE_PARAMETERS__INIT;
    Grpc__Testing__ResponseParameters *list[] = {&parameters};
    Grpc__Testing__Payload payload;
    interop_zeros(&payload, REQUEST_SIZE);
    parameters.size = RESPONSE_SIZE;
    request.payload = &payload;
    request.response_parameters = list;
    request.n_response_parameters = 1;
    script s;
    script_init(&s, &stream_full_duplex);
    s.options = options;
    script_send(&s, &request.base);
    script_step(&s, STEP_END);
    bool ok = script_run(test, &s) && interop_has_status(test, s.result, SEAL_STATUS_OK) &&
              has_echoes(test, s.result);
    if (ok && (s.n_messages != 1 || s.sizes[0] != RESPONSE_SIZE))
        ok = interop_fail(test, "there were %zu responses, the first one of %zu bytes",
                          s.n_messages, s.sizes[0]);
    script_done(&s);
    return ok;
}

static bool custom_metadata(interop_test *test) {
    seal_metadata *metadata = NULL;
    seal_call_options options;
    seal_call_options_init(&options);
    bool ok = seal_metadata_new(NULL, &metadata) == 0 &&
              seal_metadata_add(metadata, ECHO_INITIAL, INITIAL_VALUE, NULL) == 0 &&
              seal_metadata_add_bytes(metadata, ECHO_TRAILING, trailing_value,
                                      sizeof trailing_value, NULL) == 0;
    options.metadata = metadata;
    ok = ok ? unary_echoes(test, &options) && duplex_echoes(test, &options)
            : interop_fail(test, "the metadata cannot be made");
    seal_metadata_free(metadata);
    return ok;
}

/* ---- Statuses ---- */

typedef struct status_request {
    Grpc__Testing__EchoStatus status;
    char text[128];
} status_request;

static void ask_for_status(status_request *r, const char *text) {
    grpc__testing__echo_status__init(&r->status);
    strncpy(r->text, text, sizeof r->text - 1);
    r->text[sizeof r->text - 1] = '\0';
    r->status.code = SEAL_STATUS_UNKNOWN;
    r->status.message = r->text;
}

/* The status that was asked for, by a handler, with the same text. */
static bool has_text(interop_test *test, const seal_result *result, const char *text) {
    if (!interop_has_status(test, result, SEAL_STATUS_UNKNOWN))
        return false;
    if (seal_result_execution(result) != SEAL_EXECUTED)
        return interop_fail(test, "the execution is \"%s\"",
                            seal_execution_name(seal_result_execution(result)));
    if (strcmp(seal_result_message(result), text) != 0)
        return interop_fail(test, "the message \"%s\" came back as \"%s\"", text,
                            seal_result_message(result));
    return true;
}

static bool unary_status(interop_test *test, const char *text) {
    status_request status;
    Grpc__Testing__SimpleRequest request = GRPC__TESTING__SIMPLE_REQUEST__INIT;
    ask_for_status(&status, text);
    request.response_status = &status.status;
    seal_result *result = interop_unary_call(test, test->channel, &request, NULL);
    bool ok = has_text(test, result, text);
    seal_result_free(result);
    return ok;
}

static bool duplex_status(interop_test *test, const char *text) {
    status_request status;
    Grpc__Testing__StreamingOutputCallRequest request =
        GRPC__TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
    ask_for_status(&status, text);
    request.response_status = &status.status;
    script s;
    script_init(&s, &stream_full_duplex);
    script_send(&s, &request.base);
    script_step(&s, STEP_END);
    bool ok = script_run(test, &s) && has_text(test, s.result, text);
    script_done(&s);
    return ok;
}

static bool status_code_and_message(interop_test *test) {
    static const char text[] = "test status message";
    return unary_status(test, text) && duplex_status(test, text);
}

static bool special_status_message(interop_test *test) {
    return unary_status(test,
                        "\t\ntest with whitespace\r\nand Unicode BMP \xe2\x98\xba and non-BMP "
                        "\xf0\x9f\x98\x88\t\n");
}

const interop_case interop_status_cases[] = {{"custom_metadata", custom_metadata},
                                             {"status_code_and_message", status_code_and_message},
                                             {"special_status_message", special_status_message},
                                             {NULL, NULL}};
