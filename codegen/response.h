/* SPDX-License-Identifier: Apache-2.0 */
/* The files made so far, and the CodeGeneratorResponse they become. */
#ifndef CODEGEN_RESPONSE_H
#define CODEGEN_RESPONSE_H

#include "memory.h"
#include "printer.h"

typedef struct response {
    printer files; /* encoded file fields of the response */
    size_t count;
} response;

void response_done(response *r);

void response_add(response *r, const char *name, const printer *content);

/* Writes a response with the files, or with nothing but an error. */
void response_write(const response *r, printer *out);
void response_write_error(const char *text, size_t len, printer *out);

#endif
