/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of flow.Flow for the tests of streams. */
#ifndef SEAL_TESTS_INTEGRATION_FLOW_ITEM_H
#define SEAL_TESTS_INTEGRATION_FLOW_ITEM_H

#include <stddef.h>
#include <stdint.h>

#include "flow.seal.h"

/* A message with a number and so many bytes of data; data is static and all zero. */
Flow__Item flow_item(uint32_t number, size_t size);
/* Text NULL: none. It is not copied. */
Flow__Item flow_item_with_text(uint32_t number, const char *text, size_t size);

#endif
