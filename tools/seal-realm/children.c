/* SPDX-License-Identifier: Apache-2.0 */
#include "children.h"

#include "report.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int children_init(struct children *children) {
    memset(children, 0, sizeof *children);
    signal(SIGCHLD, SIG_DFL); /* when ignored, there would be no statuses */
    sigset_t death;
    sigemptyset(&death);
    sigaddset(&death, SIGCHLD);
    sigprocmask(SIG_BLOCK, &death, NULL);
    children->death_fd = signalfd(-1, &death, SFD_NONBLOCK | SFD_CLOEXEC);
    if (children->death_fd < 0) {
        complain("cannot watch for signals: %s", strerror(errno));
        return STATUS_FAILED;
    }
    return 0;
}

void children_done(struct children *children) {
    if (children->death_fd >= 0)
        close(children->death_fd);
}

void child_started(struct child *child, pid_t pid) {
    child->pid = pid;
    child->alive = true;
    child->status = 0;
}

int64_t clock_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void record(struct child *child, pid_t pid, int status) {
    if (child->alive && child->pid == pid) {
        child->alive = false;
        child->status = status;
    }
}

bool children_reap(struct children *children) {
    struct signalfd_siginfo infos[8];
    while (read(children->death_fd, infos, sizeof infos) > 0) {
    }
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        record(&children->command, pid, status);
        for (int i = 0; i < DAEMON_COUNT; i++)
            record(&children->daemons[i], pid, status);
        record(&children->tool, pid, status);
    }
    return pid == 0;
}

int children_wait(struct children *children, int first_fd, int second_fd, int64_t deadline_ms) {
    struct pollfd polled[] = {{.fd = children->death_fd, .events = POLLIN},
                              {.fd = first_fd, .events = POLLIN},
                              {.fd = second_fd, .events = POLLIN}};
    for (;;) {
        int64_t left = -1;
        if (deadline_ms >= 0) {
            left = deadline_ms - clock_ms();
            left = left < 0 ? 0 : left > INT_MAX ? INT_MAX : left;
        }
        int ready = poll(polled, sizeof polled / sizeof polled[0], (int)left);
        if (ready >= 0)
            break;
    }
    int wake = 0;
    if (polled[0].revents != 0) {
        children_reap(children);
        wake |= WAKE_DEATH;
    }
    if (polled[1].revents != 0)
        wake |= WAKE_FIRST;
    if (polled[2].revents != 0)
        wake |= WAKE_SECOND;
    return wake;
}
