/* SPDX-License-Identifier: Apache-2.0 */
/* An allocator that counts, and fails from the nth allocation on or at the nth only. For many
 * threads; the members may be read while there is only one. */
#ifndef SEAL_TESTS_FAILING_ALLOC_H
#define SEAL_TESTS_FAILING_ALLOC_H

#include <pthread.h>

#include <sealrpc/base.h>

typedef struct failing_alloc {
    seal_allocator allocator; /* to hand out; points back here */
    pthread_mutex_t lock;
    size_t calls;   /* of resize so far */
    size_t fail_at; /* the nth call fails, counted from 1; 0: none does */
    bool once;      /* later calls succeed again */
    size_t live;    /* blocks that are not released */
    size_t bytes;   /* in them */
    size_t peak;    /* most bytes ever */
} failing_alloc;

void failing_alloc_init(failing_alloc *alloc);
/* Starts counting anew. Returns whether the failure before has been used. */
bool failing_alloc_fail_at(failing_alloc *alloc, size_t nth, bool once);
/* True when the failure has been used. */
bool failing_alloc_has_failed(failing_alloc *alloc);
/* Blocks that are not released. */
size_t failing_alloc_live(failing_alloc *alloc);

#endif
