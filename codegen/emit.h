/* SPDX-License-Identifier: Apache-2.0 */
/* Our own generated files. */
#ifndef CODEGEN_EMIT_H
#define CODEGEN_EMIT_H

#include "model.h"
#include "printer.h"
#include "stubs.h"

/* The layout of gen.h that the output is for. */
enum { EMIT_ABI = 2 };

void emit_header(const model *m, const file *f, printer *out);
void emit_source(const model *m, const file *f, printer *out);

/* ---- What both need ---- */

/* The first lines: generator, source, do not edit. */
void emit_banner(const file *f, printer *out);

/* Writes "ATTRIBUTES RETURN NAME(PARAMETERS)END" and a newline. me is NULL for stubs of a service.
 */
void emit_signature(printer *out, const service *s, const method *me, stub which,
                    const char *attributes, const char *end);

/* ---- Parts of the header: what is said of a service and of each of its methods. ---- */

/* The comments of the .proto file, as paragraphs of a comment that is open. */
void emit_comments(printer *out, const char *leading, const char *trailing);
void emit_deprecated(printer *out, bool deprecated);
void emit_server(const service *s, printer *out);
void emit_client(const service *s, printer *out);

/* ---- Parts of the source: the stubs of a method that are functions. ---- */

void emit_function(const service *s, size_t index, stub which, printer *out);

#endif
