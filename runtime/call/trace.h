/* SPDX-License-Identifier: Apache-2.0 */
/* W3C Trace Context (Recommendation of 23 November 2021), version 00: the value of "traceparent".
 */
#ifndef SEAL_CALL_TRACE_H
#define SEAL_CALL_TRACE_H

#include <sealrpc/base.h>

enum { SEAL__TRACEPARENT = 55, SEAL__SPAN_ID = 8, SEAL__TRACESTATE_MAX = 512 };

/* As section 3.2 says: "00-" 32 hex digits "-" 16 hex digits "-" 2 hex digits, lower case, neither
 * id all zero; of later versions what it has in common. */
bool seal__traceparent_ok(const char *text, size_t len);

/* The value for a call made on behalf of `parent`, which is ok: version 00, same trace, the span id
 * given (which is not all zero), and of the flags "sampled" as it was: the others mean nothing in
 * version 00 and are 0. Writes SEAL__TRACEPARENT bytes and a NUL. */
void seal__traceparent_child(const char *parent, const uint8_t span[SEAL__SPAN_ID],
                             char text[SEAL__TRACEPARENT + 1]);

#endif
