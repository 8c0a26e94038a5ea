/* SPDX-License-Identifier: Apache-2.0 */
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { WEEK = 7 * 24 * 3600 };

static const char upload_prefix[] = ".upload-"; /* no good name begins with a dot */

/* ---- The folder ------------------------------------------------------------------------------ */

/* Calls each for every plain file, the uploads too. */
static int each_entry(const store *s,
                      bool (*each)(void *user, const char *name, const struct stat *info),
                      void *user) {
    int fd = openat(s->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        int rc = -errno;
        if (fd >= 0)
            close(fd);
        return rc;
    }
    const struct dirent *entry = NULL;
    struct stat info;
    while ((entry = readdir(dir)) != NULL)
        if (fstatat(s->folder, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(info.st_mode) && !each(user, entry->d_name, &info))
            break;
    closedir(dir);
    return 0;
}

static bool sweep(void *user, const char *name, const struct stat *info) {
    const store *s = user;
    if (strncmp(name, upload_prefix, sizeof upload_prefix - 1) == 0 &&
        info->st_mtime + WEEK < time(NULL))
        unlinkat(s->folder, name, 0);
    return true;
}

int store_open(store *s, const char *path) {
    s->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return s->folder < 0 ? -errno : each_entry(s, sweep, s);
}

void store_close(store *s) {
    if (s->folder >= 0)
        close(s->folder);
}

typedef struct list {
    store_each_fn *each;
    void *user;
} list;

static bool list_good(void *user, const char *name, const struct stat *info) {
    const list *l = user;
    return !name_is_good(name) || l->each(l->user, name, (uint64_t)info->st_size);
}

int store_each(const store *s, store_each_fn *each, void *user) {
    list l = {each, user};
    return each_entry(s, list_good, &l);
}

int store_read(const store *s, const char *name, uint64_t *ret_size) {
    struct stat info;
    int fd = name_is_good(name)
                 ? openat(s->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
                 : -1;
    if (fd < 0)
        return name_is_good(name) && errno != ELOOP ? -errno : -ENOENT;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(fd);
        return -ENOENT;
    }
    *ret_size = (uint64_t)info.st_size;
    return fd;
}

/* ---- Uploads --------------------------------------------------------------------------------- */

bool upload_key_make(upload_key *key, const char *owner, const char *name, uint64_t size,
                     const uint8_t digest[SHA256_LEN]) {
    uint8_t all[SHA256_LEN];
    char text[SHA256_HEX];
    sha256 *sum = sha256_new();
    bool ok = sum != NULL && sha256_add(sum, owner, strlen(owner) + 1) &&
              sha256_add(sum, name, strlen(name) + 1) && sha256_add(sum, &size, sizeof size) &&
              sha256_add(sum, digest, SHA256_LEN) && sha256_end(sum, all);
    sha256_free(sum);
    if (!ok)
        return false;
    sha256_print(all, text);
    snprintf(key->file, sizeof key->file, "%s%s", upload_prefix, text);
    return true;
}

uint64_t store_upload_size(const store *s, const upload_key *key) {
    struct stat info;
    return fstatat(s->folder, key->file, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode)
               ? (uint64_t)info.st_size
               : 0;
}

/* Whether the descriptor is still what has the name: who had the lock before may have finished the
 * upload, or dropped it. */
static bool is_current(const store *s, int fd, const upload_key *key, struct stat *info) {
    struct stat named;
    return fstat(fd, info) == 0 &&
           fstatat(s->folder, key->file, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           named.st_ino == info->st_ino && named.st_dev == info->st_dev;
}

int store_upload_open(const store *s, const upload_key *key) {
    for (;;) {
        struct stat info;
        int fd = openat(s->folder, key->file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
            return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            int rc = -errno;
            close(fd);
            return rc;
        }
        if (is_current(s, fd, key, &info)) {
            if (S_ISREG(info.st_mode))
                return fd;
            close(fd);
            return -EEXIST;
        }
        close(fd);
    }
}

void store_upload_drop(const store *s, const upload_key *key) {
    unlinkat(s->folder, key->file, 0);
}
