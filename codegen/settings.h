/* SPDX-License-Identifier: Apache-2.0 */
/* What --seal_opt=... says. */
#ifndef CODEGEN_SETTINGS_H
#define CODEGEN_SETTINGS_H

#include <stdbool.h>

#include "memory.h"

typedef struct settings {
    bool client;              /* side=client or side=both (the default) */
    bool server;              /* side=server or side=both */
    const char *protoc_gen_c; /* protoc_gen_c=PATH; "protoc-gen-c" otherwise, found in PATH */
    const char *prefix;       /* prefix=WORD, put before every generated name; "" otherwise */
} settings;

/* Reads a comma-separated list. Returns NULL, or what is wrong, in the pool. */
const char *settings_parse(settings *ret_settings, const char *parameter, pool *p);

#endif
