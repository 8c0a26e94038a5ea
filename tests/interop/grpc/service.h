/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's side of grpc.testing.TestService, twice: with handlers that return at once, and with
 * handlers that block. What they have in common is in answers.c.
 */
#ifndef SEAL_INTEROP_GRPC_SERVICE_H
#define SEAL_INTEROP_GRPC_SERVICE_H

#include "interop.seal.h"

extern const grpc_testing_test_service_ops interop_async_ops;
extern const grpc_testing_test_service_ops interop_blocking_ops;
/* After the server was freed. */
void interop_async_done(void);

/* `user` of every handler. */
typedef struct interop_service {
    char id[64]; /* of this server, among all */
} interop_service;

typedef Grpc__Testing__StreamingOutputCallRequest stream_request;
typedef Grpc__Testing__StreamingOutputCallResponse stream_response;

/* ---- Methods without a stream: the same handlers in both ---- */

void interop_empty_call(seal_call *call, const Grpc__Testing__Empty *request, void *user);
void interop_unary_call(seal_call *call, const Grpc__Testing__SimpleRequest *request, void *user);
void interop_cacheable_unary_call(seal_call *call, const Grpc__Testing__SimpleRequest *request,
                                  void *user);

/* ---- Parts of the others ---- */

/* Zeros, which nobody frees. False: the size is negative, or over 16 MiB. */
bool interop_zeros(Grpc__Testing__Payload *payload, int32_t size);

/* Sends the initial metadata and sets the trailing metadata that the client has asked for. */
void interop_echo_metadata(seal_call *call);

/* Ends the call with the status that was asked for. False: none was. */
bool interop_echo_status(seal_call *call, const Grpc__Testing__EchoStatus *status);

/* Responses that were asked for and not sent yet. */
typedef struct interop_order {
    int32_t size;
    int32_t interval_us; /* to wait before */
} interop_order;

typedef struct interop_orders {
    interop_order *list;
    size_t n;
    size_t next;
} interop_orders;

/* Adds those of a request. False: out of memory. */
bool interop_orders_add(interop_orders *orders, const stream_request *request);
void interop_orders_done(interop_orders *orders);

/* Ends a call whose request asks for what there is not. False: all is well. */
bool interop_refuse(seal_call *call, Grpc__Testing__PayloadType type,
                    const Grpc__Testing__BoolValue *expect_compressed);

#endif
