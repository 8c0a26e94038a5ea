/* SPDX-License-Identifier: Apache-2.0 */
/* Names of entries, and text in filters. */
#include "naming/directory_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

bool seal__directory_escape(char *filter, size_t size, const char *text) {
    struct berval plain = {strlen(text), (char *)(uintptr_t)text};
    struct berval escaped = {0, NULL};
    size_t used = strlen(filter);
    if (ldap_bv2escaped_filter_value(&plain, &escaped) != 0)
        return false;
    const char *value = escaped.bv_val == NULL ? "" : escaped.bv_val;
    size_t len = strlen(value);
    bool fits = used + len < size;
    if (fits)
        memcpy(filter + used, value, len + 1);
    if (escaped.bv_val != plain.bv_val)
        ber_memfree(escaped.bv_val);
    return fits;
}

/* The DN from its part number `skip` on, in one form. NULL: it is none, or has no such part. To be
 * freed with ldap_memfree. */
static char *normalize(const char *dn, size_t skip) {
    LDAPDN parts = NULL;
    char *text = NULL;
    if (ldap_str2dn(dn, &parts, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS || parts == NULL)
        return NULL;
    size_t n = 0;
    while (parts[n] != NULL)
        n++;
    if (n > skip && ldap_dn2str(parts + skip, &text, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS)
        text = NULL;
    ldap_dnfree(parts);
    return text;
}

bool seal__directory_parent(const char *dn, char *ret_parent, size_t size) {
    char *parent = normalize(dn, 1);
    size_t len = parent == NULL ? 0 : strlen(parent);
    bool fits = len > 0 && len < size;
    if (fits)
        memcpy(ret_parent, parent, len + 1);
    ldap_memfree(parent);
    return fits;
}

static bool needs_escape(const char *name, size_t at, size_t len) {
    char c = name[at];
    bool edge = at == 0 || at + 1 == len;
    return strchr("\"+,;<=>\\", c) != NULL || (c == '#' && at == 0) || (c == ' ' && edge);
}

bool seal__directory_child(const char *name, const char *parent, char *ret_dn, size_t size) {
    size_t len = strlen(name);
    size_t used = 3;
    if (len == 0 || size < 4)
        return false;
    snprintf(ret_dn, size, "cn=");
    for (size_t i = 0; i < len; i++) {
        if (used + 3 >= size)
            return false;
        if (needs_escape(name, i, len))
            ret_dn[used++] = '\\';
        ret_dn[used++] = name[i];
    }
    int n = snprintf(ret_dn + used, size - used, ",%s", parent);
    return n > 0 && (size_t)n < size - used;
}

bool seal__directory_same_dn(const char *a, const char *b) {
    char *left = normalize(a, 0);
    char *right = normalize(b, 0);
    bool same = left != NULL && right != NULL && strcasecmp(left, right) == 0;
    ldap_memfree(left);
    ldap_memfree(right);
    return same;
}

bool seal__directory_is_within(const char *dn, const char *above) {
    char *left = normalize(dn, 0);
    char *right = normalize(above, 0);
    bool within = false;
    if (left != NULL && right != NULL) {
        size_t len = strlen(left);
        size_t tail = strlen(right);
        within = len >= tail && strcasecmp(left + len - tail, right) == 0 &&
                 (len == tail || left[len - tail - 1] == ',');
    }
    ldap_memfree(left);
    ldap_memfree(right);
    return within;
}
