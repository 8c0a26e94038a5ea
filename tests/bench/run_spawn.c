/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/run.h"

enum { PATH_SIZE = 4096, MAX_ARGS = 16 };

static bool beside_this(const char *program, char path[PATH_SIZE]) {
    ssize_t len = readlink("/proc/self/exe", path, PATH_SIZE - 1);
    if (len < 0)
        return false;
    path[len] = '\0';
    char *slash = strrchr(path, '/');
    size_t room = PATH_SIZE - (size_t)(slash + 1 - path);
    return slash != NULL && snprintf(slash + 1, room, "%s", program) < (int)room;
}

static void run_child(const char *program, const char *const args[], int output) {
    char path[PATH_SIZE];
    char *argv[MAX_ARGS + 2] = {path};
    size_t n = 0;
    while (args[n] != NULL && n < MAX_ARGS) {
        argv[n + 1] = strdup(args[n]);
        n++;
    }
    if (beside_this(program, path) && dup2(output, STDOUT_FILENO) >= 0)
        execv(path, argv);
    fprintf(stderr, "seal-bench-run: cannot start %s: %s\n", program, strerror(errno));
    _exit(127);
}

bool run_start(run_process *process, const char *program, const char *const args[]) {
    int ends[2];
    if (pipe(ends) < 0)
        return false;
    fflush(NULL);
    process->pid = fork();
    if (process->pid == 0) {
        close(ends[0]);
        run_child(program, args, ends[1]);
    }
    close(ends[1]);
    process->output = process->pid < 0 ? NULL : fdopen(ends[0], "r");
    if (process->output == NULL)
        close(ends[0]);
    return process->output != NULL;
}

bool run_wait(run_process *process) {
    int status = 0;
    fclose(process->output);
    while (waitpid(process->pid, &status, 0) < 0) {
        if (errno != EINTR)
            return false;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool run_stop(run_process *process) {
    kill(process->pid, SIGTERM);
    return run_wait(process);
}
