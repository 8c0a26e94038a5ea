/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct seal_error {
    int code;
    char message[];
};

enum { MESSAGE_MAX = 4352 }; /* a fact and its remedy, see secure/gss/spn_check.h, whole */

static struct {
    int code;
    char message[16];
} no_memory = {SEAL_ERROR_NO_MEMORY, "out of memory"};

static seal_error *no_memory_error(void) {
    return (seal_error *)(void *)&no_memory;
}

/* One line: a control character would let a peer's text forge log lines. */
static void make_one_line(char *text) {
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = ' ';
    }
}

static seal_error *error_new(int code, const char *prefix, const char *message) {
    size_t size = strlen(prefix) + strlen(message) + 1;
    seal_error *error = malloc(sizeof *error + size);
    if (error == NULL)
        return no_memory_error();
    error->code = code;
    snprintf(error->message, size, "%s%s", prefix, message);
    make_one_line(error->message);
    return error;
}

int seal__error(seal_error **reterr, int code, const char *format, ...) {
    if (reterr == NULL)
        return code;
    char text[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    *reterr = error_new(code, "", text);
    return code;
}

int seal__error_no_memory(seal_error **reterr) {
    if (reterr != NULL)
        *reterr = no_memory_error();
    return SEAL_ERROR_NO_MEMORY;
}

void seal__error_prefix(seal_error **error, const char *format, ...) {
    if (error == NULL || *error == NULL || *error == no_memory_error())
        return;
    char context[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(context, sizeof context, format, args);
    va_end(args);
    char text[MESSAGE_MAX + 2];
    snprintf(text, sizeof text, "%s: ", context);
    seal_error *longer = error_new((*error)->code, text, (*error)->message);
    seal_error_free(*error);
    *error = longer;
}

seal_error *seal__error_copy(const seal_error *error) {
    return error == NULL ? NULL : error_new(error->code, "", error->message);
}

seal_error_code seal_error_get_code(const seal_error *error) {
    return error == NULL ? SEAL_OK : (seal_error_code)error->code;
}

const char *seal_error_message(const seal_error *error) {
    return error == NULL ? "no error" : error->message;
}

void seal_error_free(seal_error *error) {
    if (error != no_memory_error())
        free(error);
}

static const struct {
    int code;
    const char *name;
    const char *text;
} codes[] = {{SEAL_OK, "SEAL_OK", "no error"},
#define SEAL_X(name, number, text) {(number), "SEAL_ERROR_" #name, text},
             SEAL_ERROR_MAP(SEAL_X)
#undef SEAL_X
};

const char *seal_error_code_name(int code) {
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (codes[i].code == code)
            return codes[i].name;
    }
    return "?";
}

const char *seal_error_code_text(int code) {
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (codes[i].code == code)
            return codes[i].text;
    }
    return "?";
}

int seal__error_pass(seal_error **reterr, seal_error *error) {
    int code = seal_error_get_code(error);
    if (reterr != NULL)
        *reterr = error;
    else
        seal_error_free(error);
    return code;
}
