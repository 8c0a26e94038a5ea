/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/codec.h"

#define BASE_BUDGET ((size_t)64 << 10)
#define CAP_BUDGET ((size_t)16 << 20)

size_t seal__codec_budget(size_t len) {
    size_t amplified = len > (CAP_BUDGET - BASE_BUDGET) / 8 ? CAP_BUDGET : BASE_BUDGET + 8 * len;
    size_t plain = len > (SIZE_MAX - BASE_BUDGET) / 2 ? SIZE_MAX : BASE_BUDGET + 2 * len;
    return amplified > plain ? amplified : plain;
}
