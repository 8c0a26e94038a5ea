/* SPDX-License-Identifier: Apache-2.0 */
#include "support/dnsmasq.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/dns_wire.h"
#include "support/cmocka_all.h"
#include "support/temporary_folder.h"

enum { STARTS = 20, PROBES = 600, PROBE_MS = 50 };

static const struct sockaddr *any(const struct sockaddr_in *in) {
    return (const struct sockaddr *)(const void *)in;
}

static struct sockaddr_in loopback(uint16_t port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

void dnsmasq_init(dnsmasq *d) {
    memset(d, 0, sizeof *d);
    assert_int_equal(temporary_folder("sealrpc-dns", d->dir, sizeof d->dir), 0);
}

static void path_of(const dnsmasq *d, const char *name, char *path, size_t size) {
    snprintf(path, size, "%s/%s", d->dir, name);
}

void dnsmasq_done(dnsmasq *d) {
    char path[160];
    dnsmasq_stop(d);
    path_of(d, "conf", path, sizeof path);
    unlink(path);
    path_of(d, "log", path, sizeof path);
    unlink(path);
    rmdir(d->dir);
}

/* Free for UDP, and most likely for TCP. */
static uint16_t free_port(void) {
    struct sockaddr_in in = loopback(0);
    socklen_t len = sizeof in;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, any(&in), sizeof in), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)(void *)&in, &len), 0);
    close(fd);
    return ntohs(in.sin_port);
}

static void write_conf(const dnsmasq *d, const char *records) {
    char path[160];
    const struct passwd *me = getpwuid(getuid());
    path_of(d, "conf", path, sizeof path);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file,
            "port=%u\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nno-poll\n"
            "local=/test/\npid-file=\n",
            d->port);
    /* Without a name of ours (a user without an entry) it stays who it is. */
    if (me != NULL)
        fprintf(file, "user=%s\n", me->pw_name);
    fprintf(file, "host-record=ready.test,127.0.0.1\n%s", records);
    assert_int_equal(fclose(file), 0);
}

static void run(const dnsmasq *d) {
    char conf[160];
    char log[160];
    snprintf(conf, sizeof conf, "--conf-file=%s/conf", d->dir);
    path_of(d, "log", log, sizeof log);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd >= 0) {
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execlp("dnsmasq", "dnsmasq", "--keep-in-foreground", conf, (char *)NULL);
    execl("/usr/sbin/dnsmasq", "dnsmasq", "--keep-in-foreground", conf, (char *)NULL);
    _exit(127);
}

/* Asks for the record that is always there. */
static bool answers(const dnsmasq *d) {
    wire query;
    uint8_t reply[512];
    struct sockaddr_in in = loopback(d->port);
    wire_begin(&query, 0, "ready.test");
    query.bytes[2] = 1; /* a query, recursion desired */
    query.bytes[3] = 0;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool ok = connect(fd, any(&in), sizeof in) == 0 && send(fd, query.bytes, query.len, 0) > 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    ok = ok && poll(&p, 1, PROBE_MS) == 1 && recv(fd, reply, sizeof reply, 0) > 0;
    close(fd);
    return ok;
}

static void print_log(const dnsmasq *d) {
    char path[160];
    char line[512];
    path_of(d, "log", path, sizeof path);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        print_error("%s", line);
    if (file != NULL)
        fclose(file);
}

/* false: it has ended; most likely somebody took the port. */
static bool comes_up(dnsmasq *d) {
    for (int i = 0; i < PROBES; i++) {
        int status = 0;
        if (waitpid(d->pid, &status, WNOHANG) == d->pid) {
            d->pid = 0;
            if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
                print_error("dnsmasq is missing: apt-get install dnsmasq-base\n");
            return false;
        }
        if (answers(d))
            return true;
        poll(NULL, 0, 5);
    }
    print_error("dnsmasq does not answer\n");
    return false;
}

void dnsmasq_start(dnsmasq *d, const char *records) {
    bool fixed = d->port != 0;
    for (int i = 0; i < STARTS; i++) {
        if (!fixed)
            d->port = free_port();
        write_conf(d, records);
        d->pid = fork();
        assert_true(d->pid >= 0);
        if (d->pid == 0)
            run(d);
        if (comes_up(d))
            return;
        dnsmasq_stop(d);
        poll(NULL, 0, 50);
    }
    print_log(d);
    fail_msg("dnsmasq cannot be started");
}

void dnsmasq_stop(dnsmasq *d) {
    if (d->pid == 0)
        return;
    kill(d->pid, SIGTERM);
    assert_int_equal(waitpid(d->pid, NULL, 0), d->pid);
    d->pid = 0;
}
