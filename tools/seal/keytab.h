/* SPDX-License-Identifier: Apache-2.0 */
/* Keytabs: what is in them, and changes that are there as a whole or not at all. Never key bytes.
 */
#ifndef SEAL_TOOL_KEYTAB_H
#define SEAL_TOOL_KEYTAB_H

#include "kadm5.h"

#include <time.h>

struct keytab_entry {
    char *principal; /* with realm */
    uint32_t kvno;
    krb5_enctype enctype;
    time_t added;
};

struct keytab {
    char *name; /* as libkrb5 writes it, such as FILE:/etc/krb5.keytab */
    size_t n;
    struct keytab_entry *entries;
};

/* name NULL: the default keytab. SEAL_ERROR_KEYTAB: it cannot be read. */
int keytab_read(const char *name, struct keytab *ret_keytab, seal_error **reterr);
void keytab_done(struct keytab *keytab);

/* The newest version of a principal's keys; 0: it has none. */
uint32_t keytab_kvno(const struct keytab *keytab, const char *principal);

/*
 * The file behind a keytab's name (NULL: the default keytab), symbolic links followed. It need not
 * exist. SEAL_ERROR_KEYTAB: it is none, or its folder cannot be written.
 */
int keytab_writable_path(const char *name, char **ret_path, seal_error **reterr);

/*
 * While keys are asked for and added, other seals of this machine that change keytabs in the same
 * folder wait, so that no key is replaced before it is in a file. Gives up waiting after a while:
 * kadmin_rekey finds out by itself about changes from elsewhere. Returns a descriptor or -1.
 */
int keytab_hold(const char *path);
void keytab_release(int hold_fd);

/* Which of a principal's old keys stay: tickets that clients have may need those before the new. */
enum keytab_old {
    KEYTAB_OLD_ALL,
    KEYTAB_OLD_PREVIOUS, /* and none before that version */
    KEYTAB_OLD_NONE      /* the principal is new: they are of one that was deleted */
};

/*
 * Adds a principal's keys, instead of those of the same version, and keeps what else is there, but
 * for `old`. A new file with the old one's owner and mode (without rights for others; 0600 when
 * there was none) takes its place, so that a reader sees either. *ret_removed may be NULL.
 */
int keytab_add(const char *path, const char *principal, const struct kadmin_keys *keys,
               enum keytab_old old, size_t *ret_removed, seal_error **reterr);

/* Takes out all keys of a principal. *ret_removed: how many there were. */
int keytab_remove(const char *path, const char *principal, size_t *ret_removed,
                  seal_error **reterr);

/*
 * Gives `principal` all keys of `from` that are not weak, under their versions; its own of the same
 * versions are replaced, others stay. *ret_kvno: the newest one. SEAL_ERROR_KEYTAB: there is none.
 */
int keytab_alias(const char *path, const char *from, const char *principal, uint32_t *ret_kvno,
                 size_t *ret_added, seal_error **reterr);

#endif
