/* SPDX-License-Identifier: Apache-2.0 */
#include "realm_support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/temporary_folder.h"

const char *seal_realm;
const char *self;

static char sandbox_folder[256];
static char *outer_folder; /* $TMPDIR outside the sandbox */

int sandbox_setup(void **state) {
    (void)state;
    const char *outer = getenv("TMPDIR");
    outer_folder = outer == NULL ? NULL : strdup(outer);
    if (temporary_folder("realm-test", sandbox_folder, sizeof sandbox_folder) != 0)
        return -1;
    chmod(sandbox_folder, 0777);
    return setenv("TMPDIR", sandbox_folder, 1);
}

const char *sandbox(void) {
    return sandbox_folder;
}

char *sandbox_path(const char *name) {
    char *path = NULL;
    assert_true(asprintf(&path, "%s/%s", sandbox_folder, name) > 0);
    return path;
}

static int count_entries(void) {
    DIR *stream = opendir(sandbox_folder);
    int count = -2; /* . and .. */
    assert_non_null(stream);
    while (readdir(stream) != NULL)
        count++;
    closedir(stream);
    return count;
}

/* Samba's processes have another command line, but databases mapped to memory. */
static bool maps_sandbox(const char *pid) {
    char path[300];
    char line[4096];
    snprintf(path, sizeof path, "/proc/%s/maps", pid);
    FILE *file = fopen(path, "re");
    bool found = false;
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL)
        found = strstr(line, sandbox_folder) != NULL;
    if (file != NULL)
        fclose(file);
    return found;
}

static bool mentions_sandbox(const char *pid) {
    char path[300];
    char line[4096];
    snprintf(path, sizeof path, "/proc/%s/cmdline", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t length = read(fd, line, sizeof line);
    close(fd);
    if (length > 5 && memcmp(line, "samba", 5) == 0)
        return maps_sandbox(pid);
    return length > 0 && memmem(line, (size_t)length, sandbox_folder, strlen(sandbox_folder));
}

static int count_processes(void) {
    DIR *stream = opendir("/proc");
    int count = 0;
    const struct dirent *entry;
    while ((entry = readdir(stream)) != NULL)
        if (strtol(entry->d_name, NULL, 10) > 0 && mentions_sandbox(entry->d_name))
            count++;
    closedir(stream);
    return count;
}

bool take_arguments(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: %s PATH-OF-SEAL-REALM\n", arguments[0]);
        return false;
    }
    seal_realm = arguments[1];
    signal(SIGPIPE, SIG_IGN);
    return true;
}

void refuses_arguments(const char *first, const char *second, const char *part) {
    struct result result = RUN(seal_realm, "run", first, second, "--", "true");
    assert_int_equal(result.status, 2);
    assert_contains(result.error, part);
    assert_ptr_equal(strchr(result.error, '\n'), result.error + strlen(result.error) - 1);
}

void wait_until_nothing_is_left(void) {
    enum { STEP_MS = 5, LONGEST_MS = 20000 };
    for (int waited = 0; waited < LONGEST_MS; waited += STEP_MS) {
        if (count_entries() == 0 && count_processes() == 0)
            return;
        poll(NULL, 0, STEP_MS);
    }
    fail_msg("left in %s: %d files, %d processes", sandbox_folder, count_entries(),
             count_processes());
}

/* Not even briefly: what has returned has left nothing. */
int sandbox_teardown(void **state) {
    (void)state;
    if (outer_folder == NULL)
        unsetenv("TMPDIR");
    else
        setenv("TMPDIR", outer_folder, 1);
    free(outer_folder);
    int files = count_entries();
    int processes = count_processes();
    if (files != 0 || processes != 0) {
        print_error("left in %s: %d files, %d processes\n", sandbox_folder, files, processes);
        return -1;
    }
    return rmdir(sandbox_folder);
}

static void make_pipe(int *ret_read_fd, int *ret_write_fd) {
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    *ret_read_fd = ends[0];
    *ret_write_fd = ends[1];
}

struct program program_start(const char *const *arguments) {
    struct program program;
    int input, output, error;
    make_pipe(&input, &program.input_fd);
    make_pipe(&program.output_fd, &output);
    make_pipe(&program.error_fd, &error);
    program.pid = fork();
    assert_true(program.pid >= 0);
    if (program.pid == 0) {
        setpgid(0, 0);
        dup2(input, STDIN_FILENO);
        dup2(output, STDOUT_FILENO);
        dup2(error, STDERR_FILENO);
        execvp(arguments[0], (char *const *)(uintptr_t)arguments);
        _exit(99);
    }
    setpgid(program.pid, program.pid);
    close(input);
    close(output);
    close(error);
    return program;
}

void program_read_line(struct program *program, char *line, size_t room) {
    size_t length = 0;
    while (length + 1 < room && read(program->output_fd, line + length, 1) == 1) {
        if (line[length] == '\n')
            break;
        length++;
    }
    line[length] = '\0';
}

static bool take(struct pollfd *polled, char *text, size_t room) {
    size_t length = strlen(text);
    char spill[512];
    bool full = length + 1 == room;
    ssize_t got = full ? read(polled->fd, spill, sizeof spill)
                       : read(polled->fd, text + length, room - 1 - length);
    if (got <= 0)
        return false;
    if (!full)
        text[length + (size_t)got] = '\0';
    return true;
}

struct result program_finish(struct program *program) {
    struct result result = {0};
    if (program->input_fd >= 0)
        close(program->input_fd);
    program->input_fd = -1;
    struct pollfd polled[] = {{.fd = program->output_fd, .events = POLLIN},
                              {.fd = program->error_fd, .events = POLLIN}};
    while (polled[0].fd >= 0 || polled[1].fd >= 0) {
        int ready = poll(polled, 2, 60000);
        if (ready <= 0)
            kill(-program->pid, SIGKILL);
        assert_true(ready > 0);
        if (polled[0].revents != 0 && !take(&polled[0], result.output, sizeof result.output))
            polled[0].fd = -1;
        if (polled[1].revents != 0 && !take(&polled[1], result.error, sizeof result.error))
            polled[1].fd = -1;
    }
    close(program->output_fd);
    close(program->error_fd);
    int status = 0;
    while (waitpid(program->pid, &status, 0) < 0 && errno == EINTR) {
    }
    result.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return result;
}

struct result program_finish_open(struct program *program) {
    int input_fd = program->input_fd;
    program->input_fd = -1;
    struct result result = program_finish(program);
    close(input_fd);
    return result;
}

struct result program_run(const char *const *arguments) {
    struct program program = program_start(arguments);
    return program_finish(&program);
}

struct program start_waiting(const char *const *arguments) {
    struct program program = program_start(arguments);
    char line[256];
    program_read_line(&program, line, sizeof line);
    assert_contains(line, sandbox_folder);
    return program;
}

void is_killed(struct program *program, int signal) {
    kill(program->pid, signal);
    assert_int_equal(program_finish_open(program).status, 128 + signal);
    wait_until_nothing_is_left();
}

void killed_while_it_starts(const char *const *arguments, struct moments moments) {
    for (int ms = moments.first_ms; ms < moments.end_ms; ms += moments.step_ms) {
        struct program program = program_start(arguments);
        poll(NULL, 0, ms);
        kill(program.pid, ms / moments.step_ms % 2 == 0 ? SIGKILL : SIGTERM);
        program_finish_open(&program);
        wait_until_nothing_is_left();
    }
}

void guardian_is_killed(const char *const *arguments) {
    struct result result = program_run(arguments);
    assert_int_equal(result.status, 70);
    assert_contains(result.error, "the guardian process was killed");
    wait_until_nothing_is_left();
}

void skip_unless_users_can_run_it(void) {
    if (geteuid() != 0)
        skip_because("this is an ordinary user already: all the others have shown it");
    if (RUN(AS_USER, "test", "-x", seal_realm).status != 0)
        skip_because("user 65534 may not execute seal-realm in this build folder");
}
