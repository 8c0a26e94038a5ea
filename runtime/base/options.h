/* SPDX-License-Identifier: Apache-2.0 */
/* Options structures of callers that may be older or newer than this library. */
#ifndef SEAL_BASE_OPTIONS_H
#define SEAL_BASE_OPTIONS_H

#include "base/error.h"

/*
 * Copies a caller's options over the defaults in `to`. Both begin with size_t struct_size. An
 * older, shorter structure leaves the rest at its defaults; a newer, longer one is refused when
 * something in its unknown tail is set. NULL: the defaults. Returns 0 or SEAL_ERROR_INVALID naming
 * the structure.
 */
int seal__options_copy(void *to, size_t size, const void *from, const char *name,
                       seal_error **reterr);

#endif
