/* SPDX-License-Identifier: Apache-2.0 */
/* Our own generated files. */
#ifndef CODEGEN_EMIT_H
#define CODEGEN_EMIT_H

#include "model.h"
#include "printer.h"

/* The layout of gen.h that the output is for. */
enum { EMIT_ABI = 1 };

void emit_header(const model *m, const file *f, printer *out);
void emit_source(const model *m, const file *f, printer *out);

/* ---- What both need ---- */

/* The first lines: generator, source, do not edit. */
void emit_banner(const file *f, printer *out);

typedef enum stub {
    STUB_REGISTER,
    STUB_REPLY,
    STUB_CHANNEL_NEW,
    STUB_CALL,
    STUB_SYNC,
    STUB_DONE, /* not a function but the type of a callback */
    STUB_INVOKE,
    STUB_DELIVER
} stub;

/* Writes "ATTRIBUTES RETURN NAME(PARAMETERS)END" and a newline. me is NULL for stubs of a service.
 */
void emit_signature(printer *out, const service *s, const method *me, stub which,
                    const char *attributes, const char *end);

#endif
