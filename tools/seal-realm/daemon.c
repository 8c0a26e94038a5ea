/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"

#include "control.h"
#include "lock.h"
#include "report.h"
#include "spawn.h"
#include "text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READY_MS = 30000, STEP_MS = 5 };

static const struct {
    const char *name;
    const char *title;
    const char *program;
} kinds[DAEMON_COUNT] = {
    [DAEMON_KDC] = {"kdc", "the KDC", "krb5kdc"},
    [DAEMON_KADMIND] = {"kadmind", "kadmind", "kadmind"},
    [DAEMON_DIRECTORY] = {"directory", "the directory", "slapd"},
    [DAEMON_REPLICA] = {"replica", "the replica", "slapd"},
    [DAEMON_DC] = {"dc", "the domain controller", "samba"},
};

const char *daemon_name(enum daemon which) {
    return kinds[which].name;
}

const char *daemon_title(enum daemon which) {
    return kinds[which].title;
}

enum daemon daemon_find(const struct realm *realm, const char *name) {
    if (realm->ports[DAEMON_DC] != 0 &&
        (strcmp(name, "kdc") == 0 || strcmp(name, "directory") == 0))
        return DAEMON_DC;
    enum daemon which = DAEMON_KDC;
    while (which < DAEMON_COUNT && strcmp(kinds[which].name, name) != 0)
        which++;
    return which;
}

int daemon_check(enum daemon which) {
    char *program = spawn_find(kinds[which].program);
    int status = program == NULL ? STATUS_NO_TOOL : 0;
    free(program);
    return status;
}

char *daemon_file(const struct realm *realm, enum daemon which, const char *suffix) {
    return text_format("%s/%s.%s", realm->folder, kinds[which].name, suffix);
}

pid_t daemon_pid(const struct realm *realm, enum daemon which) {
    char *lock = daemon_file(realm, which, "lock");
    pid_t pid = lock_owner(lock);
    free(lock);
    return pid;
}

/* krb5kdc and kadmind. */
static struct text_list kerberos_arguments(const struct realm *realm, enum daemon which) {
    struct text_list list = {0};
    char *pid_file = daemon_file(realm, which, "pid");
    text_list_add(&list, which == DAEMON_KDC ? "-n" : "-nofork");
    text_list_add(&list, "-r");
    text_list_add(&list, realm->name);
    text_list_add(&list, "-P");
    text_list_add(&list, pid_file);
    free(pid_file);
    return list;
}

static struct text_list slapd_arguments(const struct realm *realm, enum daemon which) {
    struct text_list list = {0};
    char *config = daemon_file(realm, which, "conf");
    char *ldapi = realm_ldapi(realm, which);
    char *listen = text_format("ldap://127.0.0.1:%d %s", realm->ports[which], ldapi);
    text_list_add(&list, "-f");
    text_list_add(&list, config);
    text_list_add(&list, "-h");
    text_list_add(&list, listen);
    text_list_add(&list, "-d"); /* stay in the foreground */
    text_list_add(&list, "none");
    free(config);
    free(ldapi);
    free(listen);
    return list;
}

/* The key of the service in KRB5_KTNAME. The replica is also a client of the directory; libkrb5
 * gets its tickets, and new ones when they run out, with the same key. */
static struct text_list slapd_environment(const struct realm *realm, enum daemon which) {
    struct text_list list = {0};
    char *keytab = text_format("FILE:%s/%s", realm->folder, REALM_DIRECTORY_KEYTAB);
    char *path = daemon_file(realm, which, "ccache");
    char *ccache = text_format("FILE:%s", path);
    text_list_add(&list, "KRB5_KTNAME");
    text_list_add(&list, keytab);
    text_list_add(&list, "KRB5_CLIENT_KTNAME");
    text_list_add(&list, keytab);
    text_list_add(&list, "KRB5CCNAME");
    text_list_add(&list, ccache);
    text_list_end(&list);
    free(keytab);
    free(path);
    free(ccache);
    return list;
}

/* In the foreground, all in one process. */
static struct text_list samba_arguments(const struct realm *realm) {
    static const char *const words[] = {
        "-i", "-M", "single", "--debug-stdout", "--no-process-group", "-s"};
    struct text_list list = {0};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        text_list_add(&list, words[i]);
    char *config = realm_path(realm, REALM_SMB_CONF);
    text_list_add(&list, config);
    free(config);
    return list;
}

/* Not our krb5.conf, which is for MIT's libraries. */
static struct text_list samba_environment(const struct realm *realm) {
    struct text_list list = {0};
    char *config = text_format("%s/%s/private/krb5.conf", realm->folder, REALM_SAMBA);
    char *keytab = text_format("FILE:%s/%s/private/secrets.keytab", realm->folder, REALM_SAMBA);
    text_list_add(&list, "KRB5_CONFIG");
    text_list_add(&list, config);
    text_list_add(&list, "KRB5_KTNAME");
    text_list_add(&list, keytab);
    text_list_add(&list, "KRB5CCNAME");
    text_list_add(&list, "MEMORY:samba");
    text_list_end(&list);
    free(config);
    free(keytab);
    return list;
}

static struct text_list arguments_of(const struct realm *realm, enum daemon which) {
    if (which == DAEMON_DC)
        return samba_arguments(realm);
    bool is_slapd = which == DAEMON_DIRECTORY || which == DAEMON_REPLICA;
    return is_slapd ? slapd_arguments(realm, which) : kerberos_arguments(realm, which);
}

static struct text_list environment_of(const struct realm *realm, enum daemon which) {
    struct text_list none = {0};
    if (which == DAEMON_DC)
        return samba_environment(realm);
    bool is_slapd = which == DAEMON_DIRECTORY || which == DAEMON_REPLICA;
    return is_slapd ? slapd_environment(realm, which) : none;
}

static int open_output(const struct realm *realm, enum daemon which) {
    char *path = daemon_file(realm, which, "out");
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        complain("cannot open %s: %s", path, strerror(errno));
    free(path);
    return fd;
}

pid_t daemon_launch(const struct realm *realm, enum daemon which, int output_fd, pid_t adopter) {
    char *program = spawn_find(kinds[which].program);
    if (program == NULL)
        return -1;
    int own_fd = output_fd < 0 ? open_output(realm, which) : -1;
    char *lock = daemon_file(realm, which, "lock");
    struct text_list environment = environment_of(realm, which);
    struct text_list arguments = arguments_of(realm, which);
    text_list_insert(&arguments, program);
    text_list_end(&arguments);
    struct spawn spawn = {.arguments = arguments.items,
                          .environment = environment.items,
                          .input_fd = -1,
                          .output_fd = output_fd < 0 ? own_fd : output_fd,
                          .error_fd = output_fd < 0 ? own_fd : output_fd,
                          .die_with_parent = !realm->standing,
                          .adopter = adopter,
                          .lock = lock};
    pid_t pid = spawn_program(&spawn);
    if (own_fd >= 0)
        close(own_fd);
    text_list_done(&environment);
    text_list_done(&arguments);
    free(program);
    free(lock);
    return pid;
}

static bool port_listens(const char *host, int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, host, &address.sin_addr);
    bool listens = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0)
        close(fd);
    return listens;
}

bool daemon_listens(const struct realm *realm, enum daemon which) {
    enum { KERBEROS_PORT = 88 };
    if (which == DAEMON_DC && !port_listens(REALM_DC_ADDRESS, KERBEROS_PORT))
        return false;
    return port_listens(which == DAEMON_DC ? REALM_DC_ADDRESS : "127.0.0.1", realm->ports[which]);
}

static void quote_file(const struct realm *realm, enum daemon which, const char *suffix) {
    char *path = daemon_file(realm, which, suffix);
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    char *text = fd < 0 ? NULL : text_read_fd(fd);
    if (text != NULL)
        complain_detail(text);
    if (fd >= 0)
        close(fd);
    free(text);
    free(path);
}

void daemon_explain(const struct realm *realm, enum daemon which) {
    complain("%s did not start; it said:", kinds[which].program);
    quote_file(realm, which, "out");
    quote_file(realm, which, "log");
}

int daemon_await(const struct realm *realm, enum daemon which, struct children *children,
                 int control_fd) {
    int64_t deadline = clock_ms() + READY_MS;
    const struct child *child = &children->daemons[which];
    while (child->alive && !daemon_listens(realm, which)) {
        if (clock_ms() >= deadline) {
            complain("%s was not ready within %d s", kinds[which].program, READY_MS / 1000);
            return STATUS_FAILED;
        }
        int wake = children_wait(children, control_fd, -1, clock_ms() + STEP_MS);
        int status = (wake & WAKE_FIRST) != 0 ? control_give_up(control_fd) : 0;
        if (status != 0)
            return status;
    }
    if (child->alive)
        return 0;
    daemon_explain(realm, which);
    return STATUS_FAILED;
}
