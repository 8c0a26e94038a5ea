/* SPDX-License-Identifier: Apache-2.0 */
#include "marker.h"

#include "names.h"
#include "report.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARKER_FORMAT                                                                              \
    "seal-realm 1\nrealm %s\nport %d\nkind %s\nkadmind %d\nkpasswd %d\ndirectory %d\nreplica "     \
    "%d\ndc %d\n"

int marker_write(const struct realm *realm) {
    char *text = text_format(MARKER_FORMAT, realm->name, realm->ports[DAEMON_KDC],
                             realm->standing ? "start" : "run", realm->ports[DAEMON_KADMIND],
                             realm->kpasswd_port, realm->ports[DAEMON_DIRECTORY],
                             realm->ports[DAEMON_REPLICA], realm->ports[DAEMON_DC]);
    int status = realm_write_file(realm, REALM_MARKER, text);
    free(text);
    return status;
}

static char *read_marker(const char *folder) {
    int folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd < 0)
        return NULL;
    int fd = openat(folder_fd, REALM_MARKER, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat info;
    char *text = NULL;
    if (fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size < 4096)
        text = text_read_fd(fd);
    if (fd >= 0)
        close(fd);
    close(folder_fd);
    return text;
}

int marker_load(struct realm *realm, const char *folder) {
    char name[256] = "";
    char kind[8] = "";
    char *text = read_marker(folder);
    bool ours = text != NULL &&
                sscanf(text,
                       "seal-realm 1\nrealm %255s\nport %d\nkind %7s\nkadmind %d\nkpasswd %d\n"
                       "directory %d\nreplica %d\ndc %d\n",
                       name, &realm->ports[DAEMON_KDC], kind, &realm->ports[DAEMON_KADMIND],
                       &realm->kpasswd_port, &realm->ports[DAEMON_DIRECTORY],
                       &realm->ports[DAEMON_REPLICA], &realm->ports[DAEMON_DC]) == 8 &&
                name_is_realm(name);
    free(text);
    if (!ours) {
        complain("%s is not the folder of a realm; name the one given to: seal-realm start",
                 folder);
        return STATUS_USAGE;
    }
    realm->folder = realpath(folder, NULL);
    if (realm->folder == NULL) {
        complain("cannot find %s: %s", folder, strerror(errno));
        return STATUS_FAILED;
    }
    realm->name = text_format("%s", name);
    realm->standing = strcmp(kind, "start") == 0;
    return 0;
}
