/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with the .proto files: lines "file: Service.Method: problem; remedy". */
#ifndef CODEGEN_PROBLEMS_H
#define CODEGEN_PROBLEMS_H

#include "printer.h"

enum { PROBLEMS_SHOWN = 20 };

typedef struct problems {
    printer text; /* lines joined by newlines */
    size_t count;
} problems;

void problems_done(problems *list);

/* subject may be NULL: then the problem is the file's. */
void problems_add(problems *list, const char *file, const char *subject, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
