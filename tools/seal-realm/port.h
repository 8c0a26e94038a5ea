/* SPDX-License-Identifier: Apache-2.0 */
/* A port of 127.0.0.1 that nobody else has, for TCP and UDP.
 *
 * krb5kdc sets SO_REUSEPORT: two KDCs of one user on the same port both start happily and get each
 * other's requests. So a port is first bound without that option, which fails if anybody has it,
 * and then opened, while still held, for sharing with the KDC about to start. */
#ifndef SEAL_REALM_PORT_H
#define SEAL_REALM_PORT_H

struct port {
    int number;
    int tcp_fd;
    int udp_fd;
};

int port_reserve(struct port *port);

/* Once the KDC has bound it: this UDP socket would otherwise receive some of its requests. The TCP
 * socket stays, so that the port remains ours while a daemon is dead; it listens to nobody. */
void port_share(struct port *port);

void port_release(struct port *port);

#endif
