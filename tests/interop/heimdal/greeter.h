/* SPDX-License-Identifier: Apache-2.0 */
/* The two messages of examples/greeter/greeter.proto, encoded by hand: each has one field, a string
 * with the number 1. */
#ifndef SEAL_INTEROP_GREETER_H
#define SEAL_INTEROP_GREETER_H

#include <stddef.h>
#include <stdint.h>

#define GREETER_METHOD "demo.Greeter/SayHello"

/* The size of the message with this text, and the message itself: a seal__pack_fn. */
size_t greeter_size(const char *text);
void greeter_pack(const void *text, uint8_t *at);
/* The text of a message, to be freed; NULL when it is no such message, or the text not UTF-8.
 * Unknown fields are skipped. */
char *greeter_unpack(const uint8_t *message, size_t len);

#endif
