/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The guardian cleans up after this process. */
void out_of_memory(void) {
    static const char message[] = "seal-realm: out of memory\n";
    ssize_t written = write(STDERR_FILENO, message, sizeof message - 1);
    (void)written;
    _exit(70);
}

void text_append(char **text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *more = text_format_list(format, arguments);
    va_end(arguments);
    if (*text == NULL) {
        *text = more;
        return;
    }
    size_t length = strlen(*text);
    size_t more_length = strlen(more);
    *text = text_need(realloc(*text, length + more_length + 1));
    memcpy(*text + length, more, more_length + 1);
    free(more);
}

void text_list_add(struct text_list *list, const char *item) {
    list->items = text_need(realloc(list->items, (list->count + 1) * sizeof *list->items));
    list->items[list->count++] = text_need(strdup(item));
}

void text_list_insert(struct text_list *list, const char *item) {
    text_list_add(list, item);
    char *added = list->items[list->count - 1];
    memmove(list->items + 1, list->items, (list->count - 1) * sizeof *list->items);
    list->items[0] = added;
}

void text_list_end(struct text_list *list) {
    list->items = text_need(realloc(list->items, (list->count + 1) * sizeof *list->items));
    list->items[list->count] = NULL;
}

bool text_list_has(const struct text_list *list, const char *item) {
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], item) == 0)
            return true;
    return false;
}

void text_list_done(struct text_list *list) {
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    list->items = NULL;
    list->count = 0;
}

char *text_replace(const char *text, const char *from, const char *to) {
    char *result = text_format("%s", "");
    const char *found;
    while ((found = strstr(text, from)) != NULL) {
        text_append(&result, "%.*s%s", (int)(found - text), text, to);
        text = found + strlen(from);
    }
    text_append(&result, "%s", text);
    return result;
}

char *text_read_fd(int fd) {
    size_t length = 0;
    size_t room = 4096;
    char *text = text_need(malloc(room));
    for (;;) {
        ssize_t got = pread(fd, text + length, room - length - 1, (off_t)length);
        if (got < 0) {
            free(text);
            return NULL;
        }
        if (got == 0)
            break;
        length += (size_t)got;
        if (length + 1 == room) {
            room *= 2;
            text = text_need(realloc(text, room));
        }
    }
    text[length] = '\0';
    return text;
}

static int put_file(const char *path, const char *text, int flags) {
    int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | flags, 0600);
    if (fd < 0)
        return -1;
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t written = write(fd, text, left);
        if (written < 0) {
            int saved = errno;
            close(fd);
            errno = saved;
            return -1;
        }
        text += written;
        left -= (size_t)written;
    }
    return close(fd);
}

int text_write_file(const char *path, const char *text) {
    return put_file(path, text, O_TRUNC);
}

int text_append_file(const char *path, const char *text) {
    return put_file(path, text, O_APPEND);
}
