/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include "report.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int control_pair(int *ret_one, int *ret_other) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        complain("cannot make a socket pair: %s", strerror(errno));
        return STATUS_FAILED;
    }
    *ret_one = pair[0];
    *ret_other = pair[1];
    return 0;
}

void control_send(int fd, enum control_kind kind, int value, bool flag, const char *text) {
    struct control_message message = {.kind = kind, .value = value, .flag = flag};
    snprintf(message.text, sizeof message.text, "%s", text == NULL ? "" : text);
    ssize_t sent;
    do
        sent = send(fd, &message, sizeof message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
}

bool control_receive(int fd, struct control_message *ret_message) {
    ssize_t got;
    /* A peer that went without reading all we sent resets the connection, once; what it sent
     * before is still there. */
    do
        got = recv(fd, ret_message, sizeof *ret_message, 0);
    while (got < 0 && (errno == EINTR || errno == ECONNRESET));
    return got == (ssize_t)sizeof *ret_message;
}

bool control_is_terminating(int signal_number) {
    return signal_number == SIGTERM || signal_number == SIGINT || signal_number == SIGHUP ||
           signal_number == SIGQUIT;
}

int control_give_up(int fd) {
    struct control_message message;
    if (!control_receive(fd, &message))
        return status_cancelled(SIGKILL);
    if (message.kind == CONTROL_SIGNAL && control_is_terminating(message.value))
        return status_cancelled(message.value);
    return 0;
}
