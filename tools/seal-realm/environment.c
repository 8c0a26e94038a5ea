/* SPDX-License-Identifier: Apache-2.0 */
#include "environment.h"

#include "realm.h"
#include "text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct variable {
    const char *name;
    const char *type; /* before the path */
    const char *file; /* in the folder; NULL: the folder itself */
    bool optional;    /* unset unless the file exists */
};

static const struct variable variables[] = {
    {"KRB5_CONFIG", "", REALM_KRB5_CONF, false},
    {"KRB5_KDC_PROFILE", "", REALM_KDC_CONF, false},
    {"KRB5CCNAME", "FILE:", REALM_CCACHE, false},
    {"KRB5_KTNAME", "FILE:", REALM_SERVICE_KEYTAB, false},
    {"KRB5_CLIENT_KTNAME", "FILE:", REALM_CLIENT_KEYTAB, true},
    {"KRB5RCACHENAME", "file2:", REALM_RCACHE, false},
    {"SEAL_REALM_DIR", "", NULL, false},
};

enum { VARIABLE_COUNT = sizeof variables / sizeof variables[0] };

/* On the heap; NULL when the variable is to be unset. */
static char *value_of(const struct variable *variable, const char *folder) {
    char *path = variable->file == NULL ? text_format("%s", folder)
                                        : text_format("%s/%s", folder, variable->file);
    char *value = NULL;
    if (!variable->optional || access(path, F_OK) == 0)
        value = text_format("%s%s", variable->type, path);
    free(path);
    return value;
}

void environment_enter(const char *folder) {
    for (size_t i = 0; i < VARIABLE_COUNT; i++) {
        char *value = value_of(&variables[i], folder);
        if (value != NULL)
            setenv(variables[i].name, value, 1);
        else
            unsetenv(variables[i].name);
        free(value);
    }
}

static void print_quoted(const char *value) {
    putchar('\'');
    for (; *value != '\0'; value++) {
        if (*value == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*value);
    }
    putchar('\'');
}

void environment_print(const char *folder) {
    for (size_t i = 0; i < VARIABLE_COUNT; i++) {
        char *value = value_of(&variables[i], folder);
        if (value != NULL) {
            printf("export %s=", variables[i].name);
            print_quoted(value);
            putchar('\n');
        } else {
            printf("unset %s\n", variables[i].name);
        }
        free(value);
    }
}
