/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cases of gRPC's interoperability tests, and what they are written with. A case is a function
 * that does what the published description says, with blocking or with asynchronous calls, as the
 * test says.
 */
#ifndef SEAL_INTEROP_GRPC_CASES_H
#define SEAL_INTEROP_GRPC_CASES_H

#include "interop.seal.h"
#include "options.h"

typedef enum interop_mode { INTEROP_BLOCKING = 1, INTEROP_ASYNC = 2 } interop_mode;

/* Options of rpc_soak and channel_soak, with the published names and defaults. */
typedef struct soak_options {
    uint32_t iterations;
    uint32_t max_failures;
    uint32_t max_latency_ms; /* of one call; above: a failure */
    uint32_t overall_timeout_s;
    uint32_t min_time_ms; /* between the starts of calls */
    uint32_t request_size;
    uint32_t response_size;
    uint32_t threads;
} soak_options;

typedef struct interop_test {
    const char *target;
    interop_protection protection;
    soak_options soak;
    uint32_t concurrent; /* calls at once of concurrent_large_unary */
    seal_runtime *runtime;
    seal_channel *channel;
    interop_mode mode;
    char why[512]; /* it failed */
} interop_test;

typedef bool interop_case_fn(interop_test *test);

typedef struct interop_case {
    const char *name;
    interop_case_fn *run;
} interop_case;

/* The lists of the files, each ended by an entry without a name. */
extern const interop_case interop_unary_cases[];
extern const interop_case interop_stream_cases[];
extern const interop_case interop_status_cases[];
extern const interop_case interop_soak_cases[];

/* A channel with the test's options; NULL: test->why. */
seal_channel *interop_channel(interop_test *test);

/* ---- Failures ---- */

/* Sets test->why, and returns false. */
bool interop_fail(interop_test *test, const char *format, ...) SEAL_PRINTF(2, 3);
/* The call ended with the status; when not OK, with any message. Also that its connection is
 * protected as it should be. */
bool interop_has_status(interop_test *test, const seal_result *result, seal_status status);
bool interop_all_zeros(const uint8_t *bytes, size_t len);
/* Exactly so many zeros. */
bool interop_is_zeros(interop_test *test, const Grpc__Testing__Payload *payload, size_t size);

/* ---- Calls ---- */

/* The result, for seal_result_free; NULL (which has no status): the call could not begin. */
seal_result *interop_empty_call(interop_test *test);
seal_result *interop_unary_call(interop_test *test, seal_channel *channel,
                                const Grpc__Testing__SimpleRequest *request,
                                const seal_call_options *options);
seal_result *interop_unimplemented_method(interop_test *test);
seal_result *interop_unimplemented_service(interop_test *test);

/* A request and what it points to. */
typedef struct unary_request {
    Grpc__Testing__SimpleRequest request;
    Grpc__Testing__Payload payload;
} unary_request;

/* response_size, and a payload of zeros, which nobody frees. */
void interop_unary_request(unary_request *r, size_t payload_size, size_t response_size);
/* Zeros, at most 1 MiB. */
void interop_zeros(Grpc__Testing__Payload *payload, size_t size);

#endif
