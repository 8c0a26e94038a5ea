/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void out_of_memory(void) {
    fputs("seal: out of memory\n", stderr);
    exit(STATUS_FAILED);
}

char *text_copy(const char *text) {
    return text_need(strdup(text));
}

void *text_grow(void *array, size_t count, size_t size) {
    char *grown = text_need(reallocarray(array, count + 1, size));
    memset(grown + count * size, 0, size);
    return grown;
}

void text_free(char *text) {
    free(text);
}

void words_add(struct words *words, const char *word) {
    words->items = text_grow(words->items, words->n, sizeof *words->items);
    words->items[words->n++] = word;
}

bool words_have(const struct words *words, const char *word) {
    for (size_t i = 0; i < words->n; i++)
        if (strcmp(words->items[i], word) == 0)
            return true;
    return false;
}

void words_done(struct words *words) {
    free(words->items);
    *words = (struct words){0};
}
