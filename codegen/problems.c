/* SPDX-License-Identifier: Apache-2.0 */
#include "problems.h"

#include <stdarg.h>
#include <stdio.h>

#include "memory.h"

void problems_done(problems *list) {
    printer_done(&list->text);
}

void problems_add(problems *list, const char *file, const char *subject, const char *format, ...) {
    list->count++;
    if (list->count > PROBLEMS_SHOWN + 1)
        return;
    if (list->count > 1)
        printer_char(&list->text, '\n');
    if (list->count > PROBLEMS_SHOWN) {
        printer_text(&list->text, "and more problems");
        return;
    }
    printer_add(&list->text, "%s: ", file);
    if (subject != NULL)
        printer_add(&list->text, "%s: ", subject);
    pool scratch = {0};
    va_list args;
    va_start(args, format);
    printer_text(&list->text, pool_vprintf(&scratch, format, args));
    va_end(args);
    pool_done(&scratch);
}
