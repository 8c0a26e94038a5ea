/* SPDX-License-Identifier: Apache-2.0 */
#include "format.h"

#include <stdio.h>

void *text_need(void *memory) {
    if (memory == NULL)
        out_of_memory();
    return memory;
}

char *text_format_list(const char *format, va_list arguments) {
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    return text_need(text);
}

char *text_format(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *text = text_format_list(format, arguments);
    va_end(arguments);
    return text;
}
