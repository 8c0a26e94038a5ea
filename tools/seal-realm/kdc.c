/* SPDX-License-Identifier: Apache-2.0 */
#include "kdc.h"

#include "config.h"
#include "control.h"
#include "daemon.h"
#include "marker.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READY_MS = 30000, TRIES = 5, SAID_LENGTH = 4096 };

int kdc_prepare(struct kdc_start *start, struct realm *realm, const struct options *options) {
    *start = (struct kdc_start){.ready_fd = -1, .port = {.tcp_fd = -1, .udp_fd = -1}};
    int status = daemon_check(DAEMON_KDC);
    if (status == 0)
        status = port_reserve(&start->port);
    if (status != 0)
        return status;
    realm->ports[DAEMON_KDC] = start->port.number;
    status = config_write(realm, options);
    if (status == 0)
        status = marker_write(realm);
    return status;
}

void kdc_start_done(struct kdc_start *start) {
    port_share(&start->port);
    if (start->ready_fd >= 0)
        close(start->ready_fd);
    start->ready_fd = -1;
}

int kdc_launch(struct kdc_start *start, const struct realm *realm, struct children *children) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        complain("cannot make a pipe: %s", strerror(errno));
        return STATUS_FAILED;
    }
    pid_t pid = daemon_launch(realm, DAEMON_KDC, ends[1], 0);
    close(ends[1]);
    start->ready_fd = ends[0];
    if (pid < 0)
        return STATUS_FAILED;
    child_started(&children->daemons[DAEMON_KDC], pid);
    return 0;
}

static void explain(const struct realm *realm, const char *said) {
    daemon_explain(realm, DAEMON_KDC);
    complain_detail(said);
}

/* 1 when it listens, 0 when it has ended, or a status. Collects its words in `said`. */
static int listen_for_ready(struct kdc_start *start, struct children *children, int control_fd,
                            char *said) {
    int64_t deadline = clock_ms() + READY_MS;
    size_t length = 0;
    for (;;) {
        int wake = children_wait(children, control_fd, start->ready_fd, deadline);
        if (wake == 0) {
            complain("krb5kdc was not ready within %d s", READY_MS / 1000);
            return STATUS_FAILED;
        }
        if ((wake & WAKE_FIRST) != 0) {
            int status = control_give_up(control_fd);
            if (status != 0)
                return status;
        }
        if ((wake & WAKE_SECOND) == 0)
            continue;
        ssize_t got = length + 1 < SAID_LENGTH
                          ? read(start->ready_fd, said + length, SAID_LENGTH - 1 - length)
                          : 0;
        if (got <= 0)
            return 0;
        length += (size_t)got;
        said[length] = '\0';
        if (strstr(said, "starting...") != NULL)
            return 1;
    }
}

static void end_child(struct children *children) {
    if (children->daemons[DAEMON_KDC].alive)
        kill(children->daemons[DAEMON_KDC].pid, SIGKILL);
    while (children->daemons[DAEMON_KDC].alive)
        children_wait(children, -1, -1, -1);
}

int kdc_await(struct kdc_start *start, struct realm *realm, const struct options *options,
              struct children *children, int control_fd) {
    for (int attempt = 1;; attempt++) {
        char said[SAID_LENGTH] = "";
        int ready = listen_for_ready(start, children, control_fd, said);
        if (ready == 1)
            return 0;
        end_child(children);
        if (ready != 0)
            return ready;
        if (attempt == TRIES) {
            explain(realm, said);
            return STATUS_FAILED;
        }
        kdc_start_done(start);
        port_release(&start->port);
        int status = kdc_prepare(start, realm, options);
        if (status == 0)
            status = kdc_launch(start, realm, children);
        if (status != 0)
            return status;
    }
}
