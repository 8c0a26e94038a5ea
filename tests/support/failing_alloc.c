/* SPDX-License-Identifier: Apache-2.0 */
#include "support/failing_alloc.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

typedef struct header {
    alignas(max_align_t) size_t size;
} header;

enum { TOO_LARGE = 1 << 30 }; /* what no test can mean; some mallocs abort on it */

static bool must_fail(failing_alloc *alloc, size_t size) {
    alloc->calls++;
    if (size > TOO_LARGE)
        return true;
    if (alloc->fail_at == 0)
        return false;
    return alloc->once ? alloc->calls == alloc->fail_at : alloc->calls >= alloc->fail_at;
}

static void *allocate(failing_alloc *alloc, size_t size) {
    header *block = must_fail(alloc, size) ? NULL : malloc(sizeof *block + size);
    if (block == NULL)
        return NULL;
    block->size = size;
    alloc->bytes += size;
    alloc->live++;
    if (alloc->bytes > alloc->peak)
        alloc->peak = alloc->bytes;
    return block + 1;
}

static void release_locked(failing_alloc *alloc, void *ptr) {
    header *block = (header *)ptr - 1;
    alloc->live--;
    alloc->bytes -= block->size;
    memset(ptr, 0xdd, block->size);
    free(block);
}

/* Always moves, so that a pointer kept over a resize is found by the sanitizers. */
static void *resize(void *user, void *ptr, size_t size) {
    failing_alloc *alloc = user;
    pthread_mutex_lock(&alloc->lock);
    void *moved = allocate(alloc, size);
    if (moved != NULL && ptr != NULL) {
        size_t before = ((header *)ptr - 1)->size;
        memcpy(moved, ptr, before < size ? before : size);
        release_locked(alloc, ptr);
    }
    pthread_mutex_unlock(&alloc->lock);
    return moved;
}

static void release(void *user, void *ptr) {
    failing_alloc *alloc = user;
    if (ptr == NULL)
        return;
    pthread_mutex_lock(&alloc->lock);
    release_locked(alloc, ptr);
    pthread_mutex_unlock(&alloc->lock);
}

void failing_alloc_init(failing_alloc *alloc) {
    *alloc = (failing_alloc){.allocator = {.resize = resize, .release = release, .user = alloc},
                             .lock = PTHREAD_MUTEX_INITIALIZER};
}

static bool has_failed(const failing_alloc *alloc) {
    return alloc->fail_at != 0 && alloc->calls >= alloc->fail_at;
}

bool failing_alloc_fail_at(failing_alloc *alloc, size_t nth, bool once) {
    pthread_mutex_lock(&alloc->lock);
    bool failed = has_failed(alloc);
    alloc->calls = 0;
    alloc->fail_at = nth;
    alloc->once = once;
    pthread_mutex_unlock(&alloc->lock);
    return failed;
}

bool failing_alloc_has_failed(failing_alloc *alloc) {
    pthread_mutex_lock(&alloc->lock);
    bool failed = has_failed(alloc);
    pthread_mutex_unlock(&alloc->lock);
    return failed;
}

size_t failing_alloc_live(failing_alloc *alloc) {
    pthread_mutex_lock(&alloc->lock);
    size_t live = alloc->live;
    pthread_mutex_unlock(&alloc->lock);
    return live;
}
