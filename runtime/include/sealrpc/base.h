/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What every other header needs: export macros, byte views, the allocator, the log hook, protection
 * levels and suites.
 */
#ifndef SEALRPC_BASE_H
#define SEALRPC_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sealrpc/version.h>

#if defined(__GNUC__)
#define SEAL_API __attribute__((visibility("default")))
#define SEAL_MUST_USE __attribute__((warn_unused_result))
#define SEAL_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#else
#define SEAL_API
#define SEAL_MUST_USE
#define SEAL_PRINTF(fmt, first)
#endif

#ifdef __cplusplus
#define SEAL_BEGIN_DECLS extern "C" {
#define SEAL_END_DECLS }
#else
#define SEAL_BEGIN_DECLS
#define SEAL_END_DECLS
#endif

SEAL_BEGIN_DECLS

/** Where a time in milliseconds is asked for: never. */
#define SEAL_NEVER UINT32_MAX

/** Where a number of messages is asked for: all that there will be. */
#define SEAL_READ_ALL UINT32_MAX

/** A borrowed view of @c len bytes. @c data may be NULL only when @c len is 0. */
typedef struct seal_bytes {
    const uint8_t *data;
    size_t len;
} seal_bytes;

/**
 * Protection of every byte after the handshake. There is no third level and no "none": 0 is not a
 * level, and where an option is 0 the default applies, which is SEAL_LEVEL_PRIVACY.
 */
typedef enum seal_level {
    SEAL_LEVEL_INTEGRITY = 1, /**< readable on the wire, any change is detected */
    SEAL_LEVEL_PRIVACY = 2    /**< encrypted, any change is detected */
} seal_level;

/** How records are protected (docs/protocol.md, "Suites"). 0 is not a suite. */
typedef enum seal_suite {
    SEAL_SUITE_AES256_GCM = 1,
    SEAL_SUITE_AES128_GCM = 2,
    SEAL_SUITE_CHACHA20_POLY1305 = 3,
    SEAL_SUITE_GSS =
        4 /**< the mechanism's own gss_wrap; slower, for sites whose policy asks for it */
} seal_suite;

/** Which GSSAPI mechanism proves who is who. 0 is not a mechanism; the default is krb5. */
typedef enum seal_mechanism {
    SEAL_MECHANISM_KRB5 = 1,
    SEAL_MECHANISM_SPNEGO = 2, /**< negotiates, and is allowed to choose krb5 only */
    SEAL_MECHANISM_NTLM = 3    /**< one-way: refused unless both ends set allow_one_way */
} seal_mechanism;

/** Returns "privacy" or "integrity"; "?" for any other value. Thread-safe. Static string. */
SEAL_API const char *seal_level_name(seal_level level);

/** Returns "aes256-gcm", "aes128-gcm", "chacha20-poly1305" or "gss"; "?" for any other value.
 *  Thread-safe. Static string. */
SEAL_API const char *seal_suite_name(seal_suite suite);

/** Returns "krb5", "spnego" or "ntlm"; "?" for any other value. Thread-safe. Static string. */
SEAL_API const char *seal_mechanism_name(seal_mechanism mechanism);

/**
 * Memory of a runtime and of everything made from it. Both functions are called from any thread.
 *
 * @c resize returns a block of at least @c size bytes aligned for any type, holding the first bytes
 * of @c ptr (which may be NULL), or NULL, and then @c ptr is untouched. @c size is never 0.
 * @c release frees a block; @c ptr may be NULL. Memory inside libuv, libkrb5 and OpenSSL is theirs
 * and does not pass through here.
 */
typedef struct seal_allocator {
    void *(*resize)(void *user, void *ptr, size_t size);
    void (*release)(void *user, void *ptr);
    void *user;
} seal_allocator;

typedef enum seal_log_level {
    SEAL_LOG_ERROR = 1, /**< something is broken and somebody must act */
    SEAL_LOG_WARNING = 2,
    SEAL_LOG_INFO = 3, /**< started, listening, stopped */
    SEAL_LOG_DEBUG = 4 /**< anything that is also returned to the caller */
} seal_log_level;

/**
 * Receives one line of log, without a newline, never with secrets, tokens or payload in it.
 * @c line is borrowed until the function returns. Called on any of the runtime's threads; it must
 * not call sealrpc functions. Lines caused by peers are limited to 10 a second for each cause.
 */
typedef void seal_log_fn(void *user, seal_log_level level, const char *line);

/** A ready-made seal_log_fn: writes "sealrpc: LEVEL: line" to standard error. Ignores DEBUG lines
 *  unless @c user is non-NULL. Thread-safe. */
SEAL_API void seal_log_to_stderr(void *user, seal_log_level level, const char *line);

SEAL_END_DECLS

#endif
