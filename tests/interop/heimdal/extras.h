/* SPDX-License-Identifier: Apache-2.0 */
/* What goes beside the messages of a call (tests/interop/README.md): metadata and details, as they
 * travel. */
#ifndef SEAL_INTEROP_EXTRAS_H
#define SEAL_INTEROP_EXTRAS_H

#include <stdio.h>

#include "base/buf.h"

/* Adds the entry KEY=HEX to a metadata block. False where it is none. */
bool extras_parse(const char *text, seal__buf *block);
/* Adds those entries of a block whose keys begin with the prefix. */
void extras_pick(seal_bytes block, const char *prefix, seal__buf *picked);
/* A line for each entry or detail, "WORD: KEY=HEX". */
void extras_print(FILE *to, const char *word, seal_bytes block);
void extras_print_details(FILE *to, seal_bytes details);

#endif
