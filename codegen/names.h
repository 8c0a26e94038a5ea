/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the .proto file to names in C. Results live in the pool. */
#ifndef CODEGEN_NAMES_H
#define CODEGEN_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "memory.h"

/* ---- Ours: lower snake with single underscores. ---- */

/* "demo.v1.Greeter" -> "demo_v1_greeter", "GetHTTPUrl2" -> "get_http_url2", "ListVMs" ->
 * "list_vms". Underscores at the ends go, runs become one. May be "" or begin with a digit. */
char *name_snake(pool *p, const char *name);

/* The slot of a method in the ops structure: its snake name, with '_' appended where that is a word
 * that cannot be a member, or "size", which is the first member, and put before a digit. */
char *name_slot(pool *p, const char *snake);

/* "demo/v1/greeter.proto" -> "SEAL_GEN_DEMO_V1_GREETER_H". Different paths give different guards:
 * one that is not just lower-case letters, digits and '/' gets a hash. */
char *name_guard(pool *p, const char *path);

/* "a/b.proto" -> "a/b" */
char *name_stem(pool *p, const char *path);

/* ---- protobuf-c's: exactly as protoc-gen-c writes them. ---- */

/* full is "demo.v1.HelloRequest"; package "demo.v1"; c_package replaces the package, or is NULL. */
char *name_pbc_type(pool *p, const char *full, const char *package, const char *c_package);
char *name_pbc_lower(pool *p, const char *full, const char *package, const char *c_package);
char *name_pbc_upper(pool *p, const char *full, const char *package, const char *c_package);

/* One part: "GetHTTPUrl2" -> "GET_HTTPURL2" and "get_httpurl2"; "foo_bar" -> "FooBar". */
char *name_pbc_part_upper(pool *p, const char *part);
char *name_pbc_part_lower(pool *p, const char *part);
char *name_pbc_part_camel(pool *p, const char *part);

/* A field: lower case, and '_' appended to the words it knows. */
char *name_pbc_field(pool *p, const char *field);

/* ---- Checks. ---- */

/* A letter or '_', then letters, digits and '_'. */
bool name_is_identifier(const char *name);

/* Identifiers joined by dots. */
bool name_is_full(const char *name);

/* A path that stays below the output directory: relative, without ".." parts, control characters,
 * backslashes, quotes, or '*' and '?', which could end a comment or form a trigraph. */
bool name_is_safe_path(const char *path);

#endif
