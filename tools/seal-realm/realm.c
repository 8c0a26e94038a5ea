/* SPDX-License-Identifier: Apache-2.0 */
#include "realm.h"

#include "names.h"
#include "report.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *realm_path(const struct realm *realm, const char *file) {
    return text_format("%s/%s", realm->folder, file);
}

void realm_done(struct realm *realm) {
    free(realm->folder);
    free(realm->name);
    realm->folder = NULL;
    realm->name = NULL;
}

static int check_path(const char *path, const char *remedy) {
    if (name_is_safe_path(path))
        return 0;
    complain("the folder %s has characters in its path that krb5.conf cannot take; %s", path,
             remedy);
    return STATUS_USAGE;
}

int realm_create_temporary(struct realm *realm) {
    const char *place = getenv("TMPDIR");
    if (place == NULL || place[0] == '\0')
        place = "/tmp";
    char *absolute = realpath(place, NULL);
    if (absolute == NULL) {
        complain("cannot use the temporary folder %s: %s; set TMPDIR to another one", place,
                 strerror(errno));
        return STATUS_FAILED;
    }
    char *folder = text_format("%s/seal-realm.XXXXXX", absolute);
    free(absolute);
    int status = check_path(folder, "set TMPDIR to another one");
    if (status == 0 && mkdtemp(folder) == NULL) {
        complain("cannot create a folder in %s: %s; set TMPDIR to another one", place,
                 strerror(errno));
        status = STATUS_FAILED;
    }
    if (status == 0)
        realm->folder = folder;
    else
        free(folder);
    return status;
}

static bool is_empty(const char *folder) {
    DIR *stream = opendir(folder);
    if (stream == NULL)
        return false;
    int entries = 0;
    while (readdir(stream) != NULL)
        entries++;
    closedir(stream);
    return entries <= 2; /* . and .. */
}

/* An existing folder will do when it is empty, ours, and no symbolic link. */
static int adopt(const char *folder) {
    struct stat info;
    if (lstat(folder, &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != geteuid() ||
        !is_empty(folder) || chmod(folder, 0700) != 0) {
        complain("%s exists and is not an empty folder of yours; name a new one, or end the realm "
                 "in it with: seal-realm stop %s",
                 folder, folder);
        return STATUS_USAGE;
    }
    return 0;
}

int realm_create_at(struct realm *realm, const char *folder) {
    int status = 0;
    bool made = mkdir(folder, 0700) == 0;
    if (!made && errno == EEXIST)
        status = adopt(folder);
    else if (!made) {
        complain("cannot create the folder %s: %s", folder, strerror(errno));
        status = STATUS_FAILED;
    }
    if (status != 0)
        return status;
    char *absolute = realpath(folder, NULL);
    status = absolute == NULL ? STATUS_FAILED : check_path(absolute, "name another one");
    if (status != 0) {
        if (made)
            rmdir(folder);
        free(absolute);
        return status;
    }
    realm->folder = absolute;
    return 0;
}
