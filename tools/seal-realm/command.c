/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include "environment.h"
#include "marker.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static void await_go(int fd, char *folder, size_t room) {
    size_t length = 0;
    ssize_t got;
    while (length + 1 < room && (got = read(fd, folder + length, room - 1 - length)) != 0) {
        if (got < 0 && errno != EINTR)
            _exit(0);
        if (got > 0)
            length += (size_t)got;
    }
    if (length == 0) /* there will be no realm */
        _exit(0);
    folder[length] = '\0';
    close(fd);
}

static void become_command(char *const *arguments, const sigset_t *mask, int go_fd, pid_t guardian)
    __attribute__((noreturn));

static void become_command(char *const *arguments, const sigset_t *mask, int go_fd,
                           pid_t guardian) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != guardian)
        _exit(0);
    sigprocmask(SIG_SETMASK, mask, NULL);
    char folder[PATH_MAX];
    await_go(go_fd, folder, sizeof folder);
    struct realm realm = {0};
    if (marker_load(&realm, folder) != 0)
        _exit(0);
    environment_enter(&realm);
    realm_done(&realm);
    execvp(arguments[0], arguments);
    int status = errno == ENOENT ? 127 : 126; /* as shells do */
    complain("cannot run %s: %s", arguments[0], strerror(errno));
    _exit(status);
}

pid_t command_fork(char *const *arguments, const sigset_t *mask, int control_fd, int *ret_go_fd) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        complain("cannot make a pipe: %s", strerror(errno));
        return -1;
    }
    pid_t guardian = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        close(control_fd);
        close(ends[1]);
        become_command(arguments, mask, ends[0], guardian);
    }
    close(ends[0]);
    if (pid < 0) {
        complain("cannot start a process: %s", strerror(errno));
        close(ends[1]);
        return -1;
    }
    *ret_go_fd = ends[1];
    return pid;
}

void command_go(int go_fd, const char *folder) {
    ssize_t written = write(go_fd, folder, strlen(folder)); /* fits in the pipe */
    (void)written;                                          /* if it is gone, its death will tell */
    close(go_fd);
}
