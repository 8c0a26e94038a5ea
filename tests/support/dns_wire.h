/* SPDX-License-Identifier: Apache-2.0 */
/* Replies of DNS, written by hand. */
#ifndef SEAL_TESTS_NAMING_DNS_WIRE_H
#define SEAL_TESTS_NAMING_DNS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WIRE_CNAME = 5, WIRE_TXT = 16, WIRE_SRV = 33 };

typedef struct wire {
    uint8_t bytes[65535];
    size_t len;
    unsigned answers;
} wire;

/* A header that says "response" with this code, and the question for SRV records of `name`. */
void wire_begin(wire *w, unsigned rcode, const char *name);
/* Ready to be sent: the number of answers is set. */
void wire_end(wire *w);

void wire_u8(wire *w, unsigned value);
void wire_u16(wire *w, unsigned value);
void wire_u32(wire *w, uint32_t value);
void wire_bytes(wire *w, const void *bytes, size_t len);
/* "a.b"; "": the root. */
void wire_name(wire *w, const char *name);
/* A pointer to a place in the message. The question's name is at 12. */
void wire_pointer(wire *w, unsigned at);

/* Begins an answer; wire_data_end sets the length of its data. Returns where that begins. */
size_t wire_answer(wire *w, const char *owner, unsigned type, uint32_t ttl);
void wire_data_end(wire *w, size_t data);
void wire_srv(wire *w, const char *owner, uint32_t ttl, unsigned priority, unsigned weight,
              unsigned port, const char *target);
void wire_cname(wire *w, const char *owner, uint32_t ttl, const char *target);

#endif
