/* SPDX-License-Identifier: Apache-2.0 */
#include "flow_item.h"

#include <stdlib.h>
#include <string.h>

static uint8_t zeros[256 * 1024];
static char no_text[] = "";

Flow__Item flow_item_with_text(uint32_t number, const char *text, size_t size) {
    Flow__Item item = FLOW__ITEM__INIT;
    if (size > sizeof zeros)
        abort();
    item.number = number;
    item.data.data = zeros;
    item.data.len = size;
    item.text = no_text;
    if (text != NULL)
        memcpy(&item.text, &text, sizeof text);
    return item;
}

Flow__Item flow_item(uint32_t number, size_t size) {
    return flow_item_with_text(number, NULL, size);
}
