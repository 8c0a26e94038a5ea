/* SPDX-License-Identifier: Apache-2.0 */
#include "printer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

void printer_done(printer *p) {
    free(p->data);
    *p = (printer){0};
}

/* Makes room for len bytes; false when the cap is reached. */
static bool reserve(printer *p, size_t len) {
    size_t limit = p->limit != 0 ? p->limit : PRINTER_LIMIT;
    if (p->overflow || len > limit || p->len > limit - len) {
        p->overflow = true;
        return false;
    }
    if (p->capacity - p->len >= len)
        return true;
    size_t capacity = p->capacity != 0 ? p->capacity : 1024;
    while (capacity - p->len < len)
        capacity *= 2;
    p->data = memory_resize(p->data, capacity);
    p->capacity = capacity;
    return true;
}

void printer_bytes(printer *p, const void *data, size_t len) {
    if (len > 0 && reserve(p, len)) {
        memcpy(p->data + p->len, data, len);
        p->len += len;
    }
}

void printer_text(printer *p, const char *text) {
    printer_bytes(p, text, strlen(text));
}

void printer_char(printer *p, char c) {
    printer_bytes(p, &c, 1);
}

void printer_begin(printer *p) {
    for (unsigned i = 0; i < p->indent; i++)
        printer_text(p, "    ");
}

static void __attribute__((format(printf, 2, 0)))
add_formatted(printer *p, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    /* One byte more for the terminator, which is overwritten next. */
    if (len < 0)
        p->overflow = true;
    else if (reserve(p, (size_t)len + 1)) {
        vsnprintf(p->data + p->len, (size_t)len + 1, format, again);
        p->len += (size_t)len;
    }
    va_end(again);
}

void printer_add(printer *p, const char *format, ...) {
    va_list args;
    va_start(args, format);
    add_formatted(p, format, args);
    va_end(args);
}

void printer_line(printer *p, const char *format, ...) {
    va_list args;
    va_start(args, format);
    if (format[0] != '\0') {
        printer_begin(p);
        add_formatted(p, format, args);
    }
    va_end(args);
    printer_char(p, '\n');
}

void printer_c_escaped(printer *p, const char *text) {
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\' || c == '?') {
            printer_char(p, '\\');
            printer_char(p, *text);
        } else if (c < 0x20 || c >= 0x7f) {
            printer_add(p, "\\%03o", c);
        } else {
            printer_char(p, *text);
        }
    }
}

void printer_indent(printer *p) {
    p->indent++;
}

void printer_outdent(printer *p) {
    if (p->indent > 0)
        p->indent--;
}
