/* SPDX-License-Identifier: Apache-2.0 */
#include "directory.h"

#include "control.h"
#include "daemon.h"
#include "entries.h"
#include "kadmind.h"
#include "port.h"
#include "report.h"
#include "slapd_conf.h"
#include "spawn.h"
#include "text.h"
#include "tool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { CONVERGED_MS = 30000, STEP_MS = 20 };

static int check_tools(void) {
    static const char *const tools[] = {"ldapmodify", "ldapsearch"};
    int status = daemon_check(DAEMON_KADMIND);
    if (status == 0)
        status = daemon_check(DAEMON_DIRECTORY);
    for (size_t i = 0; i < sizeof tools / sizeof tools[0] && status == 0; i++) {
        char *program = spawn_find(tools[i]);
        status = program == NULL ? STATUS_NO_TOOL : 0;
        free(program);
    }
    return status;
}

static int check_socket_path(const struct realm *realm) {
    size_t longest = sizeof((struct sockaddr_un *)NULL)->sun_path;
    char *path = realm_path(realm, "directory.ldapi");
    int status = 0;
    if (strlen(path) >= longest) {
        complain("the path %s is too long for a socket (%zu characters); %s", path, longest - 1,
                 realm->standing ? "name another folder" : "set TMPDIR to a shorter one");
        status = STATUS_USAGE;
    }
    free(path);
    return status;
}

/* It stays reserved until this process ends, so that the daemon can be started again on it. */
static int take_port(int *ret_number) {
    struct port port;
    int status = port_reserve(&port);
    if (status != 0)
        return status;
    *ret_number = port.number;
    port_share(&port);
    return 0;
}

int directory_prepare(struct realm *realm, const struct options *options) {
    if (!options->with_directory)
        return 0;
    int status = check_tools();
    if (status == 0)
        status = check_socket_path(realm);
    if (status == 0)
        status = take_port(&realm->ports[DAEMON_KADMIND]);
    if (status == 0)
        status = take_port(&realm->kpasswd_port);
    if (status == 0)
        status = take_port(&realm->ports[DAEMON_DIRECTORY]);
    if (status == 0 && options->replica)
        status = take_port(&realm->ports[DAEMON_REPLICA]);
    if (status == 0)
        status = kadmind_write_acl(realm, options);
    if (status == 0)
        status = slapd_conf_write(realm);
    return status;
}

/* Asks for an attribute at one entry (scope "base") or right below ("one"), as the directory's
 * administrator, which we are by the socket. NULL when there is no such entry. */
static int search(const struct realm *realm, enum daemon which, const char *base, const char *scope,
                  const char *attribute, struct children *children, int control_fd,
                  char **ret_output) {
    enum { NO_SUCH_OBJECT = 32 };
    char *program = spawn_find("ldapsearch");
    if (program == NULL)
        return STATUS_NO_TOOL;
    char *uri = realm_ldapi(realm, which);
    const char *const words[] = {program, "-Q", "-LLL", "-Y",  "EXTERNAL",        "-H",     uri,
                                 "-b",    base, "-s",   scope, "(objectClass=*)", attribute};
    struct text_list arguments = {0};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        text_list_add(&arguments, words[i]);
    text_list_end(&arguments);
    char *errors = NULL;
    int ended = 0;
    int status = tool_try(children, control_fd, arguments.items, NULL, ret_output, &errors, &ended);
    bool absent = status == 0 && WIFEXITED(ended) && WEXITSTATUS(ended) == NO_SUCH_OBJECT;
    if (status == 0 && ended != 0) {
        if (!absent) {
            complain("%s failed at %s; it said:", program, daemon_title(which));
            complain_detail(errors);
            status = STATUS_FAILED;
        }
        free(*ret_output);
        *ret_output = NULL;
    }
    free(errors);
    free(uri);
    free(program);
    text_list_done(&arguments);
    return status;
}

static int load(const struct realm *realm, const char *ldif, struct children *children,
                int control_fd) {
    char *program = spawn_find("ldapmodify");
    if (program == NULL)
        return STATUS_NO_TOOL;
    char *uri = realm_ldapi(realm, DAEMON_DIRECTORY);
    char add[] = "-a";
    char quiet[] = "-Q";
    char mechanism_option[] = "-Y";
    char mechanism[] = "EXTERNAL";
    char uri_option[] = "-H";
    char *arguments[] = {program, add, quiet, mechanism_option, mechanism, uri_option, uri, NULL};
    char *output = NULL;
    char *errors = NULL;
    int status = tool_run(children, control_fd, arguments, ldif, &output, &errors);
    free(output);
    free(errors);
    free(uri);
    free(program);
    return status;
}

/* Cyrus SASL finds its mechanisms at run time: one that is missing would show only at log-in. */
static int check_mechanism(const struct realm *realm, struct children *children, int control_fd) {
    char *mechanisms = NULL;
    int status = search(realm, DAEMON_DIRECTORY, "", "base", "supportedSASLMechanisms", children,
                        control_fd, &mechanisms);
    if (status == 0 && strstr(mechanisms, ": GSSAPI\n") == NULL) {
        complain("slapd cannot use Kerberos: SASL's GSSAPI module is not installed; run: "
                 "apt-get install libsasl2-modules-gssapi-mit (Fedora: dnf install "
                 "cyrus-sasl-gssapi)");
        status = STATUS_NO_TOOL;
    }
    free(mechanisms);
    return status;
}

static int load_all(const struct realm *realm, const struct options *options,
                    struct children *children, int control_fd) {
    const struct text_list none = {0};
    char *ldif = entries_base(realm);
    char *entries = entries_of(realm, options, &none);
    if (entries != NULL)
        text_append(&ldif, "%s", entries);
    int status = load(realm, ldif, children, control_fd);
    free(entries);
    free(ldif);
    return status;
}

static int launch(const struct realm *realm, enum daemon which, struct children *children) {
    pid_t pid = daemon_launch(realm, which, -1, 0);
    if (pid < 0)
        return STATUS_FAILED;
    child_started(&children->daemons[which], pid);
    return 0;
}

/* Until the replica's last change is the directory's. */
static int await_convergence(const struct realm *realm, struct children *children, int control_fd) {
    char *suffix = realm_suffix(realm);
    char *ours = NULL;
    int64_t deadline = clock_ms() + CONVERGED_MS;
    int status =
        search(realm, DAEMON_DIRECTORY, suffix, "base", "contextCSN", children, control_fd, &ours);
    bool converged = false;
    while (status == 0 && !converged) {
        char *theirs = NULL;
        status = search(realm, DAEMON_REPLICA, suffix, "base", "contextCSN", children, control_fd,
                        &theirs);
        converged = theirs != NULL && ours != NULL && strcmp(ours, theirs) == 0;
        free(theirs);
        if (status == 0 && !converged && clock_ms() >= deadline) {
            daemon_explain(realm, DAEMON_REPLICA);
            complain("the replica did not get the directory's entries within %d s",
                     CONVERGED_MS / 1000);
            status = STATUS_FAILED;
        }
        if (status == 0 && !converged)
            children_wait(children, -1, -1, clock_ms() + STEP_MS);
    }
    free(ours);
    free(suffix);
    return status;
}

int directory_start(const struct realm *realm, const struct options *options,
                    struct children *children, int control_fd) {
    if (realm->ports[DAEMON_DIRECTORY] == 0)
        return 0;
    int status = launch(realm, DAEMON_DIRECTORY, children);
    if (status == 0)
        status = launch(realm, DAEMON_KADMIND, children);
    if (status == 0)
        status = daemon_await(realm, DAEMON_DIRECTORY, children, control_fd);
    if (status == 0)
        status = check_mechanism(realm, children, control_fd);
    if (status == 0)
        status = load_all(realm, options, children, control_fd);
    if (status == 0)
        status = daemon_await(realm, DAEMON_KADMIND, children, control_fd);
    if (status != 0 || realm->ports[DAEMON_REPLICA] == 0)
        return status;
    status = launch(realm, DAEMON_REPLICA, children);
    if (status == 0)
        status = daemon_await(realm, DAEMON_REPLICA, children, control_fd);
    if (status == 0)
        status = await_convergence(realm, children, control_fd);
    return status;
}

/* The hosts that have accounts: the lines "cn: HOST". */
static struct text_list parse_hosts(const char *ldif) {
    struct text_list hosts = {0};
    while (ldif != NULL && *ldif != '\0') {
        size_t length = strcspn(ldif, "\n");
        if (strncmp(ldif, "cn: ", 4) == 0) {
            char *host = text_format("%.*s", (int)length - 4, ldif + 4);
            text_list_add(&hosts, host);
            free(host);
        }
        ldif += length;
        ldif += strspn(ldif, "\n");
    }
    return hosts;
}

int directory_add(const struct realm *realm, const struct options *options,
                  struct children *children) {
    if (realm->ports[DAEMON_DIRECTORY] == 0)
        return 0;
    char *suffix = realm_suffix(realm);
    char *accounts = text_format("ou=Accounts,%s", suffix);
    char *found = NULL;
    int status = search(realm, DAEMON_DIRECTORY, accounts, "one", "cn", children, -1, &found);
    if (status == 0) {
        struct text_list hosts = parse_hosts(found);
        char *ldif = entries_of(realm, options, &hosts);
        if (ldif != NULL)
            status = load(realm, ldif, children, -1);
        free(ldif);
        text_list_done(&hosts);
    }
    free(found);
    free(accounts);
    free(suffix);
    return status;
}

void directory_say(const struct realm *realm) {
    char *uris = realm_directory_uris(realm);
    if (uris == NULL)
        return;
    char *suffix = realm_suffix(realm);
    say("directory %s, base %s", uris, suffix);
    free(uris);
    free(suffix);
}
