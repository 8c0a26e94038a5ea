/* SPDX-License-Identifier: Apache-2.0 */
/* Strings on the heap. Running out of memory ends the process: the guardian cleans up after it. */
#ifndef SEAL_REALM_TEXT_H
#define SEAL_REALM_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "format.h"

/* Appends to *text, which may be NULL. */
void text_append(char **text, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct text_list {
    char **items;
    size_t count;
};

void text_list_add(struct text_list *list, const char *item);
void text_list_insert(struct text_list *list, const char *item); /* as the first one */

/* A null pointer behind the last one, which does not count, as exec wants it. */
void text_list_end(struct text_list *list);

bool text_list_has(const struct text_list *list, const char *item);
void text_list_done(struct text_list *list);

/* Everything in the file from its beginning, as a string; NULL and errno on failure. */
char *text_read_fd(int fd);

/* A copy with each `from` replaced by `to`. */
char *text_replace(const char *text, const char *from, const char *to);

/* 0, or -1 and errno. Replaces what was there; mode 0600. */
int text_write_file(const char *path, const char *text);
int text_append_file(const char *path, const char *text);

#endif
