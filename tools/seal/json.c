/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include "command.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

json_t *json_need(json_t *value) {
    if (value == NULL) {
        fputs("seal: out of memory\n", stderr);
        exit(STATUS_FAILED);
    }
    return value;
}

json_t *json_text(const char *text) {
    json_t *value = json_string(text);
    if (value != NULL)
        return value;
    char *plain = text_copy(text);
    for (char *p = plain; *p != '\0'; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    value = json_need(json_string(plain));
    text_free(plain);
    return value;
}

void json_put(json_t *object, const char *key, json_t *value) {
    if (json_object_set_new(object, key, value) != 0)
        json_need(NULL);
}

void json_push(json_t *array, json_t *value) {
    if (json_array_append_new(array, value) != 0)
        json_need(NULL);
}

void json_print(json_t *value) {
    json_dumpf(value, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(value);
}
