/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with a service principal name? Asked without any administrative right: of the KDC,
 * with a keytab of the service or with any user's ticket. Blocks: on a worker.
 */
#ifndef SEAL_SECURE_GSS_SPN_CHECK_H
#define SEAL_SECURE_GSS_SPN_CHECK_H

#include "base/alloc.h"
#include "base/error.h"

typedef enum seal__spn_finding {
    SEAL__SPN_OK,
    SEAL__SPN_NOT_REGISTERED, /* the KDC does not know it */
    SEAL__SPN_OTHER_ACCOUNT,  /* it belongs to another account than the keytab's or the expected one
                               */
    SEAL__SPN_DUPLICATE,      /* several accounts carry it */
    SEAL__SPN_NO_KEY,         /* the keytab has no key for it */
    SEAL__SPN_STALE_KEY,      /* the keytab has another version of its key than the KDC */
    SEAL__SPN_WEAK_KEY,       /* the KDC encrypts its tickets with RC4 or DES */
    SEAL__SPN_WRONG_CASE,     /* it is registered, but written in other letters */
    SEAL__SPN_WRONG_REALM,    /* another realm is responsible for the host */
    SEAL__SPN_DNS_CHANGES, /* DNS knows the host by another name, which other clients would use */
    SEAL__SPN_UNKNOWN      /* nobody could be asked: no proof of anything */
} seal__spn_finding;

enum { SEAL__SPN_FINDINGS = 16, SEAL__SPN_TEXT = 2048 };

typedef struct seal__spn_fact {
    seal__spn_finding finding;
    bool fatal;                  /* clients will fail; otherwise a warning */
    char text[SEAL__SPN_TEXT];   /* one line: the object, the cause */
    char remedy[SEAL__SPN_TEXT]; /* the command or setting that mends it; "": none */
} seal__spn_fact;

typedef struct seal__spn_report {
    size_t n; /* 0: everything is right */
    seal__spn_fact facts[SEAL__SPN_FINDINGS];
} seal__spn_report;

/* Appends a fact; of those that do not fit a fatal one takes the place of another, the others are
 * dropped. `format` makes the text. */
void seal__spn_report_add(seal__spn_report *report, seal__spn_finding finding, bool fatal,
                          const char *remedy, const char *format, ...) SEAL_PRINTF(5, 6);
/* The remedy with its commands; where that is too long, none: a part of a command does something
 * else. */
void seal__spn_remedy(char text[SEAL__SPN_TEXT], const char *format, ...) SEAL_PRINTF(2, 3);
/* For names in commands, by seal__shell_word: what was cut to SEAL__GSS_TEXT does not fit. */
enum { SEAL__SPN_WORD = 480 };
bool seal__spn_report_is_fatal(const seal__spn_report *report);
const seal__spn_fact *seal__spn_report_first_fatal(const seal__spn_report *report); /* NULL: none */
/* The fact as an error: returns its code. */
int seal__spn_fact_error(const seal__spn_fact *fact, seal_error **reterr);
const char *seal__spn_finding_name(seal__spn_finding finding); /* "not-registered" */

/* Whether a key of this type can be broken; also when the type is 0, not known. */
bool seal__spn_enctype_is_weak(int32_t enctype);

typedef struct seal__spn_check_options {
    const char *spn;     /* with or without realm */
    const char *keytab;  /* of the service; NULL: look from the client's side, with a ticket */
    bool default_keytab; /* keytab is NULL and means the default one */
    const char *ccache;  /* client's side: whose ticket asks; NULL: default */
    bool ask_dns;        /* look whether DNS would change the host; may take seconds */
} seal__spn_check_options;

/* Fills the report with what the KDC, the keytab and DNS say. Returns 0 also when facts were found;
 * an error only when nothing could be asked at all (SEAL_ERROR_CREDENTIALS, ...). */
int seal__spn_check(const seal_allocator *alloc, const seal__spn_check_options *options,
                    seal__spn_report *report, seal_error **reterr);

/* Only what ask_dns does. Blocks as long as getaddrinfo does. */
void seal__spn_check_dns(const char *spn, seal__spn_report *report);

enum { SEAL__SPN_CLIENT_TEXT = 4096 + 16 }; /* PATH_MAX and "WRFILE:" */

typedef struct seal__spn_client {
    char principal[SEAL__SPN_CLIENT_TEXT];
    char keytab[SEAL__SPN_CLIENT_TEXT]; /* its name, also where the default one was meant */
} seal__spn_client;

/* The principal in a keytab (NULL: the default one) that the KDC takes as a client: the service
 * itself, or in Active Directory its account. Blocks. SEAL_ERROR_KEYTAB,
 * SEAL_ERROR_KDC_UNREACHABLE, SEAL_ERROR_CREDENTIALS (none of them). */
int seal__spn_find_client(const seal_allocator *alloc, const char *keytab, const char *spn,
                          seal__spn_client *ret_client, seal_error **reterr);

#endif
