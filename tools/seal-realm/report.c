/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_quiet;

void report_quiet(bool quiet) {
    is_quiet = quiet;
}

/* One write per line: several processes share this stderr. */
static void put_line(const char *before, const char *line, int length) {
    char *whole = text_format("%s%.*s\n", before, length, line);
    for (char *p = whole; p[1] != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?'; /* names come from anywhere: one complaint is one line */
    ssize_t written = write(STDERR_FILENO, whole, strlen(whole));
    (void)written; /* nobody left to tell */
    free(whole);
}

static void put(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

static void put(const char *format, va_list arguments) {
    char *line = text_format_list(format, arguments);
    put_line("seal-realm: ", line, (int)strlen(line));
    free(line);
}

void say(const char *format, ...) {
    if (is_quiet)
        return;
    va_list arguments;
    va_start(arguments, format);
    put(format, arguments);
    va_end(arguments);
}

void complain(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    put(format, arguments);
    va_end(arguments);
}

void complain_detail(const char *text) {
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        if (length > 0)
            put_line("    ", text, (int)length);
        text += length;
        text += strspn(text, "\n");
    }
}
