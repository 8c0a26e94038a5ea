/* SPDX-License-Identifier: Apache-2.0 */
/* Reads an opt.All from standard input and writes it to standard output. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "optional.pb-c.h"

int main(void) {
    static uint8_t input[65536];
    size_t len = fread(input, 1, sizeof input, stdin);
    Opt__All *message = opt__all__unpack(NULL, len, input);
    if (message == NULL)
        return 1;
    size_t packed = opt__all__get_packed_size(message);
    uint8_t *output = malloc(packed + 1);
    if (output == NULL || opt__all__pack(message, output) != packed)
        return 1;
    opt__all__free_unpacked(message, NULL);
    bool written = packed == 0 || fwrite(output, 1, packed, stdout) == packed;
    free(output);
    return written && fflush(stdout) == 0 ? 0 : 1;
}
