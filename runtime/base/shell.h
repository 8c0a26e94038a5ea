/* SPDX-License-Identifier: Apache-2.0 */
/* Names as words of a command that an administrator will paste into a shell. */
#ifndef SEAL_BASE_SHELL_H
#define SEAL_BASE_SHELL_H

#include <stddef.h>

/* `text` as one word, in quotes where it needs them; `instead`, such as "ACCOUNT", where it is
 * empty, does not fit, or has control characters. Never a part of it: that would be another name.
 */
const char *seal__shell_word(const char *text, const char *instead, char *word, size_t size);

#endif
