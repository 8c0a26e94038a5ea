/* SPDX-License-Identifier: Apache-2.0 */
/* What a program may put into its metadata, and how to tell it what it may not. */
#ifndef SEAL_CALL_METADATA_RULES_H
#define SEAL_CALL_METADATA_RULES_H

#include "base/error.h"
#include "wire/metadata.h"

/* Whether the entry may join a list whose block takes `used` bytes. binary: it was given as bytes,
 * so its key must end in "-bin"; else it must not. Returns 0, SEAL_ERROR_INVALID or
 * SEAL_ERROR_TOO_BIG, with a message for the programmer. */
int seal__metadata_explain(const seal__metadata_entry *entry, bool binary, size_t used,
                           seal_error **reterr);

#endif
