/* SPDX-License-Identifier: Apache-2.0 */
/* A real name server, dnsmasq, with the records of the test, on a free port of 127.0.0.1. */
#ifndef SEAL_TESTS_DNSMASQ_H
#define SEAL_TESTS_DNSMASQ_H

#include <stdint.h>
#include <sys/types.h>

typedef struct dnsmasq {
    char dir[128];
    uint16_t port;
    pid_t pid; /* 0: it does not run */
} dnsmasq;

void dnsmasq_init(dnsmasq *d);
void dnsmasq_done(dnsmasq *d);
/* Starts it with these lines of configuration, such as "srv-host=...", and waits until it answers.
 * The port stays the same from the second time on. */
void dnsmasq_start(dnsmasq *d, const char *records);
void dnsmasq_stop(dnsmasq *d);

#endif
