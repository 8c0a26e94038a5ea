/* SPDX-License-Identifier: Apache-2.0 */
#include "comments.h"

#include <string.h>

enum { FILE_PACKAGE = 2, FILE_SERVICE = 6, FILE_SYNTAX = 12, SERVICE_METHOD = 2 };

static void attach_service(file *f, const int32_t *path, size_t depth, const char *leading,
                           const char *trailing) {
    if (path[1] < 0 || (size_t)path[1] >= f->n_services)
        return;
    service *s = &f->services[path[1]];
    if (depth == 2) {
        s->leading = leading;
        s->trailing = trailing;
    } else if (depth == 4 && path[2] == SERVICE_METHOD && path[3] >= 0 &&
               (size_t)path[3] < s->n_methods) {
        s->methods[path[3]].leading = leading;
        s->methods[path[3]].trailing = trailing;
    }
}

void comments_attach(file *f) {
    const Spb__SourceCodeInfo *info = f->proto->source_code_info;
    for (size_t i = 0; info != NULL && i < info->n_location; i++) {
        const Spb__SourceCodeInfo__Location *at = info->location[i];
        if (at->n_path == 0)
            continue;
        const char *leading = at->leading_comments;
        if (at->path[0] == FILE_SERVICE && at->n_path >= 2)
            attach_service(f, at->path, at->n_path, leading, at->trailing_comments);
        else if (at->n_path == 1 && leading != NULL && f->comment[0] == '\0' &&
                 (at->path[0] == FILE_SYNTAX || at->path[0] == FILE_PACKAGE))
            f->comment = leading;
    }
}

/* Length of the well-formed UTF-8 sequence at s, 0 if there is none. */
static size_t utf8_length(const unsigned char *s, size_t len) {
    size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if ((s[0] >= 0x80 && s[0] < 0xc2) || s[0] > 0xf4 || n > len)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

/* Characters that reorder what a reader sees: U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to
 * U+2069; and the line separators U+2028 and U+2029. */
static bool changes_direction(const unsigned char *s, size_t n) {
    if (n == 2)
        return s[0] == 0xd8 && s[1] == 0x9c;
    if (n != 3 || s[0] != 0xe2)
        return false;
    return (s[1] == 0x80 && (s[2] == 0x8e || s[2] == 0x8f || (s[2] >= 0xa8 && s[2] <= 0xae))) ||
           (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9);
}

static bool is_word(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Prints one ASCII character; before and after are its neighbours, 0 at the ends. */
static void print_ascii(printer *out, char before, char c, char after) {
    if (c == '\t') {
        printer_char(out, ' ');
    } else if ((unsigned char)c < 0x20 || c == 0x7f) {
        printer_char(out, '?');
    } else if (c == '\\') {
        printer_text(out, after == '\0' ? "&#92;" : "\\\\");
    } else if (c == '@' && !is_word((unsigned char)before)) {
        printer_text(out, "@@");
    } else if ((c == '/' && (before == '*' || before == '\0')) || (c == '*' && before == '/') ||
               (c == '?' && before == '?')) {
        printer_char(out, ' ');
        printer_char(out, c);
    } else {
        printer_char(out, c);
    }
}

void comments_print_line(printer *out, const char *line, size_t len) {
    for (size_t i = 0; i < len;) {
        const unsigned char *at = (const unsigned char *)line + i;
        size_t n = utf8_length(at, len - i);
        if (n == 1)
            print_ascii(out, i > 0 ? line[i - 1] : '\0', line[i], i + 1 < len ? line[i + 1] : '\0');
        else if (n == 0 || changes_direction(at, n))
            printer_char(out, '?');
        else
            printer_bytes(out, at, n);
        i += n > 0 ? n : 1;
    }
}

void comments_print_verbatim(printer *out, const char *line, size_t len) {
    for (size_t i = 0; i < len;) {
        const unsigned char *at = (const unsigned char *)line + i;
        size_t n = utf8_length(at, len - i);
        if (i > 0 && line[i] == '?' && line[i - 1] == '?')
            printer_char(out, ' ');
        if (n == 0 || changes_direction(at, n))
            printer_char(out, '?');
        else
            printer_bytes(out, at, n);
        i += n > 0 ? n : 1;
    }
}

static size_t trimmed(const char *line, size_t len) {
    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t' || line[len - 1] == '\r'))
        len--;
    return len;
}

void comments_print(printer *out, const char *text) {
    size_t blank = 0;
    bool started = false;
    if (text == NULL)
        return;
    while (*text != '\0') {
        size_t whole = strcspn(text, "\n");
        size_t len = trimmed(text, whole);
        const char *line = text;
        if (len > 0 && line[0] == ' ') { /* the blank behind the comment marker */
            line++;
            len--;
        }
        text += whole + (text[whole] == '\n');
        if (len == 0) {
            blank++;
            continue;
        }
        for (; started && blank > 0; blank--)
            printer_line(out, " *");
        blank = 0;
        started = true;
        printer_begin(out);
        printer_text(out, " * ");
        comments_print_line(out, line, len);
        printer_char(out, '\n');
    }
}
