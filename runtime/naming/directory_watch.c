/* SPDX-License-Identifier: Apache-2.0 */
/* Searches that do not end: the directory sends what changes. */
#include "naming/directory_internal.h"

#include <string.h>
#include <strings.h>

#define SHOW_DELETED_OID "1.2.840.113556.1.4.417"

enum {
    REFRESH_AND_PERSIST = 3,
    NEW_COOKIE = 0x80, /* of syncInfoValue: nothing that matches has changed */
    MAX_AT_ONCE = 100000
};

/* ---- Beginning ---- */

/* syncRequestValue ::= SEQUENCE { mode ENUMERATED, cookie OPTIONAL, reloadHint DEFAULT FALSE } */
static const uint8_t sync_value[] = {0x30, 0x03, 0x0a, 0x01, REFRESH_AND_PERSIST};

static int begin(seal__directory *d, const char *base, const char *filter, const char *attribute,
                 LDAPControl **controls, seal_error **reterr) {
    char *wanted[] = {(char *)(uintptr_t)attribute, NULL};
    int code = ldap_search_ext(d->ld, base, LDAP_SCOPE_SUBTREE, filter, wanted, 0, controls, NULL,
                               NULL, LDAP_NO_LIMIT, &d->watch_id);
    if (code == LDAP_SUCCESS)
        return 0;
    return seal__directory_fail(d, code, filter, "watch", base, reterr);
}

static int begin_sync(seal__directory *d, const char *base, const char *filter,
                      seal_error **reterr) {
    LDAPControl control = {
        .ldctl_oid = (char *)(uintptr_t)LDAP_CONTROL_SYNC,
        .ldctl_value = {.bv_len = sizeof sync_value, .bv_val = (char *)(uintptr_t)sync_value},
        .ldctl_iscritical = 1};
    return begin(d, base, filter, LDAP_NO_ATTRS, (LDAPControl *[]){&control, NULL}, reterr);
}

/* Active Directory takes no other filter, and a subtree only of a whole naming context. An entry
 * that is removed moves to the deleted ones, which are not shown unless asked for. */
static int begin_notify(seal__directory *d, seal_error **reterr) {
    LDAPControl notify = {.ldctl_oid = (char *)(uintptr_t)SEAL__DIRECTORY_NOTIFY_OID,
                          .ldctl_iscritical = 1};
    LDAPControl deleted = {.ldctl_oid = (char *)(uintptr_t)SHOW_DELETED_OID};
    return begin(d, d->context, "(objectClass=*)", "objectClass",
                 (LDAPControl *[]){&notify, &deleted, NULL}, reterr);
}

int seal__directory_watch(seal__directory *directory, const char *base, const char *filter,
                          const char *object_class, seal__directory_watch_kind *ret_kind,
                          seal_error **reterr) {
    int rc = seal__directory_check(directory, reterr);
    *ret_kind = SEAL__WATCH_NONE;
    if (rc < 0)
        return rc;
    if (directory->has_sync) {
        rc = begin_sync(directory, base == NULL ? directory->base : base, filter, reterr);
        directory->watch_kind = SEAL__WATCH_SYNC;
    } else if (directory->has_notify && directory->context != NULL) {
        if (object_class != NULL &&
            (directory->watch_class = seal__strdup(&directory->alloc, object_class)) == NULL)
            return seal__error_no_memory(reterr);
        rc = begin_notify(directory, reterr);
        directory->watch_kind = SEAL__WATCH_NOTIFY;
    }
    if (rc == 0)
        *ret_kind = directory->watch_kind;
    return rc;
}

int seal__directory_watch_fd(const seal__directory *directory) {
    return directory->watch_kind == SEAL__WATCH_NONE ? -1 : directory->layer.fd;
}

/* ---- What has come ---- */

static bool is_of_class(const seal__directory *d, LDAPMessage *message) {
    struct berval **values = ldap_get_values_len(d->ld, message, "objectClass");
    bool is = values == NULL || d->watch_class == NULL; /* one that we may not read may matter */
    for (size_t i = 0; values != NULL && values[i] != NULL; i++)
        is = is || (values[i]->bv_len == strlen(d->watch_class) &&
                    strncasecmp(values[i]->bv_val, d->watch_class, values[i]->bv_len) == 0);
    ldap_value_free_len(values);
    return is;
}

/* A server says so often that it has seen changes elsewhere. */
static bool is_news(const seal__directory *d, LDAPMessage *message) {
    struct berval *value = NULL;
    char *oid = NULL;
    if (ldap_parse_intermediate(d->ld, message, &oid, &value, NULL, 0) != LDAP_SUCCESS)
        return true;
    bool cookie = oid != NULL && strcmp(oid, LDAP_SYNC_INFO) == 0 && value != NULL &&
                  value->bv_len > 0 && (uint8_t)value->bv_val[0] == NEW_COOKIE;
    ldap_memfree(oid);
    ber_bvfree(value);
    return !cookie;
}

static int watch_ended(seal__directory *d, LDAPMessage *message, seal_error **reterr) {
    int code = LDAP_OTHER;
    char *text = NULL;
    ldap_parse_result(d->ld, message, &code, NULL, &text, NULL, NULL, 0);
    if (code == LDAP_SUCCESS)
        code = LDAP_UNAVAILABLE;
    int rc = seal__directory_fail(d, code, text, "watch", d->base, reterr);
    ldap_memfree(text);
    d->watch_kind = SEAL__WATCH_NONE;
    return rc;
}

static int take(seal__directory *d, LDAPMessage *message, bool *ret_changed, seal_error **reterr) {
    switch (ldap_msgtype(message)) {
    case LDAP_RES_SEARCH_ENTRY:
        *ret_changed = *ret_changed || is_of_class(d, message);
        return 0;
    case LDAP_RES_INTERMEDIATE:
        *ret_changed = *ret_changed || is_news(d, message);
        return 0;
    case LDAP_RES_SEARCH_RESULT:
        return watch_ended(d, message, reterr);
    default:
        return 0; /* a referral */
    }
}

/*
 * One packet may hold several messages, which the descriptor does not show any more; and libldap
 * may keep a message that it has just read for the next call. So until two calls give nothing.
 */
int seal__directory_watch_take(seal__directory *directory, bool *ret_changed, seal_error **reterr) {
    struct timeval none = {0, 0};
    *ret_changed = false;
    int rc = seal__directory_check(directory, reterr);
    int idle = 0;
    for (int n = 0; rc == 0 && idle < 2 && n < MAX_AT_ONCE; n++) {
        LDAPMessage *message = NULL;
        int type = seal__directory_next(directory, directory->watch_id, &none, &message);
        idle = type == 0 ? idle + 1 : 0;
        if (type < 0)
            rc = seal__directory_fail(directory, LDAP_SERVER_DOWN, NULL, "watch", directory->base,
                                      reterr);
        else if (message != NULL)
            rc = take(directory, message, ret_changed, reterr);
        ldap_msgfree(message);
    }
    return rc;
}
