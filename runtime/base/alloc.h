/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation through a seal_allocator, and arithmetic on sizes that cannot overflow unseen. */
#ifndef SEAL_BASE_ALLOC_H
#define SEAL_BASE_ALLOC_H

#include <sealrpc/base.h>

/* malloc and free. */
extern const seal_allocator seal__default_allocator;

/* Each returns NULL when there is no memory, or when size is 0 or overflows. */
void *seal__alloc(const seal_allocator *alloc, size_t size);
void *seal__alloc_zeroed(const seal_allocator *alloc, size_t count, size_t size);
void *seal__resize(const seal_allocator *alloc, void *ptr, size_t size);
char *seal__strdup(const seal_allocator *alloc, const char *text);
void seal__release(const seal_allocator *alloc, void *ptr);

/* Overwrites a secret in a way the compiler may not remove. NULL with 0 is allowed. */
void seal__wipe(void *ptr, size_t size);

/* memset to 0 by the library's function, also where the size is constant: for tens to hundreds of
 * bytes that is several times as fast as the instruction that compilers put in its place. */
void seal__clear(void *ptr, size_t size);

/* Both return false when the result does not fit. */
static inline bool seal__add(size_t a, size_t b, size_t *ret_sum) {
    return !__builtin_add_overflow(a, b, ret_sum);
}
static inline bool seal__mul(size_t a, size_t b, size_t *ret_product) {
    return !__builtin_mul_overflow(a, b, ret_product);
}

/* The structure that contains a member. */
#define SEAL__CONTAINER_OF(ptr, type, member)                                                      \
    ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
