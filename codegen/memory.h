/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of one run. Everything is released together; running out ends the program with a line on
 * standard error, before anything has been written. */
#ifndef CODEGEN_MEMORY_H
#define CODEGEN_MEMORY_H

#include <stdarg.h>
#include <stddef.h>

typedef struct pool_block pool_block;

typedef struct pool {
    pool_block *blocks;
} pool;

/* Prints "protoc-gen-seal: out of memory" and exits with 1. */
_Noreturn void out_of_memory(void);

/* realloc that does not return NULL. */
void *memory_resize(void *ptr, size_t size);

void pool_done(pool *p);

/* Returns zeroed memory for count elements of size bytes. */
void *pool_alloc(pool *p, size_t count, size_t size);

char *pool_copy(pool *p, const char *text, size_t len);
char *pool_string(pool *p, const char *text);
char *pool_printf(pool *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *pool_vprintf(pool *p, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

#endif
