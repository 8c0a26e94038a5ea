/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Errors of functions. (How a call ended is a status: see result.h.)
 *
 * A fallible function returns 0 or a negative code from the list below, and where its last
 * parameter is `seal_error **reterr_error` it also stores an error object there, if that is not
 * NULL. The object's message is one line: what failed, with the facts (principal, file, seconds),
 * and what to do about it. On success the parameter is not touched. There is no "last error".
 */
#ifndef SEALRPC_ERROR_H
#define SEALRPC_ERROR_H

#include <sealrpc/base.h>

SEAL_BEGIN_DECLS

/**
 * The codes: X(name, number, text). Numbers are never reused. Ranges: -1xx the caller's mistake,
 * -2xx transport, -3xx security, -4xx the peer broke the protocol, -6xx limits and encoding,
 * -9xx resources.
 */
#define SEAL_ERROR_MAP(X)                                                                          \
    X(INVALID, -101, "invalid argument")                                                           \
    X(STATE, -102, "not possible in this state")                                                   \
    X(WRONG_THREAD, -103, "called on the wrong thread")                                            \
    X(ALREADY, -104, "already done")                                                               \
    X(AGAIN, -105, "would have to wait")                                                           \
    X(TRANSPORT, -201, "network error")                                                            \
    X(ADDRESS, -202, "address cannot be used")                                                     \
    X(CONNECT, -203, "cannot connect")                                                             \
    X(CLOSED, -204, "connection closed by the peer")                                               \
    X(TRUNCATED, -205, "connection ended without an authenticated close")                          \
    X(TIMEOUT, -206, "time is up")                                                                 \
    X(CANCELLED, -207, "cancelled")                                                                \
    X(DNS, -208, "DNS query failed")                                                               \
    X(DIRECTORY, -209, "directory cannot be used")                                                 \
    X(NOT_FOUND, -210, "not found")                                                                \
    X(CREDENTIALS, -301, "no usable credentials")                                                  \
    X(KEYTAB, -302, "keytab cannot be used")                                                       \
    X(CREDENTIALS_EXPIRED, -303, "credentials have expired")                                       \
    X(CLOCK_SKEW, -304, "clocks differ too much")                                                  \
    X(UNKNOWN_SERVICE, -305, "service principal is not registered")                                \
    X(KDC_UNREACHABLE, -306, "KDC cannot be reached")                                              \
    X(KERBEROS_CONFIG, -307, "Kerberos configuration problem")                                     \
    X(PEER_REFUSED, -308, "the peer refused the handshake")                                        \
    X(AUTHENTICATION, -309, "authentication failed")                                               \
    X(NOT_MUTUAL, -310, "mechanism did not authenticate both ends")                                \
    X(PROTECTION, -311, "no acceptable suite, level or mechanism")                                 \
    X(TAMPERED, -312, "bytes were changed on the way")                                             \
    X(CONTEXT_EXPIRED, -313, "security context has expired")                                       \
    X(KEY_VERSION, -314, "key version does not match")                                             \
    X(WRONG_TARGET, -315, "ticket is for another service")                                         \
    X(DIRECTORY_UNTRUSTED, -316, "directory did not prove itself")                                 \
    X(DIRECTORY_DENIED, -317, "directory denies the right")                                        \
    X(SPN_OWNER, -318, "service principal belongs to another account")                             \
    X(SPN_DUPLICATE, -319, "service principal is registered more than once")                       \
    X(PROTOCOL, -401, "the peer broke the protocol")                                               \
    X(NOT_SEALRPC, -402, "the peer does not speak sealrpc")                                        \
    X(VERSION, -403, "no common protocol version")                                                 \
    X(TOO_BIG, -601, "larger than the limit")                                                      \
    X(MALFORMED, -602, "cannot be decoded")                                                        \
    X(TOO_MANY, -603, "limit on the number reached")                                               \
    X(NO_MEMORY, -901, "out of memory")                                                            \
    X(SYSTEM, -902, "system call failed")                                                          \
    X(INTERNAL, -903, "internal error")

typedef enum seal_error_code {
    SEAL_OK = 0,
#define SEAL_X(name, number, text) SEAL_ERROR_##name = (number),
    SEAL_ERROR_MAP(SEAL_X)
#undef SEAL_X
} seal_error_code;

/** Error object: a code and a message. Immutable; may be read on any thread, one at a time. */
typedef struct seal_error seal_error;

/** Returns the code, never SEAL_OK; SEAL_OK when @p error is NULL. */
SEAL_API seal_error_code seal_error_get_code(const seal_error *error);

/** Returns the one-line message, never NULL, borrowed from @p error; "no error" when it is NULL. */
SEAL_API const char *seal_error_message(const seal_error *error);

/** Frees @p error. NULL is allowed. Out of memory is a static object, freeing it does nothing. */
SEAL_API void seal_error_free(seal_error *error);

/** Returns the name of a code, such as "SEAL_ERROR_KEYTAB"; "?" for an unknown number. Static. */
SEAL_API const char *seal_error_code_name(int code);

/** Returns the text of a code, such as "keytab cannot be used"; "?" for an unknown number. Static.
 */
SEAL_API const char *seal_error_code_text(int code);

SEAL_END_DECLS

#endif
