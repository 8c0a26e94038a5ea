/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/handshake.h"

#include "base/reader.h"
#include "base/utf8.h"

#include <string.h>

const uint8_t seal__magic[SEAL__MAGIC] = {'s', 'e', 'a', 'l', 'r', 'p', 'c', 0};

enum { MAX_VERSIONS = 16, EXTENSION_CRITICAL = 0x8000, KNOWN_FLAGS = SEAL__HELLO_ONE_WAY };

static void put_common(seal__buf *out, const seal__hello *hello) {
    seal__buf_put(out, hello->random, SEAL__RANDOM);
    seal__buf_put(out, hello->instance, SEAL__INSTANCE_ID);
    seal__buf_put(out, hello->share, SEAL__SHARE);
    seal__buf_put_u8(out, hello->mechanism);
    seal__buf_put_u8(out, hello->flags);
    seal__buf_put_u8(out, hello->level);
}

void seal__put_client_hello(seal__buf *out, const seal__hello *hello) {
    seal__buf_put(out, seal__magic, SEAL__MAGIC);
    seal__buf_put_u8(out, 1);
    seal__buf_put_u16(out, SEAL__VERSION);
    put_common(out, hello);
    seal__buf_put_u8(out, (uint8_t)hello->n_suites);
    seal__buf_put(out, hello->suites, hello->n_suites);
    seal__buf_put_u16(out, (uint16_t)hello->target_len);
    seal__buf_put(out, hello->target, hello->target_len);
    seal__buf_put_u16(out, 0);
}

void seal__put_server_hello(seal__buf *out, const seal__hello *hello) {
    seal__buf_put(out, seal__magic, SEAL__MAGIC);
    seal__buf_put_u16(out, SEAL__VERSION);
    put_common(out, hello);
    seal__buf_put_u8(out, hello->suites[0]);
    seal__buf_put_u16(out, 0);
}

static bool get_magic(seal__reader *r) {
    const uint8_t *magic = seal__read_bytes(r, SEAL__MAGIC);
    return magic != NULL && memcmp(magic, seal__magic, SEAL__MAGIC) == 0;
}

static void get_common(seal__reader *r, seal__hello *hello) {
    hello->random = seal__read_bytes(r, SEAL__RANDOM);
    hello->instance = seal__read_bytes(r, SEAL__INSTANCE_ID);
    hello->share = seal__read_bytes(r, SEAL__SHARE);
    hello->mechanism = seal__read_u8(r);
    hello->flags = seal__read_u8(r);
    hello->level = seal__read_u8(r);
}

static bool get_versions(seal__reader *r, seal__hello *hello) {
    size_t n = seal__read_u8(r);
    if (n == 0 || n > MAX_VERSIONS)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (seal__read_u16(r) == SEAL__VERSION)
            hello->has_version = true;
    }
    return seal__reader_ok(r);
}

static bool get_suites(seal__reader *r, seal__hello *hello) {
    size_t n = seal__read_u8(r);
    if (n == 0 || n > sizeof hello->suites)
        return false;
    for (size_t i = 0; i < n; i++) {
        hello->suites[i] = seal__read_u8(r);
        if (memchr(hello->suites, hello->suites[i], i) != NULL)
            return false;
    }
    hello->n_suites = n;
    return seal__reader_ok(r);
}

/* Types in ascending order, so that none comes twice. None is known yet: ignorable ones are
 * skipped, critical ones make the message unacceptable. */
static bool get_extensions(seal__reader *r) {
    size_t total = seal__read_u16(r);
    if (!seal__reader_ok(r) || total != r->left)
        return false;
    int previous = -1;
    while (r->left > 0) {
        uint16_t type = seal__read_u16(r);
        seal__read_bytes(r, seal__read_u16(r));
        if (!seal__reader_ok(r) || type <= previous || (type & EXTENSION_CRITICAL) != 0)
            return false;
        previous = type;
    }
    return true;
}

bool seal__target_is_valid(const uint8_t *target, size_t len) {
    if (len == 0 || len > SEAL__TARGET_MAX)
        return false;
    for (size_t i = 0; i < len;) {
        size_t n = seal__utf8_character(target + i, len - i);
        if (n == 0 || target[i] < 0x20 || target[i] == 0x7f)
            return false;
        i += n;
    }
    return true;
}

bool seal__get_client_hello(const uint8_t *body, size_t len, seal__hello *ret_hello) {
    seal__reader r;
    *ret_hello = (seal__hello){0};
    seal__reader_init(&r, body, len);
    if (!get_magic(&r) || !get_versions(&r, ret_hello))
        return false;
    if (!ret_hello->has_version)
        return true; /* the rest may have any form */
    get_common(&r, ret_hello);
    if (!get_suites(&r, ret_hello))
        return false;
    ret_hello->target_len = seal__read_u16(&r);
    ret_hello->target = seal__read_bytes(&r, ret_hello->target_len);
    return seal__reader_ok(&r) && seal__target_is_valid(ret_hello->target, ret_hello->target_len) &&
           (ret_hello->flags & ~KNOWN_FLAGS) == 0 && get_extensions(&r);
}

bool seal__get_server_hello(const uint8_t *body, size_t len, seal__hello *ret_hello) {
    seal__reader r;
    *ret_hello = (seal__hello){0};
    seal__reader_init(&r, body, len);
    if (!get_magic(&r))
        return false;
    ret_hello->has_version = seal__read_u16(&r) == SEAL__VERSION;
    get_common(&r, ret_hello);
    ret_hello->suites[0] = seal__read_u8(&r);
    ret_hello->n_suites = 1;
    return seal__reader_ok(&r) && (ret_hello->flags & ~KNOWN_FLAGS) == 0 && get_extensions(&r);
}

void seal__put_alert(seal__buf *out, uint16_t code, const seal__buf *error_token) {
    size_t len =
        error_token != NULL && error_token->len <= SEAL__ALERT_MAX - 2 ? error_token->len : 0;
    uint8_t header[SEAL__RECORD_HEADER];
    seal__store_u24(header, (uint32_t)(len + 2));
    header[3] = SEAL__ALERT;
    seal__buf_put(out, header, sizeof header);
    seal__buf_put_u16(out, code);
    if (len > 0)
        seal__buf_put(out, error_token->data, len);
}
