/* SPDX-License-Identifier: Apache-2.0 */
/* The .pb-c files, made by protoc-gen-c. */
#ifndef CODEGEN_MESSAGES_H
#define CODEGEN_MESSAGES_H

#include "child.h"
#include "model.h"
#include "response.h"

/* Adds x.pb-c.h and x.pb-c.c of each file to generate, or a problem. */
void messages_add(const model *m, wire_view request, child_run_fn *run, response *r,
                  problems *list);

#endif
