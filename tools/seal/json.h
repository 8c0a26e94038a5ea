/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of --json. Out of memory ends the program, as everywhere in this tool. */
#ifndef SEAL_TOOL_JSON_H
#define SEAL_TOOL_JSON_H

#include <jansson.h>

json_t *json_need(json_t *value);
/* Text from anywhere; what is no UTF-8 has its bytes replaced by '?'. */
json_t *json_text(const char *text);
void json_put(json_t *object, const char *key, json_t *value);
void json_push(json_t *array, json_t *value);
/* Prints and frees. */
void json_print(json_t *value);

#endif
