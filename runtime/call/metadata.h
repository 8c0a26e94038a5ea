/* SPDX-License-Identifier: Apache-2.0 */
/* The object behind seal_metadata, and its way from and to the block that travels. */
#ifndef SEAL_CALL_METADATA_H
#define SEAL_CALL_METADATA_H

#include <sealrpc/metadata.h>

#include "base/alloc.h"

/* The empty list that stands for none. Static. */
const seal_metadata *seal__metadata_none(void);

/* A list from a block that has been checked (wire/metadata.h). Immutable for its holder. Returns 0
 * or SEAL_ERROR_NO_MEMORY. */
int seal__metadata_from_block(const seal_allocator *alloc, seal_bytes block,
                              seal_metadata **ret_metadata);
/* A copy; NULL stays empty. */
int seal__metadata_copy(const seal_allocator *alloc, const seal_metadata *from,
                        seal_metadata **ret_metadata);

/* Size of the block, 0 for none; and the block itself. metadata may be NULL. */
size_t seal__metadata_block_size(const seal_metadata *metadata);
void seal__metadata_write_block(const seal_metadata *metadata, uint8_t *at);
/* Both, in memory of its own: *ret_block is NULL where there is nothing. */
int seal__metadata_pack(const seal_allocator *alloc, const seal_metadata *metadata,
                        uint8_t **ret_block, size_t *ret_len);

#endif
