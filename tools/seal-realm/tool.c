/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include "control.h"
#include "report.h"
#include "spawn.h"
#include "text.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LONGEST_MS = 180000 }; /* a domain takes a while to make */

/* The three streams are files in memory: nothing to pump, nothing to fill up. */
struct streams {
    int input;
    int output;
    int error;
};

static int fill(int fd, const char *text) {
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t written = write(fd, text, left);
        if (written < 0)
            return -1;
        text += written;
        left -= (size_t)written;
    }
    return lseek(fd, 0, SEEK_SET) == 0 ? 0 : -1;
}

static void streams_done(struct streams *streams) {
    if (streams->input >= 0)
        close(streams->input);
    if (streams->output >= 0)
        close(streams->output);
    if (streams->error >= 0)
        close(streams->error);
}

static int streams_init(struct streams *streams, const char *input) {
    streams->input = memfd_create("input", MFD_CLOEXEC);
    streams->output = memfd_create("output", MFD_CLOEXEC);
    streams->error = memfd_create("error", MFD_CLOEXEC);
    if (streams->input < 0 || streams->output < 0 || streams->error < 0 ||
        fill(streams->input, input == NULL ? "" : input) != 0) {
        complain("cannot make a file in memory: %s", strerror(errno));
        streams_done(streams);
        return STATUS_FAILED;
    }
    return 0;
}

static int wait_for(struct children *children, int control_fd, const char *program) {
    int status = 0;
    int64_t deadline = clock_ms() + LONGEST_MS;
    while (children->tool.alive) {
        int wake = children_wait(children, status == 0 ? control_fd : -1, -1, deadline);
        if ((wake & WAKE_FIRST) != 0)
            status = control_give_up(control_fd);
        if (wake == 0) {
            complain("%s did not end within %d s; killing it", program, LONGEST_MS / 1000);
            status = STATUS_FAILED;
        }
        if (status != 0) {
            kill(children->tool.pid, SIGKILL);
            deadline = -1;
        }
    }
    return status;
}

static int judge(int wait_status, const char *program, const char *errors) {
    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0)
        return 0;
    if (WIFSIGNALED(wait_status))
        complain("%s died of signal %d (%s); it said:", program, WTERMSIG(wait_status),
                 strsignal(WTERMSIG(wait_status)));
    else
        complain("%s failed with exit status %d; it said:", program, WEXITSTATUS(wait_status));
    complain_detail(errors == NULL || errors[0] == '\0' ? "(nothing)" : errors);
    return STATUS_FAILED;
}

int tool_try(struct children *children, int control_fd, char *const *arguments, const char *input,
             char **ret_output, char **ret_errors, int *ret_ended) {
    struct streams streams;
    if (streams_init(&streams, input) != 0)
        return STATUS_FAILED;
    struct spawn spawn = {.arguments = arguments,
                          .input_fd = streams.input,
                          .output_fd = streams.output,
                          .error_fd = streams.error,
                          .die_with_parent = true};
    int status = STATUS_FAILED;
    char *output = NULL;
    char *errors = NULL;
    pid_t pid = spawn_program(&spawn);
    if (pid > 0) {
        child_started(&children->tool, pid);
        status = wait_for(children, control_fd, arguments[0]);
        output = text_read_fd(streams.output);
        errors = text_read_fd(streams.error);
    }
    if (status == 0 && (output == NULL || errors == NULL))
        status = STATUS_FAILED;
    streams_done(&streams);
    if (status != 0) {
        free(output);
        free(errors);
        return status;
    }
    *ret_ended = children->tool.status;
    *ret_output = output;
    *ret_errors = errors;
    return 0;
}

int tool_run(struct children *children, int control_fd, char *const *arguments, const char *input,
             char **ret_output, char **ret_errors) {
    int ended = 0;
    int status = tool_try(children, control_fd, arguments, input, ret_output, ret_errors, &ended);
    if (status != 0)
        return status;
    status = judge(ended, arguments[0], *ret_errors);
    if (status != 0) {
        free(*ret_output);
        free(*ret_errors);
        *ret_output = NULL;
        *ret_errors = NULL;
    }
    return status;
}
