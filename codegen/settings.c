/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include <string.h>

#include "names.h"

static const char *set_side(settings *s, const char *side, pool *p) {
    bool both = strcmp(side, "both") == 0;
    s->client = both || strcmp(side, "client") == 0;
    s->server = both || strcmp(side, "server") == 0;
    if (s->client || s->server)
        return NULL;
    return pool_printf(p, "option side: '%s' is not a side; write client, server or both", side);
}

static const char *set_prefix(settings *s, const char *prefix, pool *p) {
    s->prefix = prefix;
    if (name_is_identifier(prefix) && prefix[0] != '_' && strstr(prefix, "__") == NULL &&
        strncmp(prefix, "seal_", 5) != 0)
        return NULL;
    return pool_printf(p,
                       "option prefix: '%s' cannot begin a name; write letters, digits and single "
                       "underscores, and not seal_",
                       prefix);
}

static const char *set_option(settings *s, const char *key, const char *value, pool *p) {
    if (strcmp(key, "side") == 0)
        return set_side(s, value, p);
    if (strcmp(key, "prefix") == 0)
        return set_prefix(s, value, p);
    if (strcmp(key, "protoc_gen_c") == 0) {
        s->protoc_gen_c = value;
        return value[0] != '\0' ? NULL : "option protoc_gen_c: no path; write protoc_gen_c=PATH";
    }
    return pool_printf(p, "option '%s' is unknown; there are side, prefix and protoc_gen_c", key);
}

const char *settings_parse(settings *ret_settings, const char *parameter, pool *p) {
    *ret_settings =
        (settings){.client = true, .server = true, .protoc_gen_c = "protoc-gen-c", .prefix = ""};
    while (*parameter != '\0') {
        size_t len = strcspn(parameter, ",");
        char *key = pool_copy(p, parameter, len);
        char *equals = strchr(key, '=');
        const char *value = "";
        if (equals != NULL) {
            *equals = '\0';
            value = equals + 1;
        }
        const char *wrong = key[0] != '\0' ? set_option(ret_settings, key, value, p) : NULL;
        if (wrong != NULL)
            return wrong;
        parameter += len + (parameter[len] == ',');
    }
    return NULL;
}
