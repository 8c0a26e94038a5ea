/* SPDX-License-Identifier: Apache-2.0 */
/* The server's folder. Symbolic links are never followed, and only plain files are served.
 * Functions return 0 or a descriptor, or -errno. Any thread. */
#ifndef FILES_STORE_H
#define FILES_STORE_H

#include "common.h"

typedef struct store {
    int folder;
} store;

/* Removes uploads that nobody has continued for a week. */
int store_open(store *s, const char *path);
void store_close(store *s);

/* For reading. -ENOENT also for what is no plain file. */
int store_read(const store *s, const char *name, uint64_t *ret_size);

/* ---- Uploads that are not complete ---- */

/* What an upload is known by: it is one only with the same owner, name, size and checksum. */
typedef struct upload_key {
    char file[SHA256_HEX + 16]; /* its file in the folder */
} upload_key;

bool upload_key_make(upload_key *key, const char *owner, const char *name, uint64_t size,
                     const uint8_t digest[SHA256_LEN]);

/* How many bytes of it there are. */
uint64_t store_upload_size(const store *s, const upload_key *key);

/* For reading and writing, made where it is not there, and locked: -EWOULDBLOCK where somebody
 * else has it. */
int store_upload_open(const store *s, const upload_key *key);

/* Removes it; the descriptor is still to be closed. */
void store_upload_drop(const store *s, const upload_key *key);

/* ---- All files ---- */

/* false: stop. */
typedef bool store_each_fn(void *user, const char *name, uint64_t size);
int store_each(const store *s, store_each_fn *each, void *user);

#endif
