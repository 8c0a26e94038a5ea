/* SPDX-License-Identifier: Apache-2.0 */
#include "keytab.h"

#include "base/error.h"
#include "krb5_text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fail(krb5_context krb5, const char *name, krb5_error_code code, seal_error **reterr) {
    char *text = krb5_text_error(krb5, code);
    const char *remedy =
        code == ENOENT ? "name another file, or make it with: seal spn register SPN --keytab"
        : code == EACCES || code == EPERM ? "run this as the user that owns it"
                                          : "make it again: seal spn register SPN --rekey --keytab";
    int rc = seal__error(reterr, SEAL_ERROR_KEYTAB, "keytab %s cannot be read: %s; %s", name, text,
                         remedy);
    text_free(text);
    return rc;
}

static krb5_error_code resolve(krb5_context krb5, const char *name, krb5_keytab *ret) {
    return name == NULL ? krb5_kt_default(krb5, ret) : krb5_kt_resolve(krb5, name, ret);
}

static char *name_of(krb5_context krb5, krb5_keytab keytab) {
    char name[PATH_MAX + 16] = "?";
    krb5_kt_get_name(krb5, keytab, name, sizeof name);
    return text_copy(name);
}

static void take(krb5_context krb5, const krb5_keytab_entry *entry, struct keytab *keytab) {
    keytab->entries = text_grow(keytab->entries, keytab->n, sizeof *keytab->entries);
    keytab->entries[keytab->n++] =
        (struct keytab_entry){.principal = krb5_text_principal(krb5, entry->principal),
                              .kvno = entry->vno,
                              .enctype = entry->key.enctype,
                              .added = (time_t)(uint32_t)entry->timestamp};
}

static krb5_error_code read_all(krb5_context krb5, krb5_keytab from, struct keytab *keytab) {
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    krb5_error_code code = krb5_kt_start_seq_get(krb5, from, &cursor);
    if (code != 0)
        return code;
    while ((code = krb5_kt_next_entry(krb5, from, &entry, &cursor)) == 0) {
        take(krb5, &entry, keytab);
        krb5_free_keytab_entry_contents(krb5, &entry);
    }
    krb5_kt_end_seq_get(krb5, from, &cursor);
    return code == KRB5_KT_END ? 0 : code;
}

int keytab_read(const char *name, struct keytab *ret_keytab, seal_error **reterr) {
    krb5_context krb5;
    krb5_keytab from = NULL;
    *ret_keytab = (struct keytab){0};
    int rc = krb5_text_open(&krb5, reterr);
    if (rc < 0)
        return rc;
    krb5_error_code code = resolve(krb5, name, &from);
    if (code == 0) {
        ret_keytab->name = name_of(krb5, from);
        code = read_all(krb5, from, ret_keytab);
        krb5_kt_close(krb5, from);
    }
    if (code != 0) {
        rc = fail(krb5, ret_keytab->name == NULL ? name : ret_keytab->name, code, reterr);
        keytab_done(ret_keytab);
    }
    krb5_free_context(krb5);
    return rc;
}

void keytab_done(struct keytab *keytab) {
    for (size_t i = 0; i < keytab->n; i++)
        text_free(keytab->entries[i].principal);
    free(keytab->entries);
    text_free(keytab->name);
    *keytab = (struct keytab){0};
}

uint32_t keytab_kvno(const struct keytab *keytab, const char *principal) {
    uint32_t kvno = 0;
    for (size_t i = 0; i < keytab->n; i++)
        if (strcmp(keytab->entries[i].principal, principal) == 0 && keytab->entries[i].kvno > kvno)
            kvno = keytab->entries[i].kvno;
    return kvno;
}

/* The path in "FILE:/path" and "/path"; NULL for other kinds. */
static const char *plain_path(const char *name) {
    static const char *const kinds[] = {"FILE:", "WRFILE:"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strncmp(name, kinds[i], strlen(kinds[i])) == 0)
            return name + strlen(kinds[i]);
    return strchr(name, ':') == NULL || name[0] == '/' ? name : NULL;
}

/* Follows symbolic links of the file; where it does not exist yet, those of its folder. */
static char *follow(const char *path) {
    char *real = realpath(path, NULL);
    if (real != NULL || errno != ENOENT)
        return real;
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? text_copy(".") : text_format("%.*s", (int)(slash - path), path);
    char *real_folder = realpath(folder[0] == '\0' ? "/" : folder, NULL);
    text_free(folder);
    if (real_folder == NULL)
        return NULL;
    char *whole = text_format("%s/%s", real_folder, slash == NULL ? path : slash + 1);
    free(real_folder);
    return whole;
}

static int check_folder(const char *path, seal_error **reterr) {
    char *folder = text_format("%.*s", (int)(strrchr(path, '/') - path) + 1, path);
    int rc = 0;
    if (access(folder, W_OK | X_OK) != 0)
        rc = seal__error(reterr, SEAL_ERROR_KEYTAB,
                         "keytab %s cannot be changed: its folder %s: %s; run this as a user that "
                         "may, or give --keytab FILE",
                         path, folder, strerror(errno));
    text_free(folder);
    return rc;
}

int keytab_writable_path(const char *name, char **ret_path, seal_error **reterr) {
    char *whole = name == NULL ? login_default_keytab() : text_copy(name);
    int rc = 0;
    const char *path = plain_path(whole);
    char *real = path == NULL ? NULL : follow(path);
    if (path == NULL)
        rc = seal__error(reterr, SEAL_ERROR_KEYTAB,
                         "keytab %s is no file; give --keytab FILE:/path", whole);
    else if (real == NULL)
        rc = seal__error(reterr, SEAL_ERROR_KEYTAB,
                         "keytab %s cannot be changed: %s; make its folder first, or give another "
                         "--keytab FILE",
                         path, strerror(errno));
    else
        rc = check_folder(real, reterr);
    if (rc == 0)
        *ret_path = real;
    else
        free(real);
    text_free(whole);
    return rc;
}
