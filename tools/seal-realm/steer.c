/* SPDX-License-Identifier: Apache-2.0 */
#include "steer.h"

#include "daemon.h"
#include "environment.h"
#include "lock.h"
#include "marker.h"
#include "namespaces.h"
#include "report.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STEP_MS = 2, LONGEST_MS = 30000, PATIENCE_S = 5 };

/* The realm, and the one of its daemons that is called so. */
static int find(const char *folder, const char *name, struct realm *realm, enum daemon *ret_which) {
    int status = marker_load(realm, folder);
    if (status != 0)
        return status;
    *ret_which = daemon_find(realm, name);
    if (*ret_which == DAEMON_COUNT) {
        complain("'%s' is none of kdc, kadmind, directory, replica, dc", name);
        return STATUS_USAGE;
    }
    if (realm->ports[*ret_which] == 0) {
        complain("the realm in %s has no %s; it was made without %s", realm->folder, name,
                 *ret_which == DAEMON_REPLICA ? "--replica"
                 : *ret_which == DAEMON_DC    ? "--ad"
                                              : "--with-directory");
        return STATUS_USAGE;
    }
    return 0;
}

static int find_living(const char *folder, const char *name, struct realm *realm,
                       enum daemon *ret_which, pid_t *ret_pid) {
    int status = find(folder, name, realm, ret_which);
    if (status != 0)
        return status;
    *ret_pid = daemon_pid(realm, *ret_which);
    if (*ret_pid > 0)
        return 0;
    complain("%s does not run; start it with: seal-realm restart %s %s", daemon_title(*ret_which),
             name, realm->folder);
    return STATUS_FAILED;
}

static int send_signal(enum daemon which, pid_t pid, int number) {
    if (kill(pid, number) == 0)
        return 0;
    complain("cannot send signal %d to %s (process %d): %s", number, daemon_title(which), (int)pid,
             strerror(errno));
    return STATUS_FAILED;
}

static bool is_thread_stopped(pid_t pid, const char *thread) {
    char *path = text_format("/proc/%d/task/%s/stat", (int)pid, thread);
    FILE *file = fopen(path, "re");
    free(path);
    char line[512] = "";
    if (file == NULL)
        return true; /* it is gone */
    size_t length = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[length] = '\0';
    const char *name_end = strrchr(line, ')');
    return name_end != NULL && strncmp(name_end, ") T", 3) == 0;
}

static bool is_stopped(pid_t pid) {
    char *path = text_format("/proc/%d/task", (int)pid);
    DIR *stream = opendir(path);
    free(path);
    bool stopped = true;
    const struct dirent *entry;
    while (stream != NULL && (entry = readdir(stream)) != NULL)
        if (entry->d_name[0] != '.' && !is_thread_stopped(pid, entry->d_name))
            stopped = false;
    if (stream != NULL)
        closedir(stream);
    return stopped;
}

int steer_pause(const char *folder, const char *name) {
    struct realm realm = {0};
    enum daemon which;
    pid_t pid;
    int status = find_living(folder, name, &realm, &which, &pid);
    if (status == 0)
        status = send_signal(which, pid, SIGSTOP);
    for (int waited = 0; status == 0 && !is_stopped(pid); waited += STEP_MS) {
        poll(NULL, 0, STEP_MS);
        if (waited >= LONGEST_MS) {
            complain("%s (process %d) did not stop", daemon_title(which), (int)pid);
            status = STATUS_FAILED;
        }
    }
    realm_done(&realm);
    return status;
}

int steer_resume(const char *folder, const char *name) {
    struct realm realm = {0};
    enum daemon which;
    pid_t pid;
    int status = find_living(folder, name, &realm, &which, &pid);
    if (status == 0)
        status = send_signal(which, pid, SIGCONT);
    realm_done(&realm);
    return status;
}

/* Lets the guardian know that this end is wanted. */
static void mark_ended(const struct realm *realm, enum daemon which) {
    char *mark = daemon_file(realm, which, "ended");
    if (text_write_file(mark, "") != 0)
        complain("cannot write %s: %s", mark, strerror(errno));
    free(mark);
}

static int end(const struct realm *realm, enum daemon which, pid_t pid, int number) {
    mark_ended(realm, which);
    int status = send_signal(which, pid, number);
    kill(pid, SIGCONT);
    char *lock = daemon_file(realm, which, "lock");
    if (status == 0 && lock_wait_free(lock, PATIENCE_S) != 0)
        status = STATUS_FAILED;
    free(lock);
    return status;
}

int steer_kill(const char *folder, const char *name) {
    struct realm realm = {0};
    enum daemon which;
    pid_t pid;
    int status = find_living(folder, name, &realm, &which, &pid);
    if (status == 0)
        status = end(&realm, which, pid, SIGKILL);
    realm_done(&realm);
    return status;
}

/* From a process that ends at once, so that the daemon is left to the guardian, or to init when the
 * realm stays. The daemon's process, or -1. */
static pid_t launch_detached(const struct realm *realm, enum daemon which, pid_t guardian) {
    int ends[2];
    if (pipe(ends) != 0)
        return -1;
    pid_t between = fork();
    if (between == 0) {
        pid_t pid = daemon_launch(realm, which, -1, guardian);
        ssize_t written = write(ends[1], &pid, sizeof pid);
        _exit(written != (ssize_t)sizeof pid);
    }
    close(ends[1]);
    pid_t pid = -1;
    if (between < 0 || read(ends[0], &pid, sizeof pid) != (ssize_t)sizeof pid)
        pid = -1;
    close(ends[0]);
    if (between > 0)
        waitpid(between, NULL, 0);
    return pid;
}

static int start(const struct realm *realm, enum daemon which) {
    char *lock = realm_path(realm, REALM_GUARDIAN_LOCK);
    pid_t guardian = lock_owner(lock);
    free(lock);
    environment_enter(realm);
    pid_t pid = launch_detached(realm, which, guardian);
    if (pid < 0)
        return STATUS_FAILED;
    for (int waited = 0; waited < LONGEST_MS; waited += STEP_MS) {
        if (daemon_pid(realm, which) == pid && daemon_listens(realm, which))
            return 0;
        if (kill(pid, 0) != 0)
            break;
        poll(NULL, 0, STEP_MS);
    }
    daemon_explain(realm, which);
    if (guardian > 0)
        complain("in a realm of seal-realm run, restart works only for its command and what that "
                 "starts");
    return STATUS_FAILED;
}

/* Where a domain controller lives: the namespaces of the living one; ours, if we are the command of
 * a run; new ones, when those of a realm that stays went with the last process in them. */
static int enter(const struct realm *realm, pid_t pid) {
    if (pid > 0)
        return namespaces_enter(pid);
    if (!realm->standing)
        return 0;
    int status = namespaces_make();
    return status == 0 ? namespaces_resolve(realm->folder) : status;
}

int steer_restart(const char *folder, const char *name) {
    struct realm realm = {0};
    enum daemon which;
    int status = find(folder, name, &realm, &which);
    pid_t pid = status == 0 ? daemon_pid(&realm, which) : 0;
    if (status == 0 && which == DAEMON_DC)
        status = enter(&realm, pid);
    if (status == 0 && pid > 0) {
        int ended = end(&realm, which, pid, SIGTERM);
        pid = daemon_pid(&realm, which);
        if (ended != 0 && pid > 0)
            status = end(&realm, which, pid, SIGKILL);
    }
    if (status == 0)
        status = start(&realm, which);
    realm_done(&realm);
    return status;
}
