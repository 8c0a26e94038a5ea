/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of a keytab: a copy of the file is changed and takes its place. The lock is the one of
 * libkrb5 (an open file description's write lock of the whole file), so that a ktadd of somebody
 * else is before or after us; it is held while nothing but files is used.
 */
#include "keytab.h"

#include "base/error.h"
#include "krb5_text.h"
#include "secure/gss/spn_check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_CHUNK = 16384, HOLD_MS = 20000, HOLD_STEP_MS = 10 };

struct edit {
    const char *path;
    int old_fd; /* -1: there is no file yet */
    char *temporary;
    int fd; /* of the temporary file */
    krb5_context krb5;
    krb5_keytab keytab; /* the temporary file */
    krb5_principal principal;
};

static int fail_system(const struct edit *e, const char *what, seal_error **reterr) {
    return seal__error(reterr, SEAL_ERROR_KEYTAB,
                       "keytab %s cannot be changed: %s: %s; check owner, mode and room there",
                       e->path, what, strerror(errno));
}

static int fail_krb5(const struct edit *e, const char *what, krb5_error_code code,
                     seal_error **reterr) {
    char *text = krb5_text_error(e->krb5, code);
    int rc = seal__error(reterr, SEAL_ERROR_KEYTAB, "keytab %s cannot be changed: %s: %s", e->path,
                         what, text);
    text_free(text);
    return rc;
}

static bool is_still_there(const char *path, int fd) {
    struct stat named, open;
    return stat(path, &named) == 0 && fstat(fd, &open) == 0 && named.st_dev == open.st_dev &&
           named.st_ino == open.st_ino;
}

/* Whoever had the lock before may have put another file in its place. */
static int lock_old(struct edit *e, seal_error **reterr) {
    for (;;) {
        e->old_fd = open(e->path, O_RDWR | O_CLOEXEC);
        if (e->old_fd < 0)
            return errno == ENOENT ? 0 : fail_system(e, "open", reterr);
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int locked;
        do
            locked = fcntl(e->old_fd, F_OFD_SETLKW, &lock);
        while (locked != 0 && errno == EINTR);
        if (locked != 0)
            return fail_system(e, "lock", reterr);
        if (is_still_there(e->path, e->old_fd))
            return 0;
        close(e->old_fd);
    }
}

static bool write_all(int fd, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        bytes += written;
        length -= (size_t)written;
    }
    return true;
}

static bool copy_bytes(int from, int to) {
    char chunk[COPY_CHUNK];
    ssize_t got;
    bool good = true;
    while (good && (got = read(from, chunk, sizeof chunk)) != 0) {
        if (got < 0 && errno != EINTR)
            good = false;
        if (got > 0)
            good = write_all(to, chunk, (size_t)got);
    }
    explicit_bzero(chunk, sizeof chunk);
    return good;
}

/* Owner and mode of the old file, without rights for others. */
static bool copy_rights(int from, int to) {
    struct stat old;
    if (fstat(from, &old) != 0)
        return false;
    if ((old.st_uid != geteuid() || old.st_gid != getegid()) &&
        fchown(to, old.st_uid, old.st_gid) != 0)
        return false;
    return fchmod(to, old.st_mode & (S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP)) == 0;
}

static int make_copy(struct edit *e, seal_error **reterr) {
    static const char version[] = {5, 2};
    e->temporary = text_format("%s.XXXXXX", e->path);
    e->fd = mkostemp(e->temporary, O_CLOEXEC); /* mode 0600 */
    if (e->fd < 0) {
        text_free(e->temporary);
        e->temporary = NULL;
        return fail_system(e, "make a new file", reterr);
    }
    if (e->old_fd < 0)
        return write_all(e->fd, version, sizeof version) ? 0 : fail_system(e, "write", reterr);
    if (!copy_bytes(e->old_fd, e->fd))
        return fail_system(e, "copy", reterr);
    return copy_rights(e->old_fd, e->fd) ? 0 : fail_system(e, "keep owner and mode", reterr);
}

static int open_copy(struct edit *e, const char *principal, seal_error **reterr) {
    char *name = text_format("WRFILE:%s", e->temporary);
    krb5_error_code code = krb5_kt_resolve(e->krb5, name, &e->keytab);
    text_free(name);
    if (code == 0)
        code = krb5_parse_name(e->krb5, principal, &e->principal);
    return code == 0 ? 0 : fail_krb5(e, principal, code, reterr);
}

static int edit_begin(struct edit *e, const char *path, const char *principal,
                      seal_error **reterr) {
    *e = (struct edit){.path = path, .old_fd = -1, .fd = -1};
    int rc = krb5_text_open(&e->krb5, reterr);
    if (rc == 0)
        rc = lock_old(e, reterr);
    if (rc == 0)
        rc = make_copy(e, reterr);
    if (rc == 0)
        rc = open_copy(e, principal, reterr);
    return rc;
}

static void sync_folder(const char *path) {
    char *folder = text_format("%.*s", (int)(strrchr(path, '/') - path) + 1, path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd); /* best effort: some file systems cannot */
        close(fd);
    }
    text_free(folder);
}

static int edit_commit(struct edit *e, seal_error **reterr) {
    if (fsync(e->fd) != 0)
        return fail_system(e, "write", reterr);
    if (rename(e->temporary, e->path) != 0)
        return fail_system(e, "put the new file in its place", reterr);
    text_free(e->temporary);
    e->temporary = NULL;
    sync_folder(e->path);
    return 0;
}

static void edit_done(struct edit *e) {
    if (e->krb5 != NULL) {
        if (e->keytab != NULL)
            krb5_kt_close(e->krb5, e->keytab);
        krb5_free_principal(e->krb5, e->principal);
        krb5_free_context(e->krb5);
    }
    if (e->temporary != NULL)
        unlink(e->temporary);
    text_free(e->temporary);
    if (e->fd >= 0)
        close(e->fd);
    if (e->old_fd >= 0)
        close(e->old_fd); /* and unlocks */
}

/* Takes out the principal's keys of versions from `first` to `last`. */
static krb5_error_code remove_versions(struct edit *e, uint32_t first, uint32_t last,
                                       size_t *ret_removed) {
    *ret_removed = 0;
    for (;;) {
        krb5_kt_cursor cursor;
        krb5_keytab_entry entry;
        krb5_error_code code = krb5_kt_start_seq_get(e->krb5, e->keytab, &cursor);
        if (code != 0)
            return code;
        bool found = false;
        while (!found && (code = krb5_kt_next_entry(e->krb5, e->keytab, &entry, &cursor)) == 0) {
            found = entry.vno >= first && entry.vno <= last &&
                    krb5_principal_compare(e->krb5, entry.principal, e->principal);
            if (!found)
                krb5_free_keytab_entry_contents(e->krb5, &entry);
        }
        krb5_kt_end_seq_get(e->krb5, e->keytab, &cursor);
        if (!found)
            return code == KRB5_KT_END ? 0 : code;
        code = krb5_kt_remove_entry(e->krb5, e->keytab, &entry);
        krb5_free_keytab_entry_contents(e->krb5, &entry);
        if (code != 0)
            return code;
        ++*ret_removed;
    }
}

/* The newest version that is older than `kvno`; 0: none. */
static krb5_error_code find_previous(struct edit *e, uint32_t kvno, uint32_t *ret_previous) {
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    *ret_previous = 0;
    krb5_error_code code = krb5_kt_start_seq_get(e->krb5, e->keytab, &cursor);
    if (code != 0)
        return code;
    while ((code = krb5_kt_next_entry(e->krb5, e->keytab, &entry, &cursor)) == 0) {
        if (entry.vno < kvno && entry.vno > *ret_previous &&
            krb5_principal_compare(e->krb5, entry.principal, e->principal))
            *ret_previous = entry.vno;
        krb5_free_keytab_entry_contents(e->krb5, &entry);
    }
    krb5_kt_end_seq_get(e->krb5, e->keytab, &cursor);
    return code == KRB5_KT_END ? 0 : code;
}

static krb5_error_code add_keys(struct edit *e, const struct kadmin_keys *keys) {
    krb5_error_code code = 0;
    for (size_t i = 0; i < keys->n && code == 0; i++) {
        krb5_keytab_entry entry;
        memset(&entry, 0, sizeof entry);
        entry.principal = e->principal;
        entry.vno = keys->kvno;
        entry.key = keys->keys[i];
        code = krb5_kt_add_entry(e->krb5, e->keytab, &entry);
    }
    return code;
}

int keytab_hold(const char *path) {
    char *folder = text_format("%.*s", (int)(strrchr(path, '/') - path) + 1, path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    text_free(folder);
    for (int waited = 0; fd >= 0 && waited < HOLD_MS; waited += HOLD_STEP_MS) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
            break;
        poll(NULL, 0, HOLD_STEP_MS);
    }
    return fd;
}

void keytab_release(int hold_fd) {
    if (hold_fd >= 0)
        close(hold_fd);
}

/* Keys of the same version are those of a principal of this name that was deleted: they would be
 * taken for the new ones. */
static krb5_error_code remove_old(struct edit *e, uint32_t kvno, enum keytab_old old,
                                  size_t *ret_removed) {
    uint32_t previous = 0;
    size_t same = 0;
    krb5_error_code code = 0;
    if (old == KEYTAB_OLD_NONE)
        return remove_versions(e, 0, UINT32_MAX, ret_removed);
    if (old == KEYTAB_OLD_PREVIOUS)
        code = find_previous(e, kvno, &previous);
    if (code == 0 && previous > 0)
        code = remove_versions(e, 0, previous - 1, ret_removed);
    return code == 0 ? remove_versions(e, kvno, kvno, &same) : code;
}

int keytab_add(const char *path, const char *principal, const struct kadmin_keys *keys,
               enum keytab_old old, size_t *ret_removed, seal_error **reterr) {
    struct edit e;
    size_t removed = 0;
    int rc = edit_begin(&e, path, principal, reterr);
    if (rc == 0) {
        krb5_error_code code = remove_old(&e, keys->kvno, old, &removed);
        if (code == 0)
            code = add_keys(&e, keys);
        rc = code == 0 ? edit_commit(&e, reterr) : fail_krb5(&e, "add keys", code, reterr);
    }
    edit_done(&e);
    if (ret_removed != NULL)
        *ret_removed = removed;
    return rc;
}

int keytab_remove(const char *path, const char *principal, size_t *ret_removed,
                  seal_error **reterr) {
    struct edit e;
    *ret_removed = 0;
    int rc = edit_begin(&e, path, principal, reterr);
    if (rc == 0) {
        krb5_error_code code = remove_versions(&e, 0, UINT32_MAX, ret_removed);
        if (code != 0)
            rc = fail_krb5(&e, "remove keys", code, reterr);
        else if (*ret_removed > 0)
            rc = edit_commit(&e, reterr);
    }
    edit_done(&e);
    return rc;
}

/* ---- One key under two names ---- */

struct copies {
    size_t n;
    krb5_keytab_entry *entries;
    bool weak; /* there were such, too */
};

static void copies_done(struct edit *e, struct copies *copies) {
    for (size_t i = 0; i < copies->n; i++)
        krb5_free_keytab_entry_contents(e->krb5, &copies->entries[i]);
    free(copies->entries);
}

/* What is added while a cursor is open, the cursor would meet. */
static krb5_error_code collect(struct edit *e, krb5_const_principal from, struct copies *copies) {
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    krb5_error_code code = krb5_kt_start_seq_get(e->krb5, e->keytab, &cursor);
    if (code != 0)
        return code;
    while ((code = krb5_kt_next_entry(e->krb5, e->keytab, &entry, &cursor)) == 0) {
        bool wanted = krb5_principal_compare(e->krb5, entry.principal, from);
        bool weak = seal__spn_enctype_is_weak(entry.key.enctype);
        copies->weak = copies->weak || (wanted && weak);
        if (wanted && !weak) {
            copies->entries = text_grow(copies->entries, copies->n, sizeof *copies->entries);
            copies->entries[copies->n++] = entry;
        } else {
            krb5_free_keytab_entry_contents(e->krb5, &entry);
        }
    }
    krb5_kt_end_seq_get(e->krb5, e->keytab, &cursor);
    return code == KRB5_KT_END ? 0 : code;
}

static krb5_error_code remove_same(struct edit *e, const krb5_keytab_entry *like) {
    krb5_keytab_entry entry;
    krb5_error_code code = 0;
    while (code == 0) {
        code = krb5_kt_get_entry(e->krb5, e->keytab, e->principal, like->vno, like->key.enctype,
                                 &entry);
        if (code != 0)
            break;
        code = krb5_kt_remove_entry(e->krb5, e->keytab, &entry);
        krb5_free_keytab_entry_contents(e->krb5, &entry);
    }
    return code == KRB5_KT_NOTFOUND || code == KRB5_KT_KVNONOTFOUND ? 0 : code;
}

static krb5_error_code add_copies(struct edit *e, const struct copies *copies, uint32_t *ret_kvno) {
    krb5_error_code code = 0;
    for (size_t i = 0; i < copies->n && code == 0; i++) {
        krb5_keytab_entry entry = copies->entries[i];
        code = remove_same(e, &entry);
        entry.principal = e->principal; /* borrowed */
        if (code == 0)
            code = krb5_kt_add_entry(e->krb5, e->keytab, &entry);
        if (entry.vno > *ret_kvno)
            *ret_kvno = entry.vno;
    }
    return code;
}

int keytab_alias(const char *path, const char *from, const char *principal, uint32_t *ret_kvno,
                 size_t *ret_added, seal_error **reterr) {
    struct edit e;
    struct copies copies = {0};
    krb5_principal source = NULL;
    *ret_kvno = 0;
    int rc = edit_begin(&e, path, principal, reterr);
    if (rc == 0) {
        krb5_error_code code = krb5_parse_name(e.krb5, from, &source);
        if (code == 0)
            code = collect(&e, source, &copies);
        if (code == 0)
            code = add_copies(&e, &copies, ret_kvno);
        if (code != 0)
            rc = fail_krb5(&e, "copy keys", code, reterr);
        else if (copies.n == 0)
            rc = seal__error(reterr, SEAL_ERROR_KEYTAB, "keytab %s has %s of %s; %s", path,
                             copies.weak ? "only weak keys" : "no key", from,
                             copies.weak
                                 ? "give the account AES keys (msDS-SupportedEncryptionTypes = "
                                   "24, then a new password), and export the keytab again"
                                 : "\"seal keytab show\" lists what is in it");
        else
            rc = edit_commit(&e, reterr);
    }
    *ret_added = copies.n;
    if (e.krb5 != NULL) {
        krb5_free_principal(e.krb5, source);
        copies_done(&e, &copies);
    }
    edit_done(&e);
    return rc;
}
