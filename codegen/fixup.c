/* SPDX-License-Identifier: Apache-2.0 */
#include "fixup.h"

#include <string.h>

#include "comments.h"
#include "names.h"
#include "rewrite.h"

#define LABEL_REQUIRED_NAME "PROTOBUF_C_LABEL_REQUIRED"
#define LABEL_NONE_NAME "PROTOBUF_C_LABEL_NONE"
#define UNION_INITIALIZER ", {0}"
#define UNION_WITH_BRACES ", {{0}}"
#define TRIGRAPH_START "??"
#define TRIGRAPH_BROKEN "?\\" /* the second question mark comes next */

typedef struct fixer {
    pool scratch;
    strmap defaults; /* names of the default values of strings without presence */
    strmap unions;   /* constants that stand before initializers of unions that want braces */
    size_t n_strings;
    size_t n_required;
    size_t declarations; /* found */
    size_t labels;       /* found */
} fixer;

static void expect_implicit(fixer *fix, const message *msg, const field *fld) {
    fix->n_required += rewrite_is_implicit(msg, fld);
    if (!rewrite_is_implicit_string(msg, fld))
        return;
    const char *name = fld->new_name != NULL ? fld->new_name : fld->proto->name;
    fix->n_strings++;
    strmap_add(&fix->defaults,
               pool_printf(&fix->scratch, "%s__%s__default_value", msg->c_lower,
                           name_pbc_part_lower(&fix->scratch, name)),
               msg);
}

/* Whether the first field of a oneof is a structure in C. */
static bool begins_with_structure(const message *msg, size_t oneof) {
    for (size_t i = 0; i < msg->n_fields; i++) {
        const field *fld = &msg->fields[i];
        const Spb__FieldOptions *options = fld->proto->options;
        if (fld->oneof < 0 || (size_t)fld->oneof != oneof)
            continue;
        return fld->proto->type == TYPE_BYTES ||
               (fld->proto->type == TYPE_STRING && options != NULL && options->pb_c_field != NULL &&
                options->pb_c_field->string_as_bytes);
    }
    return false;
}

static void expect_union(fixer *fix, const message *msg, size_t oneof) {
    const char *name = msg->new_oneof_names[oneof];
    if (name == NULL)
        name = msg->proto->oneof_decl[oneof]->name;
    if (begins_with_structure(msg, oneof))
        strmap_add(&fix->unions,
                   pool_printf(&fix->scratch, "%s__%s__NOT_SET", msg->c_upper,
                               name_pbc_part_upper(&fix->scratch, name)),
                   msg);
}

static void expect(fixer *fix, const message *messages, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const message *msg = &messages[i];
        for (size_t k = 0; k < msg->n_fields && msg->file->has_optional; k++)
            expect_implicit(fix, msg, &msg->fields[k]);
        for (size_t k = 0; k < msg->n_oneofs; k++)
            expect_union(fix, msg, k);
        expect(fix, msg->nested, msg->n_nested);
    }
}

static bool is_word(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static size_t word_length(const uint8_t *at, size_t len) {
    size_t n = 0;
    while (n < len && is_word(at[n]))
        n++;
    return n;
}

static bool starts_with(wire_view text, const char *start) {
    size_t n = strlen(start);
    return text.len >= n && memcmp(text.data, start, n) == 0;
}

static bool ends_with(wire_view text, const char *end) {
    size_t n = strlen(end);
    return text.len >= n && memcmp(text.data + text.len - n, end, n) == 0;
}

static bool is_in(const strmap *map, wire_view word, const char *suffix) {
    if (map->count == 0 || !ends_with(word, suffix))
        return false;
    pool scratch = {0};
    bool found = strmap_get(map, pool_copy(&scratch, (const char *)word.data, word.len)) != NULL;
    pool_done(&scratch);
    return found;
}

static bool is_default(const fixer *fix, wire_view word) {
    return is_in(&fix->defaults, word, "__default_value");
}

/* Whether a line declares or defines one of the default values: "[extern ]char NAME[]..." */
static bool is_declaration(const fixer *fix, wire_view line) {
    static const char *const starts[] = {"extern char ", "char "};
    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(starts[i]);
        if (starts_with(line, starts[i]))
            return is_default(fix,
                              (wire_view){line.data + n, word_length(line.data + n, line.len - n)});
    }
    return false;
}

/* Copies the word at the begin of rest, which follows the character before; returns how much of
 * rest is done. */
static size_t fix_word(fixer *fix, wire_view rest, size_t n, char before, printer *out) {
    wire_view word = {rest.data, n};
    wire_view after = {rest.data + n, rest.len - n};
    bool presence = fix->n_required > 0;
    if (presence && n == strlen(LABEL_REQUIRED_NAME) && starts_with(word, LABEL_REQUIRED_NAME)) {
        fix->labels++;
        printer_text(out, LABEL_NONE_NAME);
    } else if (is_default(fix, word)) {
        printer_text(out, before == '&' ? "" : "(char *)");
        printer_text(out, "protobuf_c_empty_string");
    } else if (starts_with(after, UNION_INITIALIZER) && is_in(&fix->unions, word, "__NOT_SET")) {
        printer_bytes(out, word.data, word.len);
        printer_text(out, UNION_WITH_BRACES);
        return n + strlen(UNION_INITIALIZER);
    } else {
        printer_bytes(out, word.data, word.len);
    }
    return n;
}

/* Whether a line is inside a comment that came from the .proto file. */
static bool is_comment(wire_view line) {
    size_t i = 0;
    while (i < line.len && line.data[i] == ' ')
        i++;
    return i < line.len && line.data[i] == '*';
}

static void fix_line(fixer *fix, wire_view line, printer *out) {
    if (is_declaration(fix, line)) {
        fix->declarations++;
        return;
    }
    if (is_comment(line)) {
        bool ended = line.data[line.len - 1] == '\n';
        comments_print_verbatim(out, (const char *)line.data, line.len - ended);
        printer_text(out, ended ? "\n" : "");
        return;
    }
    for (size_t i = 0; i < line.len;) {
        wire_view rest = {line.data + i, line.len - i};
        size_t n = word_length(rest.data, rest.len);
        if (n == 0 && starts_with(rest, TRIGRAPH_START))
            printer_text(out, TRIGRAPH_BROKEN); /* in a string: nowhere else can it be */
        else if (n == 0)
            printer_bytes(out, rest.data, 1);
        else
            n = fix_word(fix, rest, n, i > 0 ? (char)line.data[i - 1] : '\0', out);
        i += n > 0 ? n : 1;
    }
}

bool fixup_copy(const file *f, bool header, wire_view text, printer *out) {
    fixer fix = {0};
    expect(&fix, f->messages, f->n_messages);
    while (text.len > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.len);
        size_t n = end != NULL ? (size_t)(end - text.data) + 1 : text.len;
        fix_line(&fix, (wire_view){text.data, n}, out);
        text = (wire_view){text.data + n, text.len - n};
    }
    bool expected = fix.declarations == fix.n_strings && (header || fix.labels == fix.n_required);
    strmap_done(&fix.defaults);
    strmap_done(&fix.unions);
    pool_done(&fix.scratch);
    return expected;
}
