/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of the generator share. */
#ifndef TESTS_CODEGEN_SUPPORT_H
#define TESTS_CODEGEN_SUPPORT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "generate.h"
#include "plugin.pb-c.h"

/* Reads a whole file; fails the test if it cannot. The caller frees the printer. */
void read_file(const char *directory, const char *name, printer *out);

wire_view view_of(const printer *p);

/* A child_run_fn without a child: writes an empty .pb-c.h and .pb-c.c for each file. */
child_run_fn fake_protoc_gen_c;

/* Runs the generator and decodes the response; fails the test when there is none. */
Spb__CodeGeneratorResponse *generate_response(wire_view request, child_run_fn *run);

/* Returns the text of a generated file as a string, or NULL. The caller frees it. */
char *response_file(const Spb__CodeGeneratorResponse *answer, const char *name);

#endif
