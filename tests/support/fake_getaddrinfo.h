/* SPDX-License-Identifier: Apache-2.0 */
/* The system's resolver, with some names of the test's own: getaddrinfo and getnameinfo of the
 * program that links this answer for them, and ask the real ones for everything else. */
#ifndef SEAL_TESTS_FAKE_GETADDRINFO_H
#define SEAL_TESTS_FAKE_GETADDRINFO_H

typedef struct fake_name {
    const char *host;      /* what is asked for */
    const char *canonical; /* NULL: the same */
    const char *reverse;   /* NULL: the address has no name */
    int error;             /* an EAI_ code instead */
} fake_name;

enum { FAKE_NAMES = 16 };

/* Ends with a host that is NULL. Not while anybody asks. */
extern fake_name fake_names[FAKE_NAMES + 1];

#endif
