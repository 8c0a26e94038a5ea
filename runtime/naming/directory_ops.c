/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on entries. */
#include "naming/directory_internal.h"

#include <stdio.h>
#include <string.h>

enum {
    ENTRY_BUDGET = 4 * 1024 * 1024, /* what is kept of one entry */
    MAX_ATTRIBUTES = 32             /* of one change */
};

/* ---- Searching ---- */

typedef struct search {
    seal__directory *directory;
    const char *base;
    bool is_one; /* entry is asked for */
    seal__directory_entry_fn *on_entry;
    void *user;
    size_t n;
    int msgid;
} search;

/* Notes that memory has run out: an entry that is not there because of that must not count as one
 * that does not exist. */
typedef struct noting {
    const seal_allocator *alloc;
    bool failed;
} noting;

static void *noting_resize(void *user, void *ptr, size_t size) {
    noting *n = user;
    void *result = n->alloc->resize(n->alloc->user, ptr, size);
    n->failed = n->failed || result == NULL;
    return result;
}

static void noting_release(void *user, void *ptr) {
    noting *n = user;
    n->alloc->release(n->alloc->user, ptr);
}

static int take_entry(search *s, LDAPMessage *message, seal_error **reterr) {
    seal__directory *d = s->directory;
    noting memory = {.alloc = &d->alloc};
    seal_allocator alloc = {.resize = noting_resize, .release = noting_release, .user = &memory};
    if (s->is_one && s->n > 0)
        return seal__error(reterr, SEAL_ERROR_DIRECTORY,
                           "directory %s answers with several entries where one was asked for, "
                           "%.300s; see its log",
                           d->uri, s->base);
    if (s->n++ == SEAL__DIRECTORY_MAX_ENTRIES)
        return seal__error(reterr, SEAL_ERROR_TOO_MANY,
                           "directory %s: more than %d entries below %.300s match", d->uri,
                           SEAL__DIRECTORY_MAX_ENTRIES, s->base);
    seal__arena arena;
    seal__arena_init(&arena, &alloc, ENTRY_BUDGET);
    seal__directory_entry entry;
    bool more = true;
    bool usable = seal__directory_entry_read(d->ld, message, &arena, &entry);
    if (usable && !memory.failed)
        more = s->on_entry(s->user, &entry);
    seal__arena_done(&arena);
    if (memory.failed)
        return seal__error_no_memory(reterr);
    return more ? 0 : seal__error(reterr, SEAL_ERROR_CANCELLED, "the search was ended");
}

/* The place of everything is most likely a mistake in the configuration. */
static int fail_base(search *s, seal_error **reterr) {
    const seal__directory *d = s->directory;
    return seal__error(reterr, SEAL_ERROR_NOT_FOUND,
                       "directory %s: cannot search %.400s: there is no such entry, or no right to "
                       "see it; correct the base (BASE of ldap.conf where none is given): this "
                       "directory has %.400s",
                       d->uri, s->base, d->context);
}

static int end_search(search *s, LDAPMessage *message, seal_error **reterr) {
    int code = LDAP_OTHER;
    char *text = NULL;
    int rc = 0;
    int parsed = ldap_parse_result(s->directory->ld, message, &code, NULL, &text, NULL, NULL, 0);
    if (parsed != LDAP_SUCCESS)
        code = parsed;
    const seal__directory *d = s->directory;
    bool is_base = d->base != NULL && strcmp(s->base, d->base) == 0;
    if (code == LDAP_NO_SUCH_OBJECT && is_base && d->context != NULL)
        rc = fail_base(s, reterr);
    else if (code != LDAP_SUCCESS)
        rc = seal__directory_fail(s->directory, code, text, "search", s->base, reterr);
    ldap_memfree(text);
    return rc;
}

static int read_results(search *s, seal_error **reterr) {
    uint64_t deadline = seal__directory_deadline(s->directory);
    for (;;) {
        LDAPMessage *message = NULL;
        int rc = seal__directory_await(s->directory, s->msgid, deadline, &message, reterr);
        if (rc < 0)
            return rc;
        int type = ldap_msgtype(message);
        if (type == LDAP_RES_SEARCH_ENTRY)
            rc = take_entry(s, message, reterr); /* referrals are passed over */
        else if (type == LDAP_RES_SEARCH_RESULT)
            rc = end_search(s, message, reterr);
        ldap_msgfree(message);
        if (rc < 0 && type == LDAP_RES_SEARCH_ENTRY)
            ldap_abandon_ext(s->directory->ld, s->msgid, NULL, NULL);
        if (rc < 0 || type == LDAP_RES_SEARCH_RESULT)
            return rc;
    }
}

static int ldap_scope(seal__directory_scope scope) {
    switch (scope) {
    case SEAL__SCOPE_BASE:
        return LDAP_SCOPE_BASE;
    case SEAL__SCOPE_ONE:
        return LDAP_SCOPE_ONELEVEL;
    case SEAL__SCOPE_SUBTREE:
        break;
    }
    return LDAP_SCOPE_SUBTREE;
}

int seal__directory_search(seal__directory *directory, const char *base,
                           seal__directory_scope scope, const char *filter,
                           const char *const *attrs, seal__directory_entry_fn *on_entry, void *user,
                           seal_error **reterr) {
    search s = {.directory = directory,
                .base = base == NULL ? directory->base : base,
                .is_one = scope == SEAL__SCOPE_BASE,
                .on_entry = on_entry,
                .user = user};
    int rc = seal__directory_check(directory, reterr);
    if (rc < 0)
        return rc;
    struct timeval limit = {.tv_sec = (time_t)((directory->timeout_ms + 999) / 1000)};
    char **wanted = (char **)(uintptr_t)attrs;
    int code = ldap_search_ext(directory->ld, s.base, ldap_scope(scope), filter, wanted, 0, NULL,
                               NULL, &limit, SEAL__DIRECTORY_MAX_ENTRIES, &s.msgid);
    if (code != LDAP_SUCCESS)
        return seal__directory_fail(directory, code, filter, "search", s.base, reterr);
    return read_results(&s, reterr);
}

/* ---- Changing ---- */

static struct berval text_value(const char *text) {
    return (struct berval){.bv_len = strlen(text), .bv_val = (char *)(uintptr_t)text};
}

/* libldap's form of a list of attributes, in an arena. NULL: out of memory. */
static LDAPMod **make_mods(seal__arena *arena, int op, const seal__directory_attribute *attributes,
                           size_t n) {
    LDAPMod **mods = seal__arena_alloc(arena, (n + 1) * sizeof *mods);
    LDAPMod *items = seal__arena_alloc(arena, n * sizeof *items);
    if (mods == NULL || items == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        const seal__directory_attribute *a = &attributes[i];
        struct berval **pointers = seal__arena_alloc(arena, (a->n_values + 1) * sizeof *pointers);
        struct berval *values = seal__arena_alloc(arena, a->n_values * sizeof *values);
        if (pointers == NULL || values == NULL)
            return NULL;
        for (size_t j = 0; j < a->n_values; j++) {
            values[j] = text_value(a->values[j]);
            pointers[j] = &values[j];
        }
        pointers[a->n_values] = NULL;
        items[i] = (LDAPMod){.mod_op = op | LDAP_MOD_BVALUES,
                             .mod_type = (char *)(uintptr_t)a->name,
                             .mod_bvalues = a->n_values == 0 ? NULL : pointers};
        mods[i] = &items[i];
    }
    mods[n] = NULL;
    return mods;
}

static int send_mods(seal__directory *d, bool add, int op, const char *dn,
                     const seal__directory_attribute *attributes, size_t n, seal_error **reterr) {
    const char *what = add ? "add" : "change";
    int rc = seal__directory_check(d, reterr);
    if (rc < 0)
        return rc;
    if (n > MAX_ATTRIBUTES)
        return seal__error(reterr, SEAL_ERROR_INVALID, "more than %d attributes in one change",
                           (int)MAX_ATTRIBUTES);
    seal__arena arena;
    seal__arena_init(&arena, &d->alloc, ENTRY_BUDGET);
    LDAPMod **mods = make_mods(&arena, op, attributes, n);
    int msgid = 0;
    int code = LDAP_NO_MEMORY;
    if (mods != NULL)
        code = add ? ldap_add_ext(d->ld, dn, mods, NULL, NULL, &msgid)
                   : ldap_modify_ext(d->ld, dn, mods, NULL, NULL, &msgid);
    seal__arena_done(&arena);
    if (code != LDAP_SUCCESS)
        return seal__directory_fail(d, code, NULL, what, dn, reterr);
    return seal__directory_finish(d, msgid, what, dn, NULL, reterr);
}

int seal__directory_add(seal__directory *directory, const seal__directory_entry *entry,
                        seal_error **reterr) {
    return send_mods(directory, true, LDAP_MOD_ADD, entry->dn, entry->attributes,
                     entry->n_attributes, reterr);
}

int seal__directory_modify(seal__directory *directory, const char *dn,
                           seal__directory_change change,
                           const seal__directory_attribute *attributes, size_t n,
                           seal_error **reterr) {
    static const int ops[] = {[SEAL__CHANGE_ADD] = LDAP_MOD_ADD,
                              [SEAL__CHANGE_DELETE] = LDAP_MOD_DELETE,
                              [SEAL__CHANGE_REPLACE] = LDAP_MOD_REPLACE};
    return send_mods(directory, false, ops[change], dn, attributes, n, reterr);
}

int seal__directory_delete(seal__directory *directory, const char *dn, seal_error **reterr) {
    int msgid = 0;
    int rc = seal__directory_check(directory, reterr);
    if (rc < 0)
        return rc;
    int code = ldap_delete_ext(directory->ld, dn, NULL, NULL, &msgid);
    if (code != LDAP_SUCCESS)
        return seal__directory_fail(directory, code, NULL, "remove", dn, reterr);
    return seal__directory_finish(directory, msgid, "remove", dn, NULL, reterr);
}

/* ---- Asking ---- */

int seal__directory_compare(seal__directory *directory, const char *dn, const char *attribute,
                            const char *value, bool *ret_equal, seal_error **reterr) {
    struct berval wanted = text_value(value);
    int msgid = 0;
    int result = LDAP_OTHER;
    *ret_equal = false;
    int rc = seal__directory_check(directory, reterr);
    if (rc < 0)
        return rc;
    int code = ldap_compare_ext(directory->ld, dn, attribute, &wanted, NULL, NULL, &msgid);
    if (code != LDAP_SUCCESS)
        return seal__directory_fail(directory, code, NULL, "compare", dn, reterr);
    rc = seal__directory_finish(directory, msgid, "compare", dn, &result, reterr);
    if (rc < 0)
        return rc;
    *ret_equal = result == LDAP_COMPARE_TRUE;
    if (result == LDAP_COMPARE_TRUE || result == LDAP_COMPARE_FALSE ||
        result == LDAP_NO_SUCH_ATTRIBUTE)
        return 0;
    return seal__directory_fail(directory, result, attribute, "compare", dn, reterr);
}

int seal__directory_refresh(seal__directory *directory, const char *dn, uint32_t ttl_s,
                            uint32_t *ret_ttl_s, seal_error **reterr) {
    struct berval name = text_value(dn);
    LDAPMessage *message = NULL;
    int msgid = 0;
    int rc = seal__directory_check(directory, reterr);
    if (rc < 0)
        return rc;
    int code = ldap_refresh(directory->ld, &name, (ber_int_t)ttl_s, NULL, NULL, &msgid);
    if (code != LDAP_SUCCESS)
        return seal__directory_fail(directory, code, NULL, "prolong the lease of", dn, reterr);
    rc = seal__directory_await(directory, msgid, seal__directory_deadline(directory), &message,
                               reterr);
    if (rc < 0)
        return rc;
    ber_int_t granted = 0;
    char *text = NULL;
    code = LDAP_OTHER;
    int parsed = ldap_parse_result(directory->ld, message, &code, NULL, &text, NULL, NULL, 0);
    if (parsed == LDAP_SUCCESS && code == LDAP_SUCCESS)
        code = ldap_parse_refresh(directory->ld, message, &granted);
    ldap_msgfree(message);
    if (code != LDAP_SUCCESS)
        rc = seal__directory_fail(directory, code, text, "prolong the lease of", dn, reterr);
    else
        *ret_ttl_s = granted < 0 ? 0 : (uint32_t)granted;
    ldap_memfree(text);
    return rc;
}

int seal__directory_whoami(seal__directory *directory, char *ret_identity, size_t size,
                           seal_error **reterr) {
    LDAPMessage *message = NULL;
    struct berval *identity = NULL;
    int msgid = 0;
    ret_identity[0] = '\0';
    int rc = seal__directory_check(directory, reterr);
    if (rc < 0)
        return rc;
    int code = ldap_whoami(directory->ld, NULL, NULL, &msgid);
    if (code != LDAP_SUCCESS)
        return seal__directory_fail(directory, code, NULL, "ask", "who we are", reterr);
    rc = seal__directory_await(directory, msgid, seal__directory_deadline(directory), &message,
                               reterr);
    if (rc < 0)
        return rc;
    if (ldap_parse_whoami(directory->ld, message, &identity) == LDAP_SUCCESS && identity != NULL &&
        identity->bv_val != NULL)
        snprintf(ret_identity, size, "%.*s", (int)identity->bv_len, identity->bv_val);
    ber_bvfree(identity);
    ldap_msgfree(message);
    return 0;
}
