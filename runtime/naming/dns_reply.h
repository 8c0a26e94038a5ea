/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of DNS, taken apart: SRV records with their times to live, which c-ares 1.18 does not
 * give. Pure functions over bytes from anybody. */
#ifndef SEAL_NAMING_DNS_REPLY_H
#define SEAL_NAMING_DNS_REPLY_H

#include "base/error.h"

enum {
    SEAL__DNS_NAME_MAX = 1024 + 1, /* a name as text, \DDD escapes included, with its NUL */
    SEAL__DNS_SRV_MIN = 18         /* bytes of the shortest SRV record */
};

typedef struct seal__dns_srv {
    uint16_t priority;
    uint16_t weight;
    uint16_t port;
    char target[SEAL__DNS_NAME_MAX]; /* lower case, without the last dot; "": the root, "." */
} seal__dns_srv;

typedef void seal__dns_srv_fn(void *user, const seal__dns_srv *srv);

typedef struct seal__dns_summary {
    size_t n;                       /* SRV records of the name that was asked for */
    uint32_t ttl_s;                 /* the smallest of them, and of the aliases on the way */
    bool is_alias;                  /* the name has an alias */
    char owner[SEAL__DNS_NAME_MAX]; /* the name asked for, or the last alias */
} seal__dns_summary;

/* The number of records the reply claims to have, as far as its length allows them. */
size_t seal__dns_reply_records(const uint8_t *reply, size_t len);

/* Passes on each SRV record of class IN that belongs to the name of the question, or to what it is
 * an alias of. 0, or SEAL_ERROR_MALFORMED: then nothing is to be believed of what was passed on. */
int seal__dns_reply_parse(const uint8_t *reply, size_t len, seal__dns_srv_fn *on_srv, void *user,
                          seal__dns_summary *ret_summary, seal_error **reterr);

#endif
