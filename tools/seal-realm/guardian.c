/* SPDX-License-Identifier: Apache-2.0 */
#include "guardian.h"

#include "children.h"
#include "cleanup.h"
#include "command.h"
#include "config.h"
#include "control.h"
#include "daemon.h"
#include "database.h"
#include "descendants.h"
#include "directory.h"
#include "domain.h"
#include "environment.h"
#include "kdc.h"
#include "lock.h"
#include "marker.h"
#include "namespaces.h"
#include "realm.h"
#include "report.h"
#include "ticket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GRACE_MS = 5000 }; /* between asking a process to end and ending it */

struct guardian {
    const struct guardian_task *task;
    struct realm realm;
    struct children children;
    int control_fd;
    int go_fd;
};

/* Signals stay pending for ever: only seal-realm, over the control socket, tells us anything. */
static void block_signals(void) {
    sigset_t all;
    sigfillset(&all);
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigdelset(&all, faults[i]);
    sigprocmask(SIG_SETMASK, &all, NULL);
}

/* Nothing the caller waits on may be held open here, but stderr, for complaints. */
static void arrange_descriptors(struct guardian *guardian) {
    enum { FIRST = 3, LAST = 4 };
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null_fd >= 0) {
        dup2(null_fd, STDIN_FILENO);
        dup2(null_fd, STDOUT_FILENO);
    }
    int control_fd = fcntl(guardian->control_fd, F_DUPFD_CLOEXEC, LAST + 1);
    int go_fd = guardian->go_fd < 0 ? -1 : fcntl(guardian->go_fd, F_DUPFD_CLOEXEC, LAST + 1);
    guardian->control_fd = dup3(control_fd, FIRST, O_CLOEXEC);
    if (go_fd >= 0)
        guardian->go_fd = dup3(go_fd, LAST, O_CLOEXEC);
    close_range(go_fd >= 0 ? LAST + 1 : LAST, ~0u, 0);
}

static int begin(struct guardian *guardian) {
    const struct guardian_task *task = guardian->task;
    block_signals();
    prctl(PR_SET_NAME, "realm-guardian");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (task->options->ad) { /* before there is a second process: it lives there, too */
        int status = namespaces_make();
        if (status != 0)
            return status;
    }
    pid_t command = 0;
    if (task->command != NULL) {
        command =
            command_fork(task->command, task->command_mask, guardian->control_fd, &guardian->go_fd);
        if (command < 0)
            return STATUS_FAILED;
    }
    setsid();
    arrange_descriptors(guardian);
    umask(077);
    int status = children_init(&guardian->children);
    if (command > 0)
        child_started(&guardian->children.command, command);
    return status;
}

static int make_folder(struct guardian *guardian) {
    struct realm *realm = &guardian->realm;
    const char *folder = guardian->task->standing_folder;
    realm->standing = folder != NULL;
    int status = realm->standing ? realm_create_at(realm, folder) : realm_create_temporary(realm);
    if (status != 0)
        return status;
    control_send(guardian->control_fd, CONTROL_FOLDER, 0, false, realm->folder);
    if (chdir("/") != 0)
        return STATUS_FAILED;
    char *lock = realm_path(realm, REALM_GUARDIAN_LOCK);
    if (lock_take(lock) < 0) {
        complain("cannot lock %s: %s", lock, strerror(errno));
        status = STATUS_FAILED;
    }
    free(lock);
    environment_enter(realm);
    setenv("LC_ALL", "C", 1); /* kadmin.local's words are read */
    return status;
}

static void say_all(const struct realm *realm, const struct options *options, bool ticket) {
    if (realm->ports[DAEMON_DC] != 0)
        say("realm %s, domain controller on %s, in %s", realm->name, REALM_DC_ADDRESS,
            realm->folder);
    else
        say("realm %s, KDC on 127.0.0.1:%d, in %s", realm->name, realm->ports[DAEMON_KDC],
            realm->folder);
    directory_say(realm);
    database_say(realm, options, ticket);
}

/* A domain controller. */
static int make_domain(struct guardian *guardian) {
    const struct options *options = guardian->task->options;
    struct realm *realm = &guardian->realm;
    int status = domain_prepare(realm, options);
    if (status == 0)
        status = config_write(realm, options);
    if (status == 0)
        status = marker_write(realm);
    if (status != 0)
        return status;
    environment_enter(realm);
    return domain_start(realm, options, &guardian->children, guardian->control_fd);
}

/* The KDC starts while the principals are being made. */
static int make_daemons(struct guardian *guardian) {
    const struct options *options = guardian->task->options;
    struct realm *realm = &guardian->realm;
    struct children *children = &guardian->children;
    int control_fd = guardian->control_fd;
    struct kdc_start start;
    int status = directory_prepare(realm, options);
    if (status == 0)
        status = kdc_prepare(&start, realm, options);
    if (status != 0)
        return status;
    environment_enter(realm);
    status = database_create(realm, children, control_fd);
    if (status == 0)
        status = kdc_launch(&start, realm, children);
    if (status == 0)
        status = database_add(realm, options, children, control_fd);
    if (status == 0)
        status = kdc_await(&start, realm, options, children, control_fd);
    kdc_start_done(&start);
    if (status == 0)
        status = directory_start(realm, options, children, control_fd);
    return status;
}

static int make_realm(struct guardian *guardian) {
    const struct options *options = guardian->task->options;
    const struct realm *realm = &guardian->realm;
    int status = options->ad ? make_domain(guardian) : make_daemons(guardian);
    bool ticket = !options->no_ticket && options->principals.count > 0;
    if (status == 0 && ticket)
        status = ticket_get(realm, options->principals.items[0], options->ticket_life);
    if (status == 0)
        say_all(realm, options, ticket);
    return status;
}

/* Whether `seal-realm kill` or `restart` has ended it. */
static bool is_wanted(const struct realm *realm, enum daemon which) {
    char *mark = daemon_file(realm, which, "ended");
    bool wanted = access(mark, F_OK) == 0;
    free(mark);
    return wanted;
}

/* Each once. */
static void notice_deaths(const struct guardian *guardian, bool *said) {
    for (enum daemon which = 0; which < DAEMON_COUNT; which++) {
        const struct child *daemon = &guardian->children.daemons[which];
        if (daemon->pid == 0 || daemon->alive || said[which])
            continue;
        said[which] = true;
        if (is_wanted(&guardian->realm, which))
            continue;
        bool by_signal = WIFSIGNALED(daemon->status);
        complain("%s has ended (%s %d); the command goes on without it", daemon_title(which),
                 by_signal ? "signal" : "exit status",
                 by_signal ? WTERMSIG(daemon->status) : WEXITSTATUS(daemon->status));
    }
}

/* Passes a signal on; the time by when the command has to be gone, or -1. */
static int64_t pass_on(const struct guardian *guardian, const struct control_message *message) {
    bool terminating = control_is_terminating(message->value);
    if (message->flag && terminating) /* from the terminal: the command has got it, too */
        return -1;
    kill(guardian->children.command.pid, message->value);
    if (!terminating)
        return -1;
    kill(guardian->children.command.pid, SIGCONT);
    return clock_ms() + GRACE_MS;
}

/* Until the command has ended, or has to. */
static void watch(struct guardian *guardian) {
    struct children *children = &guardian->children;
    int64_t deadline = -1;
    bool said[DAEMON_COUNT] = {false};
    children_reap(children);
    notice_deaths(guardian, said);
    while (children->command.alive) {
        int wake = children_wait(children, guardian->control_fd, -1, deadline);
        notice_deaths(guardian, said);
        if (wake == 0) { /* it has had its time */
            kill(children->command.pid, SIGKILL);
            deadline = -1;
        }
        if ((wake & WAKE_FIRST) != 0 && children->command.alive) {
            struct control_message message;
            if (!control_receive(guardian->control_fd, &message))
                return; /* seal-realm has been killed */
            int64_t until = pass_on(guardian, &message);
            if (deadline < 0)
                deadline = until;
        }
    }
}

/* false when there still is a child at the deadline. */
static bool ask_all_to_end(struct children *children, struct asked *asked, int64_t deadline) {
    while (children_reap(children)) {
        descendants_ask(asked); /* again after each death: there may be new ones */
        if (children_wait(children, -1, -1, deadline) == 0)
            return false;
    }
    return true;
}

static void kill_all(struct children *children, int64_t deadline) {
    while (children_reap(children)) {
        descendants_kill();
        if (children_wait(children, -1, -1, deadline) == 0)
            return;
    }
}

/* All our children, and theirs: orphans come to us, so there are none left when we have none. */
static void end_processes(struct guardian *guardian) {
    struct children *children = &guardian->children;
    struct asked asked = {0};
    if (guardian->go_fd >= 0)
        close(guardian->go_fd); /* a command that has not begun will not */
    if (!ask_all_to_end(children, &asked, clock_ms() + GRACE_MS))
        kill_all(children, clock_ms() + GRACE_MS);
    asked_done(&asked);
}

static int exit_status_of(const struct child *command) {
    if (command->alive)
        return 128 + SIGKILL;
    if (WIFSIGNALED(command->status))
        return 128 + WTERMSIG(command->status);
    return WEXITSTATUS(command->status);
}

static void run_command(struct guardian *guardian) {
    command_go(guardian->go_fd, guardian->realm.folder);
    guardian->go_fd = -1;
    watch(guardian);
}

void guardian_work(const struct guardian_task *task, int control_fd) {
    struct guardian guardian = {
        .task = task, .children = {.death_fd = -1}, .control_fd = control_fd, .go_fd = -1};
    struct children *children = &guardian.children;
    guardian.realm.name = text_format("%s", task->options->realm);
    int status = begin(&guardian);
    if (status == 0)
        status = make_folder(&guardian);
    if (status == 0)
        status = make_realm(&guardian);
    bool ran = status == 0 && task->command != NULL;
    bool stays = status == 0 && task->command == NULL;
    if (ran)
        run_command(&guardian);
    int result = -status;
    bool by_signal = result > 128;
    if (!stays) {
        end_processes(&guardian);
        if (guardian.realm.folder != NULL)
            cleanup_folder(guardian.realm.folder);
    }
    if (ran) {
        result = exit_status_of(&children->command);
        by_signal = !children->command.alive && WIFSIGNALED(children->command.status);
    }
    control_send(guardian.control_fd, CONTROL_DONE, result, by_signal, NULL);
    children_done(children);
    realm_done(&guardian.realm);
}
