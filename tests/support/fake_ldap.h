/* SPDX-License-Identifier: Apache-2.0 */
/* An LDAP server that does wrong in one way or another, on threads of its own. */
#ifndef SEAL_TESTS_FAKE_LDAP_H
#define SEAL_TESTS_FAKE_LDAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum fake_ldap_mode {
    /* Without any key. */
    FAKE_LDAP_SILENT,    /* takes connections and says nothing */
    FAKE_LDAP_IMPOSTOR,  /* every login succeeds, and everything is answered, in clear */
    FAKE_LDAP_HANGUP,    /* closes at the first request */
    FAKE_LDAP_NOISE,     /* answers what is no LDAP */
    FAKE_LDAP_HUGE,      /* announces an answer of 1 GiB */
    FAKE_LDAP_LARGE,     /* of 1 MiB */
    FAKE_LDAP_NOTICE,    /* sends a notice without an OID, which libldap aborts the process for */
    FAKE_LDAP_BAD_TOKEN, /* answers the first leg with a token of rubbish */
    /* With the key of ldap/localhost: it proves itself, and then: */
    FAKE_LDAP_HONEST,   /* answers the script */
    FAKE_LDAP_NOTICES,  /* the same, with such notices before each answer */
    FAKE_LDAP_PACKED,   /* the same, all that a search finds in one packet */
    FAKE_LDAP_NO_LAYER, /* offers no sealing */
    FAKE_LDAP_CLEAR,    /* answers in clear */
    FAKE_LDAP_TAMPERED, /* a bit of each sealed answer is wrong */
    FAKE_LDAP_REPLAYED, /* each sealed packet comes twice */
    FAKE_LDAP_EMPTY,    /* answers with empty packets, without end */
    FAKE_LDAP_STALLED,  /* says nothing more after the login */
    FAKE_LDAP_HALF,     /* sends half of each answer */
    FAKE_LDAP_GIANT     /* announces a packet of 2 GiB */
} fake_ldap_mode;

typedef struct fake_ldap_value {
    const char *name; /* of the attribute */
    const char *value;
    size_t len;
} fake_ldap_value;

typedef struct fake_ldap_entry {
    const char *dn;
    size_t n;
    const fake_ldap_value *values;
} fake_ldap_entry;

/* What each search but that of the root entry finds. */
typedef struct fake_ldap_script {
    size_t n;
    const fake_ldap_entry *entries;
    size_t repeat;       /* the last entry so many times more, with a number in front of its DN */
    size_t references;   /* referrals between the entries */
    int result;          /* of the search */
    const char *account; /* what a search for a service principal name finds; NULL: the same */
    int sync_result;     /* not 0: offers to be watched, and ends each watch at once with this */
} fake_ldap_script;

typedef struct fake_ldap fake_ldap;

/* keytab: with ldap/localhost; NULL for modes without a key. */
fake_ldap *fake_ldap_start(fake_ldap_mode mode, const char *keytab, const fake_ldap_script *script);
void fake_ldap_stop(fake_ldap *fake);
/* "ldap://localhost:PORT" */
const char *fake_ldap_uri(const fake_ldap *fake);
unsigned fake_ldap_connections(fake_ldap *fake);

#endif
