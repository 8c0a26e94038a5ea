/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include "report.h"
#include "text.h"

#include <errno.h>
#include <krb5.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

enum { NAME_MAX_LENGTH = 255 };

static bool only(const char *text, const char *allowed) {
    size_t length = strlen(text);
    return length > 0 && length <= NAME_MAX_LENGTH && strspn(text, allowed) == length;
}

bool name_is_realm(const char *name) {
    return only(name, LETTERS DIGITS "._-") && name[0] != '-' && name[0] != '.';
}

bool name_is_class(const char *name) {
    return only(name, LETTERS DIGITS "._-") && name[0] != '-';
}

static bool has_empty_component(const char *name) {
    return name[0] == '/' || name[strlen(name) - 1] == '/' || strstr(name, "//") != NULL;
}

int name_principal(const char *given, const char *realm, char **ret_name) {
    const char *at = strrchr(given, '@');
    if (at != NULL && strcmp(at + 1, realm) != 0) {
        complain("'%s' is not in realm %s; leave out the @..., or use --realm", given, realm);
        return STATUS_USAGE;
    }
    char *name =
        at == NULL ? text_format("%s", given) : text_format("%.*s", (int)(at - given), given);
    if (!only(name, LETTERS DIGITS "._-/$:+") || name[0] == '-' || has_empty_component(name)) {
        complain("'%s' is not a principal name; use letters, digits and . _ - $ : + with / between "
                 "components, as in alice or host/www.example.com",
                 given);
        free(name);
        return STATUS_USAGE;
    }
    *ret_name = name;
    return 0;
}

static long unit_seconds(const char *unit) {
    static const struct {
        const char *name;
        long seconds;
    } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(units[i].name, unit) == 0)
            return units[i].seconds;
    return 0;
}

int name_duration(const char *option, const char *given, long *ret_seconds) {
    enum { LONGEST = 3650L * 86400 };
    char *unit = NULL;
    errno = 0;
    long count = strtol(given, &unit, 10);
    long seconds = unit_seconds(unit);
    bool digit_first = strchr(DIGITS, given[0]) != NULL && given[0] != '\0';
    if (!digit_first || errno != 0 || seconds == 0 || count < 1 || count > LONGEST / seconds) {
        complain("--%s does not take '%s'; write a number of seconds, or such as 12s, 5m, 10h, 1d",
                 option, given);
        return STATUS_USAGE;
    }
    *ret_seconds = count * seconds;
    return 0;
}

int name_enctype(const char *given) {
    krb5_enctype enctype;
    char *copy = text_format("%s", given); /* the library's parameter is not const */
    bool known = only(given, LETTERS DIGITS "-") && krb5_string_to_enctype(copy, &enctype) == 0;
    free(copy);
    if (!known) {
        complain("--enctype does not know '%s'; try aes256-cts-hmac-sha384-192 or "
                 "aes256-cts-hmac-sha1-96",
                 given);
        return STATUS_USAGE;
    }
    return 0;
}

bool name_is_safe_path(const char *path) {
    for (const char *p = path; *p != '\0'; p++) {
        bool plain = strchr(LETTERS DIGITS "/._-+=,@~ ", *p) != NULL || (unsigned char)*p >= 0x80;
        if (!plain)
            return false;
    }
    return strlen(path) < PATH_MAX - 64;
}
