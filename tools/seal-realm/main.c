/* SPDX-License-Identifier: Apache-2.0 */
/* seal-realm: a scratch Kerberos realm for development and tests. See seal-realm(1). */
#include "options.h"
#include "report.h"
#include "standing.h"
#include "steer.h"
#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "A scratch Kerberos realm for development and tests.\n"
    "\n"
    "usage: seal-realm run [option]... [--] COMMAND [ARGUMENT]...\n"
    "       seal-realm start [option]... DIR\n"
    "       seal-realm env DIR          (use: eval \"$(seal-realm env DIR)\")\n"
    "       seal-realm add [--principal P]... [--service S]... [--keytab-for P]... [DIR]\n"
    "       seal-realm stop DIR\n"
    "       seal-realm enter DIR COMMAND [ARGUMENT]...\n"
    "       seal-realm pause|resume|kill|restart DAEMON [DIR]\n"
    "                                   (kdc, kadmind, directory, replica, dc)\n"
    "\n"
    "options of run and start:\n"
    "  --principal P     a user (default: alice); the first one gets a ticket\n"
    "  --service S       a service such as greeter/localhost, its key in $KRB5_KTNAME\n"
    "  --keytab-for P    a user whose key is in $KRB5_CLIENT_KTNAME\n"
    "  --no-ticket       no ticket for the first user\n"
    "  --realm NAME      the realm's name (default: SEALRPC.TEST)\n"
    "  --ticket-life T   the longest life of tickets, such as 12s, 5m, 10h\n"
    "  --clockskew T     how far clocks may be apart (default: 5m)\n"
    "  --enctype E       an encryption type to use instead of the defaults; may be repeated\n"
    "  --with-directory  an LDAP directory with Kerberos, too, in $SEAL_DIRECTORY_URI, and "
    "kadmind\n"
    "  --replica         a replica of the directory\n"
    "  --ad              a Samba domain controller of Active Directory instead of all that\n"
    "  --ad-template DIR where the domain is kept for the next time\n"
    "  --installer-class C  a class of services that the user installer may make with kadmin,\n"
    "                    besides the classes of the services given\n"
    "  --quiet           say nothing but complaints (also for add)\n"
    "\n"
    "run leaves nothing behind and ends with the command's exit status.\n";

static int run(char **arguments) {
    struct options options = {0};
    int status = options_parse(&options, arguments, OPTION_SET_REALM);
    if (status == 0 && options.arguments[0] == NULL) {
        complain("run needs a command, as in: seal-realm run -- COMMAND");
        status = STATUS_USAGE;
    }
    if (status == 0)
        status = options_complete(&options);
    if (status == 0)
        status = supervise_run(&options, options.arguments);
    options_done(&options);
    return status;
}

/* The one folder on the command line, or NULL after a complaint. */
static const char *only_folder(const struct options *options, const char *subcommand) {
    if (options->arguments[0] != NULL && options->arguments[1] == NULL)
        return options->arguments[0];
    complain("%s takes one folder, as in: seal-realm %s DIR", subcommand, subcommand);
    return NULL;
}

static int start(char **arguments) {
    struct options options = {0};
    int status = options_parse(&options, arguments, OPTION_SET_REALM);
    const char *folder = status == 0 ? only_folder(&options, "start") : NULL;
    if (status == 0 && folder == NULL)
        status = STATUS_USAGE;
    if (status == 0)
        status = options_complete(&options);
    if (status == 0)
        status = supervise_start(&options, folder);
    if (status == 0 && options.ad)
        say("to use it: seal-realm enter %s bash; to end it: seal-realm stop %s", folder, folder);
    else if (status == 0)
        say("to use it: eval \"$(seal-realm env %s)\"; to end it: seal-realm stop %s", folder,
            folder);
    options_done(&options);
    return status;
}

static int with_folder(char **arguments, int (*action)(const char *folder)) {
    struct options options = {0};
    int status = options_parse(&options, arguments, OPTION_SET_NONE);
    const char *folder = status == 0 ? only_folder(&options, arguments[0]) : NULL;
    if (status == 0)
        status = folder == NULL ? STATUS_USAGE : action(folder);
    options_done(&options);
    return status;
}

static int env(char **arguments) {
    return with_folder(arguments, standing_env);
}

static int stop(char **arguments) {
    return with_folder(arguments, standing_stop);
}

static int add(char **arguments) {
    struct options options = {0};
    int status = options_parse(&options, arguments, OPTION_SET_ADD);
    const char *folder = NULL;
    if (status == 0 && options.arguments[0] == NULL)
        folder = getenv("SEAL_REALM_DIR");
    else if (status == 0 && options.arguments[1] == NULL)
        folder = options.arguments[0];
    bool names = options.principals.count + options.services.count + options.keytab_for.count > 0;
    if (status == 0 && (folder == NULL || !names)) {
        complain("add needs names, and a folder if SEAL_REALM_DIR is not set, as in: "
                 "seal-realm add --service greeter/localhost DIR");
        status = STATUS_USAGE;
    }
    if (status == 0)
        status = standing_add(&options, folder);
    options_done(&options);
    return status;
}

static int steer(char **arguments, int (*action)(const char *folder, const char *name)) {
    struct options options = {0};
    int status = options_parse(&options, arguments, OPTION_SET_NONE);
    char **given = options.arguments;
    const char *folder = getenv("SEAL_REALM_DIR");
    if (status == 0 && given[0] != NULL && given[1] != NULL)
        folder = given[1];
    bool fits = status == 0 && given[0] != NULL && (given[1] == NULL || given[2] == NULL);
    if (status == 0 && (!fits || folder == NULL)) {
        complain("%s takes a daemon, and a folder if SEAL_REALM_DIR is not set, as in: seal-realm "
                 "%s kdc DIR",
                 arguments[0], arguments[0]);
        status = STATUS_USAGE;
    }
    if (status == 0)
        status = action(folder, given[0]);
    options_done(&options);
    return status;
}

static int pause_daemon(char **arguments) {
    return steer(arguments, steer_pause);
}

static int resume_daemon(char **arguments) {
    return steer(arguments, steer_resume);
}

static int kill_daemon(char **arguments) {
    return steer(arguments, steer_kill);
}

static int restart_daemon(char **arguments) {
    return steer(arguments, steer_restart);
}

/* Runs a command in a realm that stays. */
static int enter(char **arguments) {
    struct options options = {0};
    int status = options_parse(&options, arguments, OPTION_SET_NONE);
    char **given = options.arguments;
    if (status == 0 && (given[0] == NULL || given[1] == NULL)) {
        complain("enter takes a folder and a command, as in: seal-realm enter DIR bash");
        status = STATUS_USAGE;
    }
    if (status == 0)
        status = standing_enter(given[0], given + 1);
    options_done(&options);
    return status;
}

static int print(const char *text) {
    if (fputs(text, stdout) == EOF || fflush(stdout) != 0) {
        complain("cannot write: %s", strerror(errno));
        return STATUS_FAILED;
    }
    return 0;
}

static int print_help(char **arguments) {
    (void)arguments;
    return print(help);
}

static int print_version(char **arguments) {
    (void)arguments;
    return print("seal-realm " SEAL_REALM_VERSION "\n");
}

/* Our own descriptors must not take the numbers of streams that the caller has closed. Closed on
 * exec, so the command finds them as they were. */
static void fill_streams(void) {
    int fd;
    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int main(int count, char **arguments) {
    static const struct {
        const char *name;
        int (*function)(char **arguments);
    } subcommands[] = {{"run", run},
                       {"start", start},
                       {"env", env},
                       {"add", add},
                       {"stop", stop},
                       {"enter", enter},
                       {"pause", pause_daemon},
                       {"resume", resume_daemon},
                       {"kill", kill_daemon},
                       {"restart", restart_daemon},
                       {"help", print_help},
                       {"--help", print_help},
                       {"-h", print_help},
                       {"--version", print_version}};
    fill_streams();
    if (count < 2) {
        complain("what to do? Try: seal-realm run -- klist, or see seal-realm --help");
        return -STATUS_USAGE;
    }
    for (size_t i = 0; i < sizeof subcommands / sizeof subcommands[0]; i++)
        if (strcmp(subcommands[i].name, arguments[1]) == 0)
            return -subcommands[i].function(arguments + 1);
    complain("'%s' is none of run, start, env, add, stop, enter, pause, resume, kill, restart; see "
             "seal-realm --help",
             arguments[1]);
    return -STATUS_USAGE;
}
