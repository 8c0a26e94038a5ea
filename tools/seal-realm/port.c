/* SPDX-License-Identifier: Apache-2.0 */
#include "port.h"

#include "report.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOWEST_PORT = 10240, USUAL_EPHEMERAL_PORT = 32768, TRIES = 200 };

/* Below the ports that the kernel hands out to outgoing connections: those would get in the way. */
static int highest_port(void) {
    int first = USUAL_EPHEMERAL_PORT;
    FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
    if (file != NULL) {
        if (fscanf(file, "%d", &first) != 1)
            first = USUAL_EPHEMERAL_PORT;
        fclose(file);
    }
    return first > LOWEST_PORT + 1000 ? first - 1 : USUAL_EPHEMERAL_PORT - 1;
}

static int random_port(int highest) {
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        random = (uint32_t)getpid() * 2654435761u;
    return LOWEST_PORT + (int)(random % (uint32_t)(highest - LOWEST_PORT + 1));
}

static int bind_alone(int type, int number) {
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)number),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static void open_for_sharing(int fd) {
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
}

int port_reserve(struct port *port) {
    int highest = highest_port();
    for (int i = 0; i < TRIES; i++) {
        port->number = random_port(highest);
        port->tcp_fd = bind_alone(SOCK_STREAM, port->number);
        if (port->tcp_fd < 0)
            continue;
        port->udp_fd = bind_alone(SOCK_DGRAM, port->number);
        if (port->udp_fd >= 0) {
            open_for_sharing(port->tcp_fd);
            open_for_sharing(port->udp_fd);
            return 0;
        }
        close(port->tcp_fd);
    }
    complain("no free port on 127.0.0.1 in %d tries: %s", (int)TRIES, strerror(errno));
    return STATUS_FAILED;
}

void port_share(struct port *port) {
    if (port->udp_fd >= 0)
        close(port->udp_fd);
    port->udp_fd = -1;
}

void port_release(struct port *port) {
    port_share(port);
    if (port->tcp_fd >= 0)
        close(port->tcp_fd);
    port->tcp_fd = -1;
}
