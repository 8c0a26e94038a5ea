/* SPDX-License-Identifier: Apache-2.0 */
#include "kdc.h"

#include "config.h"
#include "control.h"
#include "marker.h"
#include "report.h"
#include "spawn.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READY_MS = 30000, TRIES = 5, SAID_LENGTH = 4096 };

int kdc_prepare(struct kdc_start *start, struct realm *realm, const struct options *options) {
    *start = (struct kdc_start){.ready_fd = -1};
    start->program = spawn_find("krb5kdc");
    if (start->program == NULL)
        return STATUS_NO_TOOL;
    int status = port_reserve(&start->port);
    if (status != 0) {
        free(start->program);
        start->program = NULL;
        return status;
    }
    realm->port = start->port.number;
    status = config_write(realm, options);
    if (status == 0)
        status = marker_write(realm);
    return status;
}

void kdc_start_done(struct kdc_start *start) {
    if (start->program == NULL)
        return;
    port_release(&start->port);
    if (start->ready_fd >= 0)
        close(start->ready_fd);
    free(start->program);
    start->program = NULL;
}

int kdc_launch(struct kdc_start *start, const struct realm *realm, struct children *children) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        complain("cannot make a pipe: %s", strerror(errno));
        return STATUS_FAILED;
    }
    char *pid_file = realm_path(realm, REALM_KDC_PID);
    char *lock = realm_path(realm, REALM_KDC_LOCK);
    char stay[] = "-n";
    char realm_option[] = "-r";
    char pid_option[] = "-P";
    char *arguments[] = {start->program, stay,     realm_option, realm->name,
                         pid_option,     pid_file, NULL};
    struct spawn spawn = {.arguments = arguments,
                          .input_fd = -1,
                          .output_fd = ends[1],
                          .error_fd = ends[1],
                          .die_with_parent = !realm->standing,
                          .lock = lock};
    pid_t pid = spawn_program(&spawn);
    close(ends[1]);
    free(pid_file);
    free(lock);
    start->ready_fd = ends[0];
    if (pid < 0)
        return STATUS_FAILED;
    child_started(&children->kdc, pid);
    return 0;
}

/* Shows what krb5kdc wrote to us and to its log. */
static void explain(const struct realm *realm, const char *said) {
    complain("krb5kdc did not start; it said:");
    complain_detail(said);
    char *path = realm_path(realm, REALM_KDC_LOG);
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    char *log = fd < 0 ? NULL : text_read_fd(fd);
    if (log != NULL)
        complain_detail(log);
    if (fd >= 0)
        close(fd);
    free(log);
    free(path);
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
    if (children->kdc.alive)
        kill(children->kdc.pid, SIGKILL);
    while (children->kdc.alive)
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
        int status = kdc_prepare(start, realm, options);
        if (status == 0)
            status = kdc_launch(start, realm, children);
        if (status != 0)
            return status;
    }
}
