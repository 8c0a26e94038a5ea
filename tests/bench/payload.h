/* SPDX-License-Identifier: Apache-2.0 */
/* What is in the messages: 8 bytes that number the call, or the message within its stream, in the
 * order of bytes of the machine; then a pattern that is the same in all. */
#ifndef SEAL_BENCH_PAYLOAD_H
#define SEAL_BENCH_PAYLOAD_H

#include <sealrpc/base.h>

SEAL_BEGIN_DECLS

enum { BENCH_MARK = 8 };

void bench_payload_fill(uint8_t *payload, size_t len);
void bench_payload_mark(uint8_t *payload, uint64_t number);
uint64_t bench_payload_number(const uint8_t *payload);
/* Whether it is the message of that length and number. pattern NULL: no other byte is compared. */
bool bench_payload_is(const uint8_t *payload, size_t len, size_t wanted_len, uint64_t number,
                      const uint8_t *pattern);

SEAL_END_DECLS

#endif
