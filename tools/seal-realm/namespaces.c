/* SPDX-License-Identifier: Apache-2.0 */
#include "namespaces.h"

#include "realm.h"
#include "report.h"
#include "text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int give_up(const char *what) {
    complain("cannot %s: %s", what, strerror(errno));
    return STATUS_FAILED;
}

static int write_proc(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t written = fd < 0 ? -1 : write(fd, text, strlen(text));
    int saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
    return written == (ssize_t)strlen(text) ? 0 : give_up(path);
}

/* Our user is root inside, and there is no other. */
static int map_user(uid_t user, gid_t group) {
    char *users = text_format("0 %u 1", (unsigned)user);
    char *groups = text_format("0 %u 1", (unsigned)group);
    int status = write_proc("/proc/self/setgroups", "deny");
    if (status == 0)
        status = write_proc("/proc/self/uid_map", users);
    if (status == 0)
        status = write_proc("/proc/self/gid_map", groups);
    free(users);
    free(groups);
    return status;
}

static int raise_loopback(void) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    /* An address that getaddrinfo takes for one of a network: with 127.0.0.1 alone, AI_ADDRCONFIG
     * finds nothing. */
    struct ifreq more = {.ifr_name = "lo:1"};
    struct sockaddr_in address = {.sin_family = AF_INET};
    inet_pton(AF_INET, REALM_DC_ADDRESS, &address.sin_addr);
    memcpy(&more.ifr_addr, &address, sizeof address);
    int status = 0;
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) != 0 || ioctl(fd, SIOCSIFADDR, &more) != 0)
        status = give_up("raise the loopback interface");
    if (fd >= 0)
        close(fd);
    return status;
}

int namespaces_make(void) {
    uid_t user = geteuid();
    gid_t group = getegid();
    int status = 0;
    if (user != 0 || unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) != 0) {
            complain("--ad needs namespaces of its own, and the kernel says: %s; run it as root, "
                     "or allow them to users: sysctl kernel.unprivileged_userns_clone=1 "
                     "user.max_user_namespaces=10000",
                     strerror(errno));
            return STATUS_NO_TOOL;
        }
        status = map_user(user, group);
    }
    /* What is mounted here is not to be seen outside. */
    if (status == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        status = give_up("make mounts private");
    return status == 0 ? raise_loopback() : status;
}

static int cover(const char *folder, const char *file) {
    char *from = text_format("%s/%s", folder, file);
    char *over = text_format("/etc/%s", file);
    int status = 0;
    if (mount(from, over, NULL, MS_BIND, NULL) != 0) {
        complain("cannot mount %s over %s: %s", from, over, strerror(errno));
        status = STATUS_FAILED;
    }
    free(from);
    free(over);
    return status;
}

int namespaces_resolve(const char *folder) {
    int status = cover(folder, REALM_HOSTS);
    return status == 0 ? cover(folder, REALM_RESOLV_CONF) : status;
}

static bool is_same(const char *one, const char *other) {
    struct stat first;
    struct stat second;
    return stat(one, &first) == 0 && stat(other, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

static int enter_one(pid_t pid, const char *name, int type) {
    char *path = text_format("/proc/%d/ns/%s", (int)pid, name);
    char *own = text_format("/proc/self/ns/%s", name);
    int status = 0;
    if (!is_same(path, own)) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || setns(fd, type) != 0) {
            complain("cannot enter the namespace %s: %s", path, strerror(errno));
            status = STATUS_FAILED;
        }
        if (fd >= 0)
            close(fd);
    }
    free(path);
    free(own);
    return status;
}

int namespaces_enter(pid_t pid) {
    char *place = realpath(".", NULL); /* entering the mounts leads to / */
    int status = enter_one(pid, "user", CLONE_NEWUSER);
    if (status == 0)
        status = enter_one(pid, "net", CLONE_NEWNET);
    if (status == 0)
        status = enter_one(pid, "mnt", CLONE_NEWNS);
    if (status == 0 && place != NULL && chdir(place) != 0)
        status = give_up(place);
    free(place);
    return status;
}
