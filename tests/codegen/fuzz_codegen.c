/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to the generator, with a protoc-gen-c that is not run. */
#include <stddef.h>
#include <stdint.h>

#include "generate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *no_child(const char *program, wire_view input, printer *out, pool *p) {
    (void)program;
    (void)input;
    (void)out;
    (void)p;
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    printer out = {0};
    pool scratch = {0};
    generate((wire_view){data, size}, no_child, &out, &scratch);
    printer_done(&out);
    pool_done(&scratch);
    return 0;
}
