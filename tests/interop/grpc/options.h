/* SPDX-License-Identifier: Apache-2.0 */
/* What the two programs have in common: options, and how a connection is protected. */
#ifndef SEAL_INTEROP_GRPC_OPTIONS_H
#define SEAL_INTEROP_GRPC_OPTIONS_H

#include <sealrpc/sealrpc.h>

#define INTEROP_PRINCIPAL "interop/localhost"

/* The floor of protection, and the one suite; 0: the library's defaults. */
typedef struct interop_protection {
    seal_level level;
    seal_suite suite;
} interop_protection;

bool interop_parse_level(const char *text, seal_level *ret_level);
bool interop_parse_suite(const char *text, seal_suite *ret_suite);
/* A decimal number up to `max`. */
bool interop_parse_number(const char *text, uint32_t max, uint32_t *ret_number);

/* Warnings and errors on standard error. A seal_log_fn. */
void interop_log(void *user, seal_log_level level, const char *line);

#endif
