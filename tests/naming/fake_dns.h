/* SPDX-License-Identifier: Apache-2.0 */
/* A name server on the test's loop that answers what the test wants, over UDP and TCP. */
#ifndef SEAL_TESTS_NAMING_FAKE_DNS_H
#define SEAL_TESTS_NAMING_FAKE_DNS_H

#include <netinet/in.h>
#include <uv.h>

#include "support/dns_wire.h"

enum { FAKE_CONNECTIONS = 8 };

typedef struct fake_dns fake_dns;

/* A query has come; the test calls fake_dns_send, or does not. */
typedef void fake_dns_fn(fake_dns *fake);

typedef struct fake_connection {
    fake_dns *fake;
    uv_tcp_t tcp;
    uint8_t in[512];
    size_t len;
} fake_connection;

struct fake_dns {
    fake_dns_fn *asked;
    void *user;
    uv_loop_t *loop;
    int fd;
    uv_poll_t poll;
    uv_tcp_t listener;
    bool listens;
    uint16_t port;
    unsigned n_queries;
    unsigned n_tcp;            /* of those */
    uint16_t id;               /* of the last one */
    fake_connection *over_tcp; /* it came over this; NULL: UDP */
    struct sockaddr_in from;
    size_t n_connections;
    fake_connection connections[FAKE_CONNECTIONS];
};

/* with_tcp: it listens for TCP on the same port. */
void fake_dns_init(fake_dns *fake, uv_loop_t *loop, bool with_tcp, fake_dns_fn *asked, void *user);
/* The handles go with the next turns of the loop. */
void fake_dns_close(fake_dns *fake);

/* Sends a reply as it is, but for its id, which becomes `id`. */
void fake_dns_send_as(fake_dns *fake, wire *reply, uint16_t id);
/* The same with the id of the query, and the number of answers. */
void fake_dns_send(fake_dns *fake, wire *reply);
/* Over TCP: sends a piece of a reply as it is, and closes if there is nothing to send. */
void fake_dns_send_raw(fake_dns *fake, const void *bytes, size_t len);

#endif
