/* SPDX-License-Identifier: Apache-2.0 */
#include "cleanup.h"

#include "report.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEEPEST = 200 }; /* each level holds a descriptor */

static int open_folder(int parent, const char *name) {
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(parent, name, flags);
    if (fd < 0 && errno == EACCES && fchmodat(parent, name, 0700, 0) == 0)
        fd = openat(parent, name, flags);
    return fd;
}

static int empty_folder(int fd, dev_t device, int depth);

static int remove_folder(int parent, const char *name, dev_t device, int depth) {
    int fd = depth < DEEPEST ? open_folder(parent, name) : -1;
    struct stat info;
    if (fd < 0)
        return -1;
    if (fstat(fd, &info) != 0 || info.st_dev != device) {
        close(fd);
        errno = EXDEV;
        return -1;
    }
    if (empty_folder(fd, device, depth + 1) != 0)
        return -1;
    return unlinkat(parent, name, AT_REMOVEDIR);
}

static int remove_entry(int parent, const char *name, dev_t device, int depth) {
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    return remove_folder(parent, name, device, depth);
}

/* Takes the descriptor. */
static int empty_folder(int fd, dev_t device, int depth) {
    fchmod(fd, 0700); /* somebody may have taken the right to write */
    DIR *stream = fdopendir(fd);
    if (stream == NULL) {
        close(fd);
        return -1;
    }
    int result = 0;
    int problem = 0;
    const struct dirent *entry;
    while ((entry = readdir(stream)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (remove_entry(dirfd(stream), entry->d_name, device, depth) != 0) {
            problem = errno;
            result = -1;
        }
    }
    closedir(stream);
    errno = problem;
    return result;
}

int cleanup_folder(const char *folder) {
    struct stat info;
    bool found = lstat(folder, &info) == 0;
    if (!found && errno == ENOENT)
        return 0;
    if (!found || remove_folder(AT_FDCWD, folder, info.st_dev, 0) != 0) {
        complain("cannot remove all of %s: %s", folder, strerror(errno));
        return STATUS_FAILED;
    }
    return 0;
}
