/* SPDX-License-Identifier: Apache-2.0 */
#include "spawn.h"

#include "lock.h"
#include "report.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SBIN_FOLDERS "/usr/local/sbin:/usr/sbin:/sbin"

static bool is_program(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

/* `folders` separated by colons; only absolute ones count. */
static char *find_in(const char *folders, const char *program) {
    while (folders != NULL && *folders != '\0') {
        size_t length = strcspn(folders, ":");
        char *path = text_format("%.*s/%s", (int)length, folders, program);
        if (path[0] == '/' && is_program(path))
            return path;
        free(path);
        folders += length;
        folders += strspn(folders, ":");
    }
    return NULL;
}

static const char *remedy(const char *program) {
    if (strcmp(program, "slapd") == 0)
        return "apt-get install slapd (Fedora: dnf install openldap-servers)";
    if (strncmp(program, "ldap", 4) == 0)
        return "apt-get install ldap-utils (Fedora: dnf install openldap-clients)";
    if (strncmp(program, "samba", 5) == 0)
        return "apt-get install samba samba-ad-dc samba-ad-provision winbind python3-samba "
               "(Fedora: dnf install samba-dc)";
    if (strcmp(program, "tar") == 0)
        return "apt-get install tar";
    return "apt-get install krb5-kdc krb5-admin-server (Fedora: dnf install krb5-server)";
}

char *spawn_find(const char *program) {
    const char *chosen = getenv("SEAL_REALM_TOOLS");
    char *path = NULL;
    if (chosen != NULL) {
        path = find_in(chosen, program);
    } else {
        path = find_in(getenv("PATH"), program);
        if (path == NULL)
            path = find_in(SBIN_FOLDERS, program);
    }
    if (path == NULL)
        complain("%s is not installed%s; run: %s", program,
                 chosen != NULL ? " in $SEAL_REALM_TOOLS" : "", remedy(program));
    return path;
}

static void give_up(const char *what) {
    complain("%s: %s", what, strerror(errno));
    _exit(127);
}

/* A descriptor above those that the program will have. */
static int lift(int fd) {
    int lifted = fd < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : fd;
    lifted = fcntl(lifted, F_DUPFD_CLOEXEC, 10);
    if (lifted < 0)
        give_up("cannot duplicate a descriptor");
    return lifted;
}

static void arrange_descriptors(const struct spawn *spawn) {
    enum { LOCK_FD = 3 };
    int input = lift(spawn->input_fd);
    int output = lift(spawn->output_fd);
    int error = lift(spawn->error_fd);
    int highest = STDERR_FILENO;
    dup2(input, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(error, STDERR_FILENO);
    if (spawn->lock != NULL) {
        close(LOCK_FD); /* now it is the lowest free one */
        if (lock_take(spawn->lock) != LOCK_FD)
            give_up(spawn->lock);
        highest = LOCK_FD;
    }
    if (close_range((unsigned)highest + 1, ~0u, 0) != 0)
        give_up("cannot close descriptors");
}

static void become_program(const struct spawn *spawn, pid_t parent) __attribute__((noreturn));

/* Until we are left to the one who shall look after us. */
static void await_adoption(pid_t adopter, pid_t parent) {
    const struct timespec moment = {.tv_nsec = 1000000};
    while (getppid() == parent)
        nanosleep(&moment, NULL);
    if (getppid() != adopter)
        _exit(127);
}

static void become_program(const struct spawn *spawn, pid_t parent) {
    setsid();
    if (spawn->adopter > 0) {
        await_adoption(spawn->adopter, parent);
        parent = spawn->adopter;
    }
    if (spawn->die_with_parent) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) /* it died before that took effect */
            _exit(127);
    }
    for (char *const *variable = spawn->environment; variable != NULL && variable[0] != NULL;
         variable += 2)
        setenv(variable[0], variable[1], 1);
    arrange_descriptors(spawn);
    if (chdir("/") != 0)
        give_up("cannot enter /");
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    signal(SIGPIPE, SIG_IGN); /* we stop listening once it is ready */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(spawn->arguments[0], spawn->arguments);
    give_up(spawn->arguments[0]);
    _exit(127);
}

pid_t spawn_program(const struct spawn *spawn) {
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        become_program(spawn, parent);
    if (pid < 0)
        complain("cannot start %s: %s", spawn->arguments[0], strerror(errno));
    return pid;
}
