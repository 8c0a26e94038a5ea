/* SPDX-License-Identifier: Apache-2.0 */
/* What client and server share: names, checksums, and whole reads and writes. */
#ifndef FILES_COMMON_H
#define FILES_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHUNK = 65536, SHA256_LEN = 32, SHA256_HEX = 2 * SHA256_LEN + 1, NAME_LEN_MAX = 200 };

/* A name of a file and of nothing else: UTF-8 without a slash or control character, and no dot at
 * the front, which keeps out "..", and the files that are not complete. */
bool name_is_good(const char *name);

/* ---- Checksums ---- */

typedef struct sha256 sha256;

/* NULL: no memory. */
sha256 *sha256_new(void);
void sha256_free(sha256 *sum);
bool sha256_add(sha256 *sum, const void *bytes, size_t len);
bool sha256_end(sha256 *sum, uint8_t digest[SHA256_LEN]);
void sha256_print(const uint8_t digest[SHA256_LEN], char text[SHA256_HEX]);

/* ---- Files ---- */

/* Says how far it is; false: stop. */
typedef bool step_fn(void *user, uint64_t done);

/* Adds the first len bytes of a file. 0, or -errno: EIO where the file is shorter, ECANCELED where
 * step has said so. step may be NULL. */
int sha256_add_file(sha256 *sum, int fd, uint64_t len, step_fn *step, void *user);

/* Reads at most len bytes at an offset, fewer only at the end. Returns how many, or -errno. */
long read_at(int fd, void *bytes, size_t len, uint64_t offset);

/* 0 or -errno. */
int write_at(int fd, const void *bytes, size_t len, uint64_t offset);

/* Gives a file in a folder its name, on disk, unless another one has it: -EEXIST. */
int settle_file(int folder, int fd, const char *temporary, const char *name);

#endif
