/* SPDX-License-Identifier: Apache-2.0 */
#include "realm.h"

#include "names.h"
#include "report.h"
#include "text.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *realm_path(const struct realm *realm, const char *file) {
    return text_format("%s/%s", realm->folder, file);
}

int realm_write_path(const char *path, const char *text) {
    if (text_write_file(path, text) == 0)
        return 0;
    complain("cannot write %s: %s", path, strerror(errno));
    return STATUS_FAILED;
}

int realm_write_file(const struct realm *realm, const char *file, const char *text) {
    char *path = realm_path(realm, file);
    int status = realm_write_path(path, text);
    free(path);
    return status;
}

char *realm_dc_host(const struct realm *realm) {
    char *host = text_format("dc1.%s", realm->name);
    for (char *p = host; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    return host;
}

char *realm_workgroup(const struct realm *realm) {
    enum { LONGEST = 15 };
    size_t length = strcspn(realm->name, ".");
    return text_format("%.*s", (int)(length < LONGEST ? length : LONGEST), realm->name);
}

char *realm_suffix(const struct realm *realm) {
    char *suffix = NULL;
    const char *label = realm->name;
    while (*label != '\0') {
        size_t length = strcspn(label, ".");
        if (length > 0)
            text_append(&suffix, "%sdc=%.*s", suffix == NULL ? "" : ",", (int)length, label);
        label += length;
        label += strspn(label, ".");
    }
    for (char *p = suffix; p != NULL && *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    return suffix;
}

char *realm_ldapi(const struct realm *realm, enum daemon which) {
    char *socket = realm_path(realm, which == DAEMON_REPLICA ? "replica.ldapi" : "directory.ldapi");
    char *uri = text_format("ldapi://");
    for (const char *p = socket; *p != '\0'; p++) {
        if (isalnum((unsigned char)*p) || strchr("._-", *p) != NULL)
            text_append(&uri, "%c", *p);
        else
            text_append(&uri, "%%%02X", (unsigned)(unsigned char)*p);
    }
    free(socket);
    return uri;
}

char *realm_directory_uris(const struct realm *realm) {
    if (realm->ports[DAEMON_DC] != 0) {
        char *host = realm_dc_host(realm);
        char *uri = text_format("ldap://%s", host);
        free(host);
        return uri;
    }
    char *uris = NULL;
    for (enum daemon which = DAEMON_DIRECTORY; which <= DAEMON_REPLICA; which++)
        if (realm->ports[which] != 0)
            text_append(&uris, "%sldap://localhost:%d", uris == NULL ? "" : " ",
                        realm->ports[which]);
    return uris;
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
