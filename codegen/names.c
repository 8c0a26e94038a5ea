/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "keywords.h"

/* The ctype functions depend on the locale. */
static bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static char to_lower(char c) {
    return is_upper(c) ? (char)(c - 'A' + 'a') : c;
}

static char to_upper(char c) {
    return is_lower(c) ? (char)(c - 'a' + 'A') : c;
}

/* Whether a word begins at the upper-case letter name[i]: after a lower-case letter or digit, and
 * at the last letter of a run of capitals when a word follows (but not in the plural "IDs"). */
static bool word_begins(const char *name, size_t i) {
    char before = name[i - 1];
    char after = name[i + 1];
    if (is_lower(before) || is_digit(before))
        return true;
    if (!is_upper(before) || !is_lower(after))
        return false;
    return !(after == 's' && !is_lower(name[i + 2]));
}

char *name_snake(pool *p, const char *name) {
    char *snake = pool_alloc(p, 2 * strlen(name) + 1, 1);
    size_t len = 0;
    bool gap = false;
    for (size_t i = 0; name[i] != '\0'; i++) {
        if (name[i] == '_' || name[i] == '.') {
            gap = true;
            continue;
        }
        if (i > 0 && is_upper(name[i]) && word_begins(name, i))
            gap = true;
        if (gap && len > 0)
            snake[len++] = '_';
        gap = false;
        snake[len++] = to_lower(name[i]);
    }
    return snake;
}

char *name_slot(pool *p, const char *snake) {
    bool bad = keyword_bad_member(snake) || strcmp(snake, "size") == 0;
    return pool_printf(p, "%s%s%s", is_digit(snake[0]) ? "_" : "", snake, bad ? "_" : "");
}

char *name_stem(pool *p, const char *path) {
    static const char *const suffixes[] = {".protodevel", ".proto"};
    size_t len = strlen(path);
    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(suffixes[i]);
        if (len >= n && strcmp(path + len - n, suffixes[i]) == 0)
            return pool_copy(p, path, len - n);
    }
    return pool_string(p, path);
}

char *name_guard(pool *p, const char *path) {
    char *guard = name_stem(p, path);
    bool plain = true;
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (char *c = guard; *c != '\0'; c++) {
        hash = (hash ^ (unsigned char)*c) * 16777619u;
        plain = plain && (is_lower(*c) || is_digit(*c) || *c == '/');
        *c = is_digit(*c) || is_lower(*c) || is_upper(*c) ? to_upper(*c) : '_';
    }
    if (plain)
        return pool_printf(p, "SEAL_GEN_%s_H", guard);
    return pool_printf(p, "SEAL_GEN_%s_%08X_H", guard, (unsigned)hash);
}

/* protobuf-c: an underscore before each capital that does not follow a capital or begin the part.
 */
static char *split_capitals(pool *p, const char *part, char (*convert)(char)) {
    char *name = pool_alloc(p, 2 * strlen(part) + 1, 1);
    bool was_upper = true;
    size_t len = 0;
    for (; *part != '\0'; part++) {
        if (is_upper(*part) && !was_upper)
            name[len++] = '_';
        name[len++] = convert(*part);
        was_upper = is_upper(*part);
    }
    return name;
}

char *name_pbc_part_upper(pool *p, const char *part) {
    return split_capitals(p, part, to_upper);
}

char *name_pbc_part_lower(pool *p, const char *part) {
    return split_capitals(p, part, to_lower);
}

char *name_pbc_part_camel(pool *p, const char *part) {
    char *name = pool_alloc(p, strlen(part) + 1, 1);
    bool capital = true;
    size_t len = 0;
    for (; *part != '\0'; part++) {
        if (*part == '_') {
            capital = true;
            continue;
        }
        name[len++] = capital ? to_upper(*part) : *part;
        capital = false;
    }
    return name;
}

char *name_pbc_field(pool *p, const char *field) {
    char *name = pool_string(p, field);
    for (char *c = name; *c != '\0'; c++)
        *c = to_lower(*c);
    return keyword_known_to_protobuf_c(name) ? pool_printf(p, "%s_", name) : name;
}

/* Converts the parts of a dotted name and joins them with two underscores. */
static char *join_parts(pool *p, const char *full, const char *package, const char *c_package,
                        char *(*convert)(pool *, const char *)) {
    const char *dotted = full;
    if (c_package != NULL && strlen(package) <= strlen(full))
        dotted = pool_printf(p, "%s%s%s", c_package, package[0] == '\0' ? "." : "",
                             full + strlen(package));
    char *name = pool_alloc(p, 3 * strlen(dotted) + 1, 1);
    size_t len = 0;
    while (*dotted != '\0') {
        size_t n = strcspn(dotted, ".");
        if (n > 0) {
            const char *part = convert(p, pool_copy(p, dotted, n));
            int added =
                snprintf(name + len, 3 * strlen(dotted) + 1, "%s%s", len > 0 ? "__" : "", part);
            len += added > 0 ? (size_t)added : 0;
        }
        dotted += n + (dotted[n] == '.');
    }
    return name;
}

char *name_pbc_type(pool *p, const char *full, const char *package, const char *c_package) {
    return join_parts(p, full, package, c_package, name_pbc_part_camel);
}

char *name_pbc_lower(pool *p, const char *full, const char *package, const char *c_package) {
    return join_parts(p, full, package, c_package, name_pbc_part_lower);
}

char *name_pbc_upper(pool *p, const char *full, const char *package, const char *c_package) {
    return join_parts(p, full, package, c_package, name_pbc_part_upper);
}

bool name_is_identifier(const char *name) {
    if (name[0] == '\0' || is_digit(name[0]))
        return false;
    for (; *name != '\0'; name++)
        if (!is_upper(*name) && !is_lower(*name) && !is_digit(*name) && *name != '_')
            return false;
    return true;
}

bool name_is_full(const char *name) {
    bool begins = true;
    for (; *name != '\0'; name++) {
        if (*name == '.') {
            if (begins)
                return false;
            begins = true;
            continue;
        }
        if (!is_upper(*name) && !is_lower(*name) && *name != '_' && (begins || !is_digit(*name)))
            return false;
        begins = false;
    }
    return !begins;
}

bool name_is_safe_path(const char *path) {
    if (path[0] == '\0' || path[0] == '/')
        return false;
    for (const char *part = path; *part != '\0';) {
        size_t n = strcspn(part, "/");
        if (n == 0 || (n <= 2 && strncmp(part, "..", n) == 0))
            return false;
        part += n;
        if (*part == '/' && *++part == '\0')
            return false;
    }
    for (; *path != '\0'; path++)
        if ((unsigned char)*path < 0x20 || *path == 0x7f || strchr("\\\"*?", *path) != NULL)
            return false;
    return true;
}
