/* SPDX-License-Identifier: Apache-2.0 */
/* Strings and lists on the heap. Out of memory ends the program with a message. */
#ifndef SEAL_TOOL_TEXT_H
#define SEAL_TOOL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "format.h"

char *text_copy(const char *text);
/* Grows an array to count + 1 elements of this size, the new one zeroed. */
void *text_grow(void *array, size_t count, size_t size);
void text_free(char *text);

/* Borrowed words, such as those of the command line. */
struct words {
    size_t n;
    const char **items;
};

void words_add(struct words *words, const char *word);
bool words_have(const struct words *words, const char *word);
void words_done(struct words *words);

#endif
