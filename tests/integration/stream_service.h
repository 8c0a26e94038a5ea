/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow.Flow as the tests of clients need it: the text of a message says what the handler does.
 *
 *   One   ""         the item, as it came; its metadata comes back as initial and trailing metadata
 *         "fail"     ABORTED with two details (items) and trailing metadata
 *         "child"    the text is the call's traceparent, the number its time left in ms
 *         "parent"   what a child call answers (stream_service.child)
 *         "never"    not at all
 *   Down  ""         `number` items with the data of the request, counted from 0
 *         "fail"     the same, then ABORTED
 *         "hold"     the same, and no end
 *   Up    items are counted; the answer has the count, the sum of numbers as text, and the length
 *         of all data as data.len of zeros (at most 1,000)
 *         "early"    answered at once; "fail": ABORTED; "stall": no more is read
 *   Both  every item comes back
 *         "stop"     OK at once; "fail": ABORTED; "stall": no more is read
 */
#ifndef SEAL_TESTS_INTEGRATION_STREAM_SERVICE_H
#define SEAL_TESTS_INTEGRATION_STREAM_SERVICE_H

#include "harness.h"

#include "flow_item.h"

typedef struct stream_service {
    seal_channel *child; /* for "parent" */
    atomic_uint alive;   /* calls that are not answered */
    atomic_uint received;
    atomic_uint cancelled;
    atomic_uint children; /* child calls that have ended */
    atomic_uint child_status;
} stream_service;

extern stream_service it_flow;

/* For it_server.prepare. */
void stream_service_register(seal_server *server);
/* Until every call was answered. */
void stream_service_wait_idle(void);

/* The usual pair with this service; the client's channel is it_c.channel. */
int stream_setup(void **state);
int stream_teardown(void **state);

#endif
