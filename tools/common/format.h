/* SPDX-License-Identifier: Apache-2.0 */
/* Text on the heap, for all tools. Running out of memory ends the program. */
#ifndef SEAL_TOOLS_FORMAT_H
#define SEAL_TOOLS_FORMAT_H

#include <stdarg.h>

char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *text_format_list(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

/* The memory, unless it is NULL: that is the end. */
void *text_need(void *memory);

/* Each program's own: how it ends. */
_Noreturn void out_of_memory(void);

#endif
