/* SPDX-License-Identifier: Apache-2.0 */
#include "environment.h"

#include "text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A path in the folder with something before it. On the heap. */
static char *in_folder(const struct realm *realm, const char *type, const char *file) {
    return text_format("%s%s/%s", type, realm->folder, file);
}

static char *krb5_config(const struct realm *realm) {
    return in_folder(realm, "", REALM_KRB5_CONF);
}

static char *kdc_profile(const struct realm *realm) {
    return realm->ports[DAEMON_KDC] == 0 ? NULL : in_folder(realm, "", REALM_KDC_CONF);
}

static char *ccache(const struct realm *realm) {
    return in_folder(realm, "FILE:", REALM_CCACHE);
}

static char *service_keytab(const struct realm *realm) {
    return in_folder(realm, "FILE:", REALM_SERVICE_KEYTAB);
}

static char *client_keytab(const struct realm *realm) {
    char *path = realm_path(realm, REALM_CLIENT_KEYTAB);
    bool exists = access(path, F_OK) == 0;
    free(path);
    return exists ? in_folder(realm, "FILE:", REALM_CLIENT_KEYTAB) : NULL;
}

static char *replay_cache(const struct realm *realm) {
    return in_folder(realm, "file2:", REALM_RCACHE);
}

static char *folder(const struct realm *realm) {
    return text_format("%s", realm->folder);
}

static char *program(const struct realm *realm) {
    (void)realm;
    return realpath("/proc/self/exe", NULL);
}

static bool has_directory(const struct realm *realm) {
    return realm->ports[DAEMON_DIRECTORY] != 0 || realm->ports[DAEMON_DC] != 0;
}

static char *directory_base(const struct realm *realm) {
    return has_directory(realm) ? realm_suffix(realm) : NULL;
}

static char *directory_socket(const struct realm *realm) {
    return realm->ports[DAEMON_DIRECTORY] != 0 ? realm_ldapi(realm, DAEMON_DIRECTORY) : NULL;
}

static char *ldap_conf(const struct realm *realm) {
    return has_directory(realm) ? in_folder(realm, "", REALM_LDAP_CONF) : NULL;
}

/* Values are on the heap; NULL when the variable is to be unset. */
static const struct variable {
    const char *name;
    char *(*value)(const struct realm *realm);
} variables[] = {
    {"KRB5_CONFIG", krb5_config},
    {"KRB5_KDC_PROFILE", kdc_profile},
    {"KRB5CCNAME", ccache},
    {"KRB5_KTNAME", service_keytab},
    {"KRB5_CLIENT_KTNAME", client_keytab},
    {"KRB5RCACHENAME", replay_cache},
    {"SEAL_REALM_DIR", folder},
    {"SEAL_REALM_PROGRAM", program},
    {"SEAL_REALM_LDAPI", directory_socket},
    {"SEAL_DIRECTORY_URI", realm_directory_uris},
    {"SEAL_DIRECTORY_BASE", directory_base},
    {"LDAPCONF", ldap_conf},
};

enum { VARIABLE_COUNT = sizeof variables / sizeof variables[0] };

void environment_enter(const struct realm *realm) {
    for (size_t i = 0; i < VARIABLE_COUNT; i++) {
        char *value = variables[i].value(realm);
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

void environment_print(const struct realm *realm) {
    for (size_t i = 0; i < VARIABLE_COUNT; i++) {
        char *value = variables[i].value(realm);
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
