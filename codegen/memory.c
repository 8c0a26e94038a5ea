/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 64 * 1024 };

struct pool_block {
    pool_block *next;
    size_t used;
    size_t size;
    alignas(max_align_t) unsigned char data[];
};

_Noreturn void out_of_memory(void) {
    fputs("protoc-gen-seal: out of memory\n", stderr);
    exit(1);
}

void *memory_resize(void *ptr, size_t size) {
    void *resized = realloc(ptr, size > 0 ? size : 1);
    if (resized == NULL)
        out_of_memory();
    return resized;
}

void pool_done(pool *p) {
    while (p->blocks != NULL) {
        pool_block *next = p->blocks->next;
        free(p->blocks);
        p->blocks = next;
    }
}

static void add_block(pool *p, size_t size) {
    if (size > SIZE_MAX - sizeof(pool_block))
        out_of_memory();
    pool_block *block = memory_resize(NULL, sizeof(pool_block) + size);
    block->next = p->blocks;
    block->used = 0;
    block->size = size;
    p->blocks = block;
}

void *pool_alloc(pool *p, size_t count, size_t size) {
    const size_t align = alignof(max_align_t);
    if (size != 0 && count > (SIZE_MAX / 2) / size)
        out_of_memory();
    size_t need = (count * size + align - 1) / align * align;
    if (p->blocks == NULL || p->blocks->size - p->blocks->used < need)
        add_block(p, need > BLOCK_SIZE ? need : BLOCK_SIZE);
    void *memory = p->blocks->data + p->blocks->used;
    p->blocks->used += need;
    memset(memory, 0, need);
    return memory;
}

char *pool_copy(pool *p, const char *text, size_t len) {
    char *copy = pool_alloc(p, len + 1, 1);
    if (len > 0)
        memcpy(copy, text, len);
    return copy;
}

char *pool_string(pool *p, const char *text) {
    return pool_copy(p, text, strlen(text));
}

char *pool_vprintf(pool *p, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    if (len < 0)
        out_of_memory();
    char *text = pool_alloc(p, (size_t)len + 1, 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return text;
}

char *pool_printf(pool *p, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = pool_vprintf(p, format, args);
    va_end(args);
    return text;
}
