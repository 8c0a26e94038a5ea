/* SPDX-License-Identifier: Apache-2.0 */
/* Words that cannot be the name of a struct member everywhere. */
#ifndef CODEGEN_KEYWORDS_H
#define CODEGEN_KEYWORDS_H

#include <stdbool.h>

/* Words to which protoc-gen-c appends '_' by itself. */
bool keyword_known_to_protobuf_c(const char *word);

/* Lower-case keywords of C and C++, type names of the generated structures, and object-like macros
 * of common headers and compilers. Contains the words above. */
bool keyword_bad_member(const char *word);

/* Names at file scope that standard headers take: types, macros, and the names of protobuf-c. */
bool keyword_bad_type(const char *word);

/* Whether an underscore makes the name a keyword: the tag of enum Bool is _Bool. */
bool keyword_bad_enum(const char *word);

#endif
