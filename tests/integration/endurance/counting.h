/* SPDX-License-Identifier: Apache-2.0 */
/* An allocator that counts the bytes that are in use; for any number of threads. */
#ifndef SEAL_TESTS_ENDURANCE_COUNTING_H
#define SEAL_TESTS_ENDURANCE_COUNTING_H

#include <stdatomic.h>

#include <sealrpc/base.h>

typedef struct counting {
    seal_allocator allocator; /* to hand out; points back here */
    atomic_ullong bytes;
    atomic_ullong peak;
} counting;

void counting_init(counting *c);
/* *max is at least the value from now on. */
void counting_raise(atomic_ullong *max, unsigned long long value);

#endif
