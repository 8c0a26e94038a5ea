/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for what the directory answers, within time, and what its codes mean. */
#include "naming/directory_internal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t seal__directory_deadline(const seal__directory *directory) {
    return now_ns() + (uint64_t)directory->timeout_ms * 1000000;
}

/* ---- Codes ---- */

static const struct known {
    int ldap;
    int ours;
    const char *remedy;
} known[] = {
    {LDAP_INSUFFICIENT_ACCESS, SEAL_ERROR_DIRECTORY_DENIED,
     "ask whoever keeps the directory for that right"},
    {LDAP_STRONG_AUTH_REQUIRED, SEAL_ERROR_DIRECTORY_DENIED,
     "the directory demands more protection than a sealed connection"},
    {LDAP_CONFIDENTIALITY_REQUIRED, SEAL_ERROR_DIRECTORY_DENIED,
     "the directory demands more protection than a sealed connection"},
    {LDAP_INAPPROPRIATE_AUTH, SEAL_ERROR_DIRECTORY_DENIED,
     "the directory wants another kind of login"},
    {LDAP_NO_SUCH_OBJECT, SEAL_ERROR_NOT_FOUND, "there is no such entry, or no right to see it"},
    {LDAP_NO_SUCH_ATTRIBUTE, SEAL_ERROR_NOT_FOUND, "the entry has no such value"},
    {LDAP_ALREADY_EXISTS, SEAL_ERROR_ALREADY, "the entry is there already"},
    {LDAP_TYPE_OR_VALUE_EXISTS, SEAL_ERROR_ALREADY, "the value is there already"},
    {LDAP_CONSTRAINT_VIOLATION, SEAL_ERROR_SPN_DUPLICATE,
     "the value is on another entry already, or this account may not have it"},
    {LDAP_OBJECT_CLASS_VIOLATION, SEAL_ERROR_INVALID, "check the schema of the directory"},
    {LDAP_UNDEFINED_TYPE, SEAL_ERROR_INVALID, "check the schema of the directory"},
    {LDAP_INVALID_SYNTAX, SEAL_ERROR_INVALID, "check the value and the schema of the directory"},
    {LDAP_INAPPROPRIATE_MATCHING, SEAL_ERROR_INVALID, "check the schema of the directory"},
    {LDAP_NAMING_VIOLATION, SEAL_ERROR_INVALID, "the entry cannot be at this place"},
    {LDAP_NOT_ALLOWED_ON_NONLEAF, SEAL_ERROR_INVALID, "there are entries below it"},
    {LDAP_NOT_ALLOWED_ON_RDN, SEAL_ERROR_INVALID, "the value is part of the entry's name"},
    {LDAP_NO_OBJECT_CLASS_MODS, SEAL_ERROR_INVALID, "remove the entry and make it again"},
    {LDAP_INVALID_DN_SYNTAX, SEAL_ERROR_INVALID, "write a DN, such as dc=example,dc=com"},
    {LDAP_FILTER_ERROR, SEAL_ERROR_INVALID, "correct the filter"},
    {LDAP_PARAM_ERROR, SEAL_ERROR_INVALID, "correct the arguments"},
    {LDAP_SIZELIMIT_EXCEEDED, SEAL_ERROR_TOO_MANY, "there are more entries than the limit"},
    {LDAP_ADMINLIMIT_EXCEEDED, SEAL_ERROR_TOO_MANY, "raise the limits of the directory"},
    {LDAP_TIMELIMIT_EXCEEDED, SEAL_ERROR_DIRECTORY,
     "the directory took too long; have the attributes of the filter indexed"},
    {LDAP_REFERRAL, SEAL_ERROR_DIRECTORY,
     "this server has only a copy; name the server that takes changes, too, and see that it runs"},
    {LDAP_SERVER_DOWN, SEAL_ERROR_DIRECTORY, "the connection was lost"},
    {LDAP_NO_MEMORY, SEAL_ERROR_NO_MEMORY, ""},
};

static const struct known *find(int ldap_code) {
    static const struct known other = {0, SEAL_ERROR_DIRECTORY, "see the log of the directory"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].ldap == ldap_code)
            return &known[i];
    }
    return &other;
}

int seal__directory_fail(seal__directory *directory, int ldap_code, const char *diagnostic,
                         const char *what, const char *dn, seal_error **reterr) {
    const struct known *k = find(ldap_code);
    if (k->ours == SEAL_ERROR_NO_MEMORY)
        return seal__error_no_memory(reterr);
    if (ldap_code == LDAP_SERVER_DOWN)
        directory->lost = true;
    if (directory->layer.tampered)
        return seal__error(reterr, SEAL_ERROR_DIRECTORY_UNTRUSTED,
                           "directory %s: what came was changed on the way, or is not sealed",
                           directory->uri);
    bool has_text = diagnostic != NULL && diagnostic[0] != '\0';
    return seal__error(reterr, k->ours, "directory %s: cannot %s %.400s: %s%s%.300s%s; %s",
                       directory->uri, what, dn, ldap_err2string(ldap_code), has_text ? " (" : "",
                       has_text ? diagnostic : "", has_text ? ")" : "", k->remedy);
}

int seal__directory_check(const seal__directory *directory, seal_error **reterr) {
    if (!directory->lost)
        return 0;
    return seal__error(reterr, SEAL_ERROR_DIRECTORY,
                       "directory %s: the connection was lost before; open another one",
                       directory->uri);
}

/* ---- Messages ---- */

static int lost(seal__directory *directory, seal_error **reterr) {
    int code = LDAP_SERVER_DOWN;
    ldap_get_option(directory->ld, LDAP_OPT_RESULT_CODE, &code);
    directory->lost = true;
    return seal__directory_fail(directory, code == LDAP_SUCCESS ? LDAP_SERVER_DOWN : code, NULL,
                                "read", "the answer", reterr);
}

int seal__directory_next(seal__directory *directory, int msgid, struct timeval *limit,
                         LDAPMessage **ret_message) {
    LDAPMessage *message = NULL;
    int type = ldap_result(directory->ld, LDAP_RES_ANY, LDAP_MSG_ONE, limit, &message);
    *ret_message = NULL;
    if (type > 0 && ldap_msgid(message) == msgid)
        *ret_message = message;
    else
        ldap_msgfree(message);
    return type;
}

int seal__directory_await(seal__directory *directory, int msgid, uint64_t deadline_ns,
                          LDAPMessage **ret_message, seal_error **reterr) {
    for (uint64_t now = now_ns(); now < deadline_ns; now = now_ns()) {
        uint64_t left_us = (deadline_ns - now) / 1000;
        struct timeval left = {.tv_sec = (time_t)(left_us / 1000000),
                               .tv_usec = (suseconds_t)(left_us % 1000000)};
        int type = seal__directory_next(directory, msgid, &left, ret_message);
        if (type < 0)
            return lost(directory, reterr);
        if (*ret_message != NULL)
            return 0;
    }
    directory->lost = true;
    return seal__error(reterr, SEAL_ERROR_DIRECTORY,
                       "directory %s does not answer within %u ms; see whether it is overloaded, "
                       "or raise the timeout",
                       directory->uri, directory->timeout_ms);
}

int seal__directory_finish(seal__directory *directory, int msgid, const char *what, const char *dn,
                           int *ret_code, seal_error **reterr) {
    LDAPMessage *message = NULL;
    int rc = seal__directory_await(directory, msgid, seal__directory_deadline(directory), &message,
                                   reterr);
    if (rc < 0)
        return rc;
    int code = LDAP_OTHER;
    char *text = NULL;
    int parsed = ldap_parse_result(directory->ld, message, &code, NULL, &text, NULL, NULL, 1);
    if (parsed != LDAP_SUCCESS)
        code = parsed;
    if (ret_code != NULL)
        *ret_code = code;
    if (ret_code == NULL && code != LDAP_SUCCESS)
        rc = seal__directory_fail(directory, code, text, what, dn, reterr);
    ldap_memfree(text);
    return rc;
}
