/* SPDX-License-Identifier: Apache-2.0 */
/* Text from others on a terminal, and text from a terminal for others. */
#ifndef CHAT_TEXT_H
#define CHAT_TEXT_H

/* Puts '?' for control characters, which could command the terminal, and for every byte that is
 * not UTF-8, which no string of protobuf may have. */
void text_clean(char *text);

#endif
