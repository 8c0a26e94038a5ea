/* SPDX-License-Identifier: Apache-2.0 */
/* The request that protoc-gen-c gets instead of ours.
 *
 * Services and extensions are left out (it would make stubs of the former and has nothing for the
 * latter), and so are imports that only they needed. Fields and oneofs get the names that
 * check_members chose. Fields of proto3 that are optional lose that mark, which it refuses.
 *
 * Files that have such fields are handed over in a second request, in which every proto3 file says
 * that it is proto2: there "optional" fields have has_ members. Fields without presence become
 * required ones, which have no has_ member either; fixup_copy makes them fields without presence
 * again in what protoc-gen-c writes. */
#ifndef CODEGEN_REWRITE_H
#define CODEGEN_REWRITE_H

#include "model.h"
#include "printer.h"
#include "wire.h"

/* Writes the request for the files to generate that have proto3 optional fields (presence), or for
 * all the others. */
void rewrite_request(const model *m, wire_view request, bool presence, printer *out);

/* Whether a field of a proto3 file has no presence and is handed over as required. */
bool rewrite_is_implicit(const message *msg, const field *fld);

/* Whether it is a string too: those get the empty string as default. */
bool rewrite_is_implicit_string(const message *msg, const field *fld);

#endif
