/* SPDX-License-Identifier: Apache-2.0 */
/* Is this JSON? A recursive reader that keeps nothing. */
#include <stdlib.h>
#include <string.h>

#include "bench/run.h"

enum { MAX_DEPTH = 16 };

static const char *skip_space(const char *at) {
    return at + strspn(at, " \t\r\n");
}

/* Each of these returns what follows, or NULL. */
static const char *read_value(const char *at, int depth);

static const char *read_string(const char *at) {
    if (*at++ != '"')
        return NULL;
    for (; *at != '"'; at++) {
        if ((unsigned char)*at < 0x20)
            return NULL;
        if (*at == '\\' && strchr("\"\\/bfnrtu", *++at) == NULL)
            return NULL;
        if (*at == '\0')
            return NULL;
    }
    return at + 1;
}

static const char *read_number(const char *at) {
    char *end = NULL;
    if (strspn(at, "-0123456789") == 0)
        return NULL;
    strtod(at, &end);
    return end;
}

static const char *read_word(const char *at, const char *word) {
    size_t len = strlen(word);
    return strncmp(at, word, len) == 0 ? at + len : NULL;
}

static const char *read_member(const char *at, int depth) {
    at = read_string(at);
    if (at == NULL)
        return NULL;
    at = skip_space(at);
    return *at == ':' ? read_value(at + 1, depth) : NULL;
}

static const char *read_list(const char *at, char end, int depth) {
    at = skip_space(at);
    if (*at == end)
        return at + 1;
    for (;;) {
        at = end == '}' ? read_member(skip_space(at), depth) : read_value(at, depth);
        if (at == NULL)
            return NULL;
        at = skip_space(at);
        if (*at == end)
            return at + 1;
        if (*at++ != ',')
            return NULL;
    }
}

static const char *read_value(const char *at, int depth) {
    at = skip_space(at);
    if (depth > MAX_DEPTH)
        return NULL;
    switch (*at) {
    case '{':
        return read_list(at + 1, '}', depth + 1);
    case '[':
        return read_list(at + 1, ']', depth + 1);
    case '"':
        return read_string(at);
    case 't':
        return read_word(at, "true");
    case 'f':
        return read_word(at, "false");
    case 'n':
        return read_word(at, "null");
    default:
        return read_number(at);
    }
}

bool run_is_json(const char *text) {
    const char *end = read_value(text, 0);
    return end != NULL && *skip_space(end) == '\0';
}
