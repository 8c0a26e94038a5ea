/* SPDX-License-Identifier: Apache-2.0 */
/* Comments of the .proto file as comments in C. */
#ifndef CODEGEN_COMMENTS_H
#define CODEGEN_COMMENTS_H

#include "model.h"
#include "printer.h"

/* Fills in the comments of a file, its services and their methods. */
void comments_attach(file *f);

/* Writes the lines of a comment, each behind " * ", made harmless: it cannot end the comment,
 * splice lines, form trigraphs, start Doxygen commands or change the direction of text. Writes
 * nothing for NULL or an empty one. */
void comments_print(printer *out, const char *text);

/* Appends one line of len bytes, made harmless in the same way. */
void comments_print_line(printer *out, const char *line, size_t len);

/* Copies a line of a comment that protoc-gen-c wrote, without what makes compilers warn: trigraphs,
 * bytes that are not UTF-8, and characters that change the direction of text. */
void comments_print_verbatim(printer *out, const char *line, size_t len);

#endif
