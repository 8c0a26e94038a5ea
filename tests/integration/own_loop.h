/* SPDX-License-Identifier: Apache-2.0 */
/* A runtime on a loop of the test's own, which turns only when the test turns it. */
#ifndef SEAL_TESTS_INTEGRATION_OWN_LOOP_H
#define SEAL_TESTS_INTEGRATION_OWN_LOOP_H

#include "harness.h"

#include <uv.h>

typedef struct own_loop {
    uv_loop_t loop;
    seal_runtime *runtime;
    seal_channel *channel; /* NULL: none */
} own_loop;

void own_loop_init(own_loop *own);
/* A channel of the usual options to a service at the target. */
void own_loop_connect(own_loop *own, const char *target, const seal_service *service);
/* Frees channel and runtime, turns the loop until it ends, and closes it. */
void own_loop_done(own_loop *own);

#endif
