/* SPDX-License-Identifier: Apache-2.0 */
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

/* Returns how many bytes the UTF-8 character has, 0 where it is none or commands a terminal. */
static size_t character(const unsigned char *bytes) {
    static const uint32_t smallest[] = {0, 0, 0xa0, 0x800, 0x10000};
    unsigned char first = bytes[0];
    if (first < 0x80)
        return first >= 0x20 && first != 0x7f ? 1 : 0;
    size_t len = first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf8 ? 4 : 0;
    uint32_t value = first & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (bytes[i] & 0x3fu);
    }
    bool surrogate = value >= 0xd800 && value < 0xe000;
    return value >= smallest[len] && value <= 0x10ffff && !surrogate ? len : 0;
}

bool name_is_good(const char *name) {
    size_t len = strlen(name);
    if (len < 1 || len > NAME_LEN_MAX || name[0] == '.' || strchr(name, '/') != NULL)
        return false;
    while (*name != '\0') {
        size_t n = character((const unsigned char *)name);
        if (n == 0)
            return false;
        name += n;
    }
    return true;
}

/* ---- Checksums ------------------------------------------------------------------------------- */

struct sha256 {
    EVP_MD_CTX *context;
};

sha256 *sha256_new(void) {
    sha256 *sum = malloc(sizeof *sum);
    if (sum == NULL)
        return NULL;
    sum->context = EVP_MD_CTX_new();
    if (sum->context != NULL && EVP_DigestInit_ex(sum->context, EVP_sha256(), NULL) == 1)
        return sum;
    sha256_free(sum);
    return NULL;
}

void sha256_free(sha256 *sum) {
    if (sum == NULL)
        return;
    EVP_MD_CTX_free(sum->context);
    free(sum);
}

bool sha256_add(sha256 *sum, const void *bytes, size_t len) {
    return EVP_DigestUpdate(sum->context, bytes, len) == 1;
}

bool sha256_end(sha256 *sum, uint8_t digest[SHA256_LEN]) {
    unsigned len = 0;
    return EVP_DigestFinal_ex(sum->context, digest, &len) == 1 && len == SHA256_LEN;
}

void sha256_print(const uint8_t digest[SHA256_LEN], char text[SHA256_HEX]) {
    for (size_t i = 0; i < SHA256_LEN; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

int sha256_add_file(sha256 *sum, int fd, uint64_t len, step_fn *step, void *user) {
    static _Thread_local uint8_t bytes[CHUNK];
    for (uint64_t at = 0; at < len;) {
        size_t want = len - at < CHUNK ? (size_t)(len - at) : CHUNK;
        long n = read_at(fd, bytes, want, at);
        if (n < 0)
            return (int)n;
        if ((size_t)n < want || !sha256_add(sum, bytes, want))
            return -EIO;
        at += want;
        if (step != NULL && !step(user, at))
            return -ECANCELED;
    }
    return 0;
}

/* ---- Files ----------------------------------------------------------------------------------- */

long read_at(int fd, void *bytes, size_t len, uint64_t offset) {
    size_t have = 0;
    while (have < len) {
        ssize_t n = pread(fd, (uint8_t *)bytes + have, len - have, (off_t)(offset + have));
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            break;
        have += n > 0 ? (size_t)n : 0;
    }
    return (long)have;
}

int write_at(int fd, const void *bytes, size_t len, uint64_t offset) {
    for (size_t done = 0; done < len;) {
        ssize_t n = pwrite(fd, (const uint8_t *)bytes + done, len - done, (off_t)(offset + done));
        if (n < 0 && errno != EINTR)
            return -errno;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int settle_file(int folder, int fd, const char *temporary, const char *name) {
    if (fsync(fd) != 0)
        return -errno;
    int rc = renameat2(folder, temporary, folder, name, RENAME_NOREPLACE);
    if (rc != 0 && (errno == EINVAL || errno == ENOSYS)) { /* a file system without it */
        rc = linkat(folder, temporary, folder, name, 0);
        if (rc == 0)
            rc = unlinkat(folder, temporary, 0);
    }
    if (rc != 0 || fsync(folder) != 0)
        return -errno;
    return 0;
}
