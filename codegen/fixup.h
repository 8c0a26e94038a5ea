/* SPDX-License-Identifier: Apache-2.0 */
/* Corrections of what protoc-gen-c wrote.
 *
 * In files with proto3 optional fields: fields that were handed over as required (rewrite.h) get
 * back what proto3 fields without presence have. In all: the initializer of a union that begins
 * with a structure, a oneof with bytes first, gets the braces that compilers ask for; trigraphs are
 * broken up, and characters that change the direction of text replaced. */
#ifndef CODEGEN_FIXUP_H
#define CODEGEN_FIXUP_H

#include "model.h"
#include "printer.h"
#include "wire.h"

/* Copies one generated file of f with the corrections. Returns false when the text is not as
 * expected, so that another protoc-gen-c cannot go wrong unnoticed. */
bool fixup_copy(const file *f, bool header, wire_view text, printer *out);

#endif
