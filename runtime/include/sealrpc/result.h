/* SPDX-License-Identifier: Apache-2.0 */
/** @file How a call ended: status code, execution state, message, and what was received. */
#ifndef SEALRPC_RESULT_H
#define SEALRPC_RESULT_H

#include <sealrpc/error.h>
#include <sealrpc/metadata.h>
#include <sealrpc/peer.h>

SEAL_BEGIN_DECLS

/** Status codes, with the names and numbers of gRPC. */
#define SEAL_STATUS_MAP(X)                                                                         \
    X(OK, 0)                                                                                       \
    X(CANCELLED, 1)                                                                                \
    X(UNKNOWN, 2)                                                                                  \
    X(INVALID_ARGUMENT, 3)                                                                         \
    X(DEADLINE_EXCEEDED, 4)                                                                        \
    X(NOT_FOUND, 5)                                                                                \
    X(ALREADY_EXISTS, 6)                                                                           \
    X(PERMISSION_DENIED, 7)                                                                        \
    X(RESOURCE_EXHAUSTED, 8)                                                                       \
    X(FAILED_PRECONDITION, 9)                                                                      \
    X(ABORTED, 10)                                                                                 \
    X(OUT_OF_RANGE, 11)                                                                            \
    X(UNIMPLEMENTED, 12)                                                                           \
    X(INTERNAL, 13)                                                                                \
    X(UNAVAILABLE, 14)                                                                             \
    X(DATA_LOSS, 15)                                                                               \
    X(UNAUTHENTICATED, 16)

typedef enum seal_status {
#define SEAL_X(name, number) SEAL_STATUS_##name = (number),
    SEAL_STATUS_MAP(SEAL_X)
#undef SEAL_X
} seal_status;

/** Whether the server's handler ran. Every status that is not OK carries one of these. */
typedef enum seal_execution {
    SEAL_EXECUTION_UNKNOWN =
        0, /**< the connection, the deadline or a cancel ended it; it may have run */
    SEAL_NOT_EXECUTED = 1, /**< it certainly did not run: safe to try again */
    SEAL_EXECUTED = 2      /**< a handler produced this status */
} seal_execution;

/** Returns "OK", "CANCELLED", ...; "?" for an unknown number. Static string. Thread-safe. */
SEAL_API const char *seal_status_name(seal_status status);

/** Returns "unknown", "not executed" or "executed". Static string. Thread-safe. */
SEAL_API const char *seal_execution_name(seal_execution execution);

/**
 * The outcome of one client call. It owns the reply message and everything its accessors return.
 * Immutable. A done callback borrows it until it returns; seal_result_ref keeps it longer.
 */
typedef struct seal_result seal_result;

SEAL_API seal_status seal_result_status(const seal_result *result);
SEAL_API seal_execution seal_result_execution(const seal_result *result);

/** Returns the cause where the status came from this end (a code of error.h), SEAL_OK where the
 * peer sent it. The status of a cause: UNAVAILABLE where nothing could be reached, asked or found
 * (also SEAL_ERROR_DNS, _DIRECTORY, _NOT_FOUND and _KDC_UNREACHABLE); UNAUTHENTICATED where
 * somebody could not prove to be the right one (also SEAL_ERROR_DIRECTORY_UNTRUSTED, _SPN_OWNER and
 * _SPN_DUPLICATE); PERMISSION_DENIED for SEAL_ERROR_DIRECTORY_DENIED; INVALID_ARGUMENT for
 * SEAL_ERROR_INVALID; FAILED_PRECONDITION for SEAL_ERROR_STATE; RESOURCE_EXHAUSTED for
 * SEAL_ERROR_NO_MEMORY, _TOO_MANY and _TOO_BIG; INTERNAL for SEAL_ERROR_INTERNAL and _PROTOCOL. */
SEAL_API seal_error_code seal_result_cause(const seal_result *result);

/** Returns a text for people: facts and remedy. "" when the status is OK. Never NULL. One line
 * where the status came from this end; what a handler said comes as it was, in UTF-8, line breaks
 * included (other control characters are replaced). */
SEAL_API const char *seal_result_message(const seal_result *result);

/** Returns the reply, a protobuf-c message, or NULL when the status is not OK. Generated stubs hand
 *  it out typed. Valid until the result's last reference is gone. Never free it with protobuf-c. */
SEAL_API const void *seal_result_reply(const seal_result *result);

/** Returns the metadata that the server sent before its first message. Never NULL; valid as long as
 * the result. */
SEAL_API const seal_metadata *seal_result_initial_metadata(const seal_result *result);

/** Returns the metadata that the server sent with the status. Never NULL; valid as long as the
 * result. Without it where the status comes from this end. */
SEAL_API const seal_metadata *seal_result_trailing_metadata(const seal_result *result);

/** Returns how many details the server gave with a status that is not OK: messages of any type,
 * wrapped as google.protobuf.Any, as gRPC's richer error model has them. */
SEAL_API size_t seal_result_detail_count(const seal_result *result);

/** Returns the full type name of a detail, such as "google.rpc.RetryInfo" (what follows the last
 * '/' of the Any's type_url); "" where there is none at @p index. Valid as long as the result. */
SEAL_API const char *seal_result_detail_type(const seal_result *result, size_t index);

/** Returns the encoded message of a detail. Valid as long as the result. Decode it with
 * protobuf-c's unpack function of its type. */
SEAL_API seal_bytes seal_result_detail_value(const seal_result *result, size_t index);

/** Returns how many times the call was handed to a server, 0 when it never was. */
SEAL_API uint32_t seal_result_attempts(const seal_result *result);

/** Returns the authenticated server, or NULL when the call failed before a connection was there. */
SEAL_API const seal_peer *seal_result_peer(const seal_result *result);

/** Adds a reference and returns @p result. Thread-safe. */
SEAL_API seal_result *seal_result_ref(const seal_result *result);

/** Drops a reference; the last one frees the reply too. NULL is allowed. Thread-safe. */
SEAL_API void seal_result_free(seal_result *result);

SEAL_END_DECLS

#endif
