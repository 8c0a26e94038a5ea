/* SPDX-License-Identifier: Apache-2.0 */
/* The whole generator: a request in, a response out. */
#ifndef CODEGEN_GENERATE_H
#define CODEGEN_GENERATE_H

#include "child.h"
#include "printer.h"
#include "wire.h"

/* Writes an encoded CodeGeneratorResponse to out. What is wrong with the .proto files is in the
 * response. Returns NULL, or why there is no response at all: the request is broken. That text is
 * appended to scratch. run makes the .pb-c files; child_run but in tests. */
const char *generate(wire_view request, child_run_fn *run, printer *out, pool *scratch);

#endif
