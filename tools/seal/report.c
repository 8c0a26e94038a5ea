/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include "text.h"

#include <stdarg.h>
#include <stdio.h>

static char visible(char c) {
    return (unsigned char)c < ' ' || c == 0x7f ? '?' : c;
}

void print_visible(const char *text) {
    for (; *text != '\0'; text++)
        putchar(visible(*text));
}

/* One line, whatever is in the names: they come from anywhere. */
static void put(const char *before, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void put(const char *before, const char *format, va_list arguments) {
    char *line = text_format_list(format, arguments);
    for (char *p = line; *p != '\0'; p++)
        *p = visible(*p);
    fprintf(stderr, "seal: %s%s\n", before, line);
    text_free(line);
}

int complain(int status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    put("", format, arguments);
    va_end(arguments);
    return status;
}

void say(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    put("note: ", format, arguments);
    va_end(arguments);
}

int status_of_error(int code) {
    switch (code) {
    case SEAL_OK:
        return STATUS_OK;
    case SEAL_ERROR_INVALID:
        return STATUS_USAGE;
    case SEAL_ERROR_CREDENTIALS:
    case SEAL_ERROR_CREDENTIALS_EXPIRED:
    case SEAL_ERROR_CLOCK_SKEW:
    case SEAL_ERROR_KDC_UNREACHABLE:
    case SEAL_ERROR_KERBEROS_CONFIG:
    case SEAL_ERROR_DIRECTORY:
    case SEAL_ERROR_DIRECTORY_UNTRUSTED:
    case SEAL_ERROR_TIMEOUT:
        return STATUS_UNREACHABLE;
    default:
        return STATUS_FAILED;
    }
}

int complain_error(seal_error *error) {
    int status = status_of_error(seal_error_get_code(error));
    complain(status, "%s", seal_error_message(error));
    seal_error_free(error);
    return status;
}
