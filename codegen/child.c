/* SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* The input goes through a temporary file: a pipe could fill up while the child is writing. */
static FILE *make_input(wire_view input) {
    FILE *file = tmpfile();
    if (file == NULL)
        return NULL;
    bool written = input.len == 0 || fwrite(input.data, 1, input.len, file) == input.len;
    if (!written || fflush(file) != 0 || lseek(fileno(file), 0, SEEK_SET) != 0) {
        fclose(file);
        return NULL;
    }
    return file;
}

/* Starts program; returns an errno. */
static int start(const char *program, int input, int output, pid_t *ret_pid, pool *p) {
    posix_spawn_file_actions_t actions;
    char *argv[] = {pool_string(p, program), NULL};
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0)
        return error;
    error = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (error == 0)
        error = posix_spawnp(ret_pid, program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static int read_all(int from, printer *out) {
    char buffer[64 * 1024];
    for (;;) {
        ssize_t n = read(from, buffer, sizeof buffer);
        if (n > 0)
            printer_bytes(out, buffer, (size_t)n);
        else if (n == 0)
            return out->overflow ? EFBIG : 0;
        else if (errno != EINTR)
            return errno;
    }
}

static const char *wait_for(pid_t pid, int read_error, pool *p) {
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return pool_printf(p, "cannot be waited for: %s", strerror(errno));
    if (WIFSIGNALED(status))
        return pool_printf(p, "was killed by signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        return pool_printf(p, "failed with exit status %d", WEXITSTATUS(status));
    return read_error != 0 ? pool_printf(p, "cannot be read: %s", strerror(read_error)) : NULL;
}

const char *child_run(const char *program, wire_view input, printer *out, pool *p) {
    int ends[2];
    FILE *file = make_input(input);
    if (file == NULL)
        return pool_printf(p, "cannot be given its input: %s", strerror(errno));
    if (pipe(ends) != 0) {
        fclose(file);
        return pool_printf(p, "cannot be run: %s", strerror(errno));
    }
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    pid_t pid;
    int error = start(program, fileno(file), ends[1], &pid, p);
    close(ends[1]);
    const char *wrong;
    if (error != 0)
        wrong = pool_printf(p, "cannot be run: %s", strerror(error));
    else
        wrong = wait_for(pid, read_all(ends[0], out), p);
    close(ends[0]);
    fclose(file);
    return wrong;
}
