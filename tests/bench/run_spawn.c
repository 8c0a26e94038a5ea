/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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

bool run_exists(const char *program) {
    char path[PATH_SIZE];
    return beside_this(program, path) && access(path, X_OK) == 0;
}

static _Noreturn void run_child(int end, const char *program, const char *const args[],
                                int output) {
    char path[PATH_SIZE];
    char *argv[MAX_ARGS + 2] = {path};
    size_t n = 0;
    while (args[n] != NULL && n < MAX_ARGS) {
        argv[n + 1] = strdup(args[n]);
        n++;
    }
    if (end != RUN_UNPINNED)
        bench_pin((bench_end)end);
    if (beside_this(program, path) && dup2(output, STDOUT_FILENO) >= 0)
        execv(path, argv);
    fprintf(stderr, "seal-bench-run: cannot start %s: %s\n", program, strerror(errno));
    _exit(127);
}

bool run_start(run_process *process, int end, const char *program, const char *const args[]) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    fflush(NULL);
    process->pid = fork();
    if (process->pid == 0)
        run_child(end, program, args, ends[1]);
    close(ends[1]);
    process->output = process->pid < 0 ? NULL : fdopen(ends[0], "r");
    if (process->output == NULL)
        close(ends[0]);
    return process->output != NULL;
}

/* One line is all that a program writes at once, so what poll sees is the line. */
bool run_read_line(run_process *process, char *line, size_t size, int seconds) {
    struct pollfd output = {.fd = fileno(process->output), .events = POLLIN};
    if (poll(&output, 1, seconds * 1000) == 1)
        return fgets(line, (int)size, process->output) != NULL;
    fprintf(stderr, "seal-bench-run: a program says nothing for %d s, and is ended\n", seconds);
    kill(process->pid, SIGKILL);
    return false;
}

int run_wait(run_process *process) {
    int status = 0;
    struct rusage usage = {.ru_maxrss = 0};
    fclose(process->output);
    while (wait4(process->pid, &status, 0, &usage) < 0) {
        if (errno != EINTR)
            return -1;
    }
    process->peak_bytes = (double)usage.ru_maxrss * 1024;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int run_stop(run_process *process, int signal) {
    kill(process->pid, signal);
    return run_wait(process);
}

/* ---- Peaks ---- */

void run_forget_peak(pid_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/clear_refs", (int)pid);
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return;
    fputs("5", file);
    fclose(file);
}

double run_peak_bytes(pid_t pid) {
    char line[256];
    unsigned long kib = 0;
    snprintf(line, sizeof line, "/proc/%d/status", (int)pid);
    FILE *file = fopen(line, "r");
    if (file == NULL)
        return 0;
    while (kib == 0 && fgets(line, sizeof line, file) != NULL)
        sscanf(line, "VmHWM: %lu", &kib);
    fclose(file);
    return (double)kib * 1024;
}
