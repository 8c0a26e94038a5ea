/* SPDX-License-Identifier: Apache-2.0 */
/* Texts for people that cross the wire: status and GOAWAY messages. */
#ifndef SEAL_WIRE_TEXT_H
#define SEAL_WIRE_TEXT_H

#include "wire/frame.h"

/* How many bytes of `text` to send: at most SEAL__TEXT_MAX, not ending inside a character. NULL: 0.
 */
size_t seal__text_send_len(const char *text);

/* Copies a received text, at most SEAL__TEXT_MAX bytes. Control characters but tab, CR and LF
 * become spaces, and bytes that are not UTF-8 become '?'. It may have several lines; the log and
 * errors make one of them. `to` has room for one byte more, the NUL. */
void seal__text_receive(const uint8_t *text, size_t len, char *to);

#endif
