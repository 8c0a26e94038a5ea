/* SPDX-License-Identifier: Apache-2.0 */
/* From bytes to a decoded CodeGeneratorRequest. */
#ifndef CODEGEN_REQUEST_H
#define CODEGEN_REQUEST_H

#include "plugin.pb-c.h"
#include "wire.h"

/* Decodes a request. Returns NULL and sets *ret_wrong, a static string, when the bytes are no
 * request that protoc can have written: malformed, nested too deeply, or with NUL in a file name.
 */
Spb__CodeGeneratorRequest *request_decode(wire_view bytes, const char **ret_wrong);

void request_free(Spb__CodeGeneratorRequest *request);

#endif
