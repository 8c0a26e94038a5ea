/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: flip-proxy SERVER_PORT    An attacker on the wire, for the demonstration: relays one
 * connection from a free port of 127.0.0.1 to SERVER_PORT and flips one bit in the first sealed
 * record of the client.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECORD_TYPE = 0x20, HEADER = 4 };

/* Finds the records in the client's bytes: 24-bit length, 8-bit type, body. */
typedef struct scanner {
    uint8_t header[HEADER];
    size_t have;
    size_t body_left;
    bool done;
} scanner;

static void scan(scanner *s, uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < len && !s->done; i++) {
        if (s->body_left > 0) {
            if (s->header[3] == RECORD_TYPE) {
                bytes[i] ^= 0x10;
                printf("proxy: flipped one bit of the first sealed record\n");
                fflush(stdout);
                s->done = true;
            }
            s->body_left--;
            continue;
        }
        s->header[s->have++] = bytes[i];
        if (s->have == HEADER) {
            s->have = 0;
            s->body_left = (size_t)s->header[0] << 16 | (size_t)s->header[1] << 8 | s->header[2];
        }
    }
}

static bool relay(int from, int to, scanner *s) {
    uint8_t bytes[16384];
    ssize_t n = read(from, bytes, sizeof bytes);
    if (n <= 0) {
        shutdown(to, SHUT_WR);
        return false;
    }
    if (s != NULL)
        scan(s, bytes, (size_t)n);
    for (ssize_t at = 0; at < n;) {
        ssize_t written = write(to, bytes + at, (size_t)(n - at));
        if (written <= 0)
            return false;
        at += written;
    }
    return true;
}

static int socket_on(uint16_t port, bool listening) {
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    const struct sockaddr *sa = (const struct sockaddr *)(const void *)&addr;
    int rc = listening ? bind(fd, sa, sizeof addr) : connect(fd, sa, sizeof addr);
    if (rc < 0 || (listening && listen(fd, 1) < 0)) {
        perror("flip-proxy");
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv) {
    int port = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0;
    int listener = socket_on(0, true);
    struct sockaddr_in addr;
    socklen_t len = sizeof addr;
    getsockname(listener, (struct sockaddr *)(void *)&addr, &len);
    printf("port: %u\n", ntohs(addr.sin_port));
    fflush(stdout);
    int client = accept(listener, NULL, NULL);
    int server = socket_on((uint16_t)port, false);
    struct pollfd fds[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
    scanner s = {.have = 0};
    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        if (poll(fds, 2, -1) < 0)
            return 1;
        if (fds[0].revents != 0 && !relay(client, server, &s))
            fds[0].fd = -1;
        if (fds[1].revents != 0 && !relay(server, client, NULL))
            fds[1].fd = -1;
        fds[0].revents = 0;
        fds[1].revents = 0;
    }
    return 0;
}
