/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise.h"

#include "control.h"
#include "guardian.h"
#include "report.h"
#include "standing.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct supervisor {
    int control_fd;
    int signal_fd;
    sigset_t old_mask;
    char folder[PATH_MAX]; /* empty until there is one */
    bool done;
    int result;
    bool by_signal;
    bool interrupted; /* by Ctrl-C */
};

/* What is passed on. What the caller ignores (nohup, background jobs) stays ignored. */
static int catch_signals(struct supervisor *supervisor) {
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof caught / sizeof caught[0]; i++) {
        struct sigaction action;
        if (sigaction(caught[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&set, caught[i]);
    }
    sigprocmask(SIG_BLOCK, &set, &supervisor->old_mask);
    supervisor->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
    if (supervisor->signal_fd < 0) {
        complain("cannot watch for signals: %s", strerror(errno));
        return STATUS_FAILED;
    }
    return 0;
}

/* Forked twice, so that the guardian is not in our process tree. */
static int start_guardian(struct supervisor *supervisor, const struct guardian_task *task) {
    int guardian_fd;
    int status = control_pair(&supervisor->control_fd, &guardian_fd);
    if (status != 0)
        return status;
    pid_t between = fork();
    if (between == 0) {
        close(supervisor->control_fd);
        close(supervisor->signal_fd);
        pid_t guardian = fork();
        if (guardian != 0)
            _exit(guardian < 0);
        guardian_work(task, guardian_fd);
        exit(0);
    }
    close(guardian_fd);
    if (between < 0) {
        complain("cannot start a process: %s", strerror(errno));
        close(supervisor->control_fd);
        return STATUS_FAILED;
    }
    waitpid(between, NULL, 0);
    return 0;
}

static void pass_signal(struct supervisor *supervisor) {
    struct signalfd_siginfo info;
    if (read(supervisor->signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    int number = (int)info.ssi_signo;
    /* A hangup is the end in any case. */
    bool from_terminal = info.ssi_code == SI_KERNEL && number != SIGHUP;
    if (from_terminal && number == SIGINT)
        supervisor->interrupted = true;
    control_send(supervisor->control_fd, CONTROL_SIGNAL, number, from_terminal, NULL);
}

/* false when the guardian has gone. */
static bool take_message(struct supervisor *supervisor) {
    struct control_message message;
    if (!control_receive(supervisor->control_fd, &message))
        return false;
    if (message.kind == CONTROL_FOLDER) {
        snprintf(supervisor->folder, sizeof supervisor->folder, "%s", message.text);
    } else if (message.kind == CONTROL_DONE) {
        supervisor->done = true;
        supervisor->result = message.value;
        supervisor->by_signal = message.flag;
    }
    return true;
}

static void follow(struct supervisor *supervisor) {
    for (;;) {
        struct pollfd polled[] = {{.fd = supervisor->control_fd, .events = POLLIN},
                                  {.fd = supervisor->signal_fd, .events = POLLIN}};
        if (poll(polled, 2, -1) < 0)
            continue;
        if (polled[1].revents != 0)
            pass_signal(supervisor);
        if (polled[0].revents != 0 && !take_message(supervisor))
            return;
    }
}

/* Shells stop a script only if its command died of Ctrl-C, not if it ended with 130. */
static void die_of_interrupt(const struct supervisor *supervisor) {
    sigset_t interrupt;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    signal(SIGINT, SIG_DFL);
    sigprocmask(SIG_SETMASK, &supervisor->old_mask, NULL);
    sigprocmask(SIG_UNBLOCK, &interrupt, NULL);
    raise(SIGINT);
}

static int supervise(const struct guardian_task *task) {
    struct supervisor supervisor = {.control_fd = -1};
    if (catch_signals(&supervisor) != 0)
        return STATUS_FAILED;
    int status = start_guardian(&supervisor, task);
    if (status == 0) {
        follow(&supervisor);
        close(supervisor.control_fd);
        status = -supervisor.result;
        if (!supervisor.done) {
            complain("the guardian process was killed; removing the realm");
            if (supervisor.folder[0] != '\0')
                standing_remove(supervisor.folder);
            status = STATUS_FAILED;
        }
        if (supervisor.interrupted && supervisor.by_signal && supervisor.result == 128 + SIGINT)
            die_of_interrupt(&supervisor);
    }
    close(supervisor.signal_fd);
    return status;
}

int supervise_run(const struct options *options, char *const *command) {
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    struct guardian_task task = {.options = options, .command = command, .command_mask = &mask};
    return supervise(&task);
}

int supervise_start(const struct options *options, const char *folder) {
    struct guardian_task task = {.options = options, .standing_folder = folder};
    return supervise(&task);
}
