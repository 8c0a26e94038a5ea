/* SPDX-License-Identifier: Apache-2.0 */
#include "base/shell.h"

#include <stdbool.h>
#include <string.h>

/* An apostrophe ends the quotes, stands on its own, and begins them again. */
static const char apostrophe[] = "'\\''";

static bool is_plain(const char *text) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "@%+:./_-";
    return text[0] != '-' && text[strspn(text, plain)] == '\0';
}

static bool has_control(const char *text) {
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    }
    return false;
}

static bool append(char *word, size_t size, size_t *used, const char *what, size_t len) {
    if (len >= size - *used)
        return false;
    memcpy(word + *used, what, len);
    *used += len;
    word[*used] = '\0';
    return true;
}

const char *seal__shell_word(const char *text, const char *instead, char *word, size_t size) {
    size_t used = 0;
    if (text[0] == '\0' || has_control(text))
        return instead;
    if (is_plain(text))
        return append(word, size, &used, text, strlen(text)) ? word : instead;
    bool fits = append(word, size, &used, "'", 1);
    for (; fits && *text != '\0'; text++)
        fits = *text == '\'' ? append(word, size, &used, apostrophe, sizeof apostrophe - 1)
                             : append(word, size, &used, text, 1);
    return fits && append(word, size, &used, "'", 1) ? word : instead;
}
