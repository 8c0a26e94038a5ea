/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Metadata: pairs of key and value that travel beside the messages of a call, from the client with
 * the request, and from the server before its first message (initial) and with the status
 * (trailing). As in gRPC, and sealed like everything else.
 *
 * A key is 1 to 255 of the characters a-z 0-9 - _ . and may stand several times; keys that begin
 * with "seal-" are reserved. A value is printable ASCII without blanks at its ends, or, where the
 * key ends in "-bin", any bytes. All entries together take at most 8 KiB: each its key, its value,
 * and 3 bytes.
 *
 * The keys "traceparent" and "tracestate" are those of W3C Trace Context: see
 * seal_call_traceparent.
 */
#ifndef SEALRPC_METADATA_H
#define SEALRPC_METADATA_H

#include <sealrpc/error.h>

SEAL_BEGIN_DECLS

#define SEAL_METADATA_MAX 8192u

/** A list of entries in the order in which they were added. Not thread-safe while it is changed;
 * one that the library hands out is const, and may be read on any thread. */
typedef struct seal_metadata seal_metadata;

/** One entry. All of it is borrowed from the list and ends with a NUL that is not counted. */
typedef struct seal_metadata_entry {
    const char *key;
    const char *value; /**< bytes where the key ends in "-bin" */
    size_t value_len;
} seal_metadata_entry;

/** Makes an empty list: seal_metadata_free.
 *  @param allocator copied; NULL: malloc.
 *  @return 0 or SEAL_ERROR_NO_MEMORY. */
SEAL_API SEAL_MUST_USE int seal_metadata_new(const seal_allocator *allocator,
                                             seal_metadata **ret_metadata);

/** Frees a list that was made with seal_metadata_new. NULL is allowed. */
SEAL_API void seal_metadata_free(seal_metadata *metadata);

/**
 * Adds an entry.
 * @param key not ending in "-bin". @param value NUL-terminated.
 * @return 0, SEAL_ERROR_INVALID (which character is not allowed), SEAL_ERROR_TOO_BIG (over
 * SEAL_METADATA_MAX in all), SEAL_ERROR_NO_MEMORY. The list is unchanged where it fails.
 */
SEAL_API int seal_metadata_add(seal_metadata *metadata, const char *key, const char *value,
                               seal_error **reterr_error);

/** Adds an entry whose key ends in "-bin". @param bytes @p len of them; NULL only when 0. Errors as
 * with seal_metadata_add. */
SEAL_API int seal_metadata_add_bytes(seal_metadata *metadata, const char *key, const void *bytes,
                                     size_t len, seal_error **reterr_error);

/** Removes all entries of a key; of all keys when it is NULL. */
SEAL_API void seal_metadata_remove(seal_metadata *metadata, const char *key);

/** Returns how many entries there are. NULL has none. */
SEAL_API size_t seal_metadata_count(const seal_metadata *metadata);

/** Reads the entry at @p index, counted from 0. @return false when there is none. */
SEAL_API bool seal_metadata_at(const seal_metadata *metadata, size_t index,
                               seal_metadata_entry *ret_entry);

/** Returns the value of the first entry with the key, NUL-terminated, borrowed; NULL when there is
 * none. @param ret_len NULL, or receives the number of bytes. */
SEAL_API const char *seal_metadata_get(const seal_metadata *metadata, const char *key,
                                       size_t *ret_len);

SEAL_END_DECLS

#endif
