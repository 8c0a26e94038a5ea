/* SPDX-License-Identifier: Apache-2.0 */
#include "base/options.h"

#include <string.h>

enum { LARGEST = 65536 };

int seal__options_copy(void *to, size_t size, const void *from, const char *name,
                       seal_error **reterr) {
    if (from == NULL)
        return 0;
    size_t given = 0;
    memcpy(&given, from, sizeof given);
    if (given < sizeof given || given > LARGEST)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "%s: struct_size is not set; fill the structure with %s_init", name,
                           name);
    const uint8_t *bytes = from;
    for (size_t i = size; i < given; i++) {
        if (bytes[i] != 0)
            return seal__error(
                reterr, SEAL_ERROR_INVALID,
                "%s: this library (%s) is older than the program and does not know an "
                "option that is set; install a newer one",
                name, SEALRPC_VERSION_STRING);
    }
    memcpy(to, from, given < size ? given : size);
    memcpy(to, &size, sizeof size);
    return 0;
}
