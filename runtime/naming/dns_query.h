/* SPDX-License-Identifier: Apache-2.0 */
/* One question to DNS, through c-ares on the loop. Loop thread only. */
#ifndef SEAL_NAMING_DNS_QUERY_H
#define SEAL_NAMING_DNS_QUERY_H

#include "net/address.h"
#include "net/runtime.h"

typedef struct seal__dns_query seal__dns_query;

typedef enum seal__dns_outcome {
    SEAL__DNS_ANSWERED, /* there is a reply */
    SEAL__DNS_NO_NAME,  /* the name does not exist */
    SEAL__DNS_NO_DATA,  /* the name exists, and has no record of this kind */
    SEAL__DNS_FAILED    /* nobody could be asked */
} seal__dns_outcome;

/* Once, from the loop, unless it was cancelled; the query is gone afterwards. reply: borrowed;
 * with SEAL__DNS_ANSWERED. why: static; with the others. */
typedef void seal__dns_query_fn(void *user, seal__dns_outcome outcome, const uint8_t *reply,
                                size_t len, const char *why);

typedef struct seal__dns_question {
    const char *name;
    uint16_t type;
    const seal__address *servers; /* n_servers 0: those of resolv.conf; port 0: 53 */
    size_t n_servers;
} seal__dns_question;

/* The servers as "127.0.0.1:53,[::1]:5353". false: does not fit. */
bool seal__dns_servers_text(const seal__address *servers, size_t n, char *text, size_t size);

/*
 * Asks. Each query is a c-ares channel of its own: it reads resolv.conf anew (a small local file,
 * read here, on the loop), takes a new port, and can be given up at any moment. 0,
 * SEAL_ERROR_NO_MEMORY, SEAL_ERROR_INVALID, SEAL_ERROR_SYSTEM. The runtime is held until the end.
 */
int seal__dns_query_start(seal_runtime *runtime, const seal__dns_question *question,
                          seal__dns_query_fn *answered, void *user, seal__dns_query **ret_query,
                          seal_error **reterr);
/* Not from the callback, or after it. */
void seal__dns_query_cancel(seal__dns_query *query);

#endif
