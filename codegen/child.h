/* SPDX-License-Identifier: Apache-2.0 */
/* Another program as a filter. */
#ifndef CODEGEN_CHILD_H
#define CODEGEN_CHILD_H

#include "memory.h"
#include "printer.h"
#include "wire.h"

/* Runs program, found in PATH unless it has a slash, with input as its standard input, and appends
 * what it writes to out. Returns NULL, or in the pool why that failed. */
typedef const char *child_run_fn(const char *program, wire_view input, printer *out, pool *p);

child_run_fn child_run;

#endif
