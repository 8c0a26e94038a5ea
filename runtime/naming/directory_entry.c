/* SPDX-License-Identifier: Apache-2.0 */
/* Entries out of messages, within limits. */
#include "naming/directory_internal.h"

#include <string.h>
#include <strings.h>

#include "base/utf8.h"

enum { MAX_ATTRIBUTES = 64 };

/* A copy in the arena; NULL when it is no text, too long, or does not fit any more. */
static const char *take_text(seal__arena *arena, const struct berval *value, size_t max) {
    if (value->bv_val == NULL || value->bv_len > max ||
        !seal__utf8_is_text((const uint8_t *)value->bv_val, value->bv_len))
        return NULL;
    char *copy = seal__arena_alloc(arena, value->bv_len + 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, value->bv_val, value->bv_len);
    copy[value->bv_len] = '\0';
    return copy;
}

static size_t count(const struct berval *values) {
    size_t n = 0;
    while (values != NULL && n < SEAL__DIRECTORY_MAX_VALUES && values[n].bv_val != NULL)
        n++;
    return n;
}

static bool take_attribute(seal__arena *arena, const struct berval *name,
                           const struct berval *values, seal__directory_attribute *ret_attribute) {
    size_t n = count(values);
    const char **kept = seal__arena_alloc(arena, n * sizeof *kept);
    *ret_attribute =
        (seal__directory_attribute){.name = take_text(arena, name, SEAL__DIRECTORY_HOST)};
    if (kept == NULL || ret_attribute->name == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        kept[ret_attribute->n_values] = take_text(arena, &values[i], SEAL__DIRECTORY_MAX_VALUE);
        ret_attribute->n_values += kept[ret_attribute->n_values] != NULL;
    }
    ret_attribute->values = kept;
    return true;
}

bool seal__directory_entry_read(LDAP *ld, LDAPMessage *message, seal__arena *arena,
                                seal__directory_entry *ret_entry) {
    BerElement *ber = NULL;
    struct berval text = {0, NULL};
    *ret_entry = (seal__directory_entry){0};
    seal__directory_attribute *attributes =
        seal__arena_alloc(arena, MAX_ATTRIBUTES * sizeof *attributes);
    if (ldap_get_dn_ber(ld, message, &ber, &text) != LDAP_SUCCESS)
        return false;
    ret_entry->dn = take_text(arena, &text, SEAL__DIRECTORY_MAX_VALUE);
    ret_entry->attributes = attributes;
    bool usable = ret_entry->dn != NULL && attributes != NULL;
    while (usable && ret_entry->n_attributes < MAX_ATTRIBUTES) {
        struct berval *values = NULL;
        if (ldap_get_attribute_ber(ld, message, ber, &text, &values) != LDAP_SUCCESS ||
            text.bv_val == NULL)
            break;
        if (take_attribute(arena, &text, values, &attributes[ret_entry->n_attributes]))
            ret_entry->n_attributes++;
        ber_memfree(values);
    }
    ber_free(ber, 0);
    return usable;
}

const seal__directory_attribute *seal__directory_get(const seal__directory_entry *entry,
                                                     const char *name) {
    for (size_t i = 0; i < entry->n_attributes; i++) {
        if (strcasecmp(entry->attributes[i].name, name) == 0)
            return &entry->attributes[i];
    }
    return NULL;
}

const char *seal__directory_get_one(const seal__directory_entry *entry, const char *name) {
    const seal__directory_attribute *attribute = seal__directory_get(entry, name);
    return attribute == NULL || attribute->n_values == 0 ? NULL : attribute->values[0];
}
