/* SPDX-License-Identifier: Apache-2.0 */
/* A growing text, or bytes, with a cap. Text printed line by line is indented. */
#ifndef CODEGEN_PRINTER_H
#define CODEGEN_PRINTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PRINTER_LIMIT = 1024 * 1024 * 1024 };

typedef struct printer {
    char *data; /* len bytes; not terminated */
    size_t len;
    size_t capacity;
    size_t limit; /* 0: PRINTER_LIMIT */
    unsigned indent;
    bool overflow; /* something did not fit and was left out: the text is useless */
} printer;

void printer_done(printer *p);

void printer_bytes(printer *p, const void *data, size_t len);
void printer_text(printer *p, const char *text);
void printer_char(printer *p, char c);

/* Starts a line: writes the indentation. */
void printer_begin(printer *p);

/* Appends formatted text where it is. */
void printer_add(printer *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes one whole line, indented; an empty one without trailing blanks. */
void printer_line(printer *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends text as the inside of a C string literal. */
void printer_c_escaped(printer *p, const char *text);

/* Takes indent from 4-column level to level. */
void printer_indent(printer *p);
void printer_outdent(printer *p);

#endif
