/* SPDX-License-Identifier: Apache-2.0 */
/* What may be called what. Names end up in configuration files and in kadmin's command language,
 * so only characters without a meaning there are let in. */
#ifndef SEAL_REALM_NAMES_H
#define SEAL_REALM_NAMES_H

#include <stdbool.h>

/* Letters, digits, dot, hyphen, underscore. */
bool name_is_realm(const char *name);

/* Of a service: the part before the host. The same characters. */
bool name_is_class(const char *name);

/* Copies `given` to a heap string without its @REALM. STATUS_USAGE when it will not do. */
int name_principal(const char *given, const char *realm, char **ret_name);

/* "12", "12s", "5m", "10h", "1d" to seconds, at least 1. */
int name_duration(const char *option, const char *given, long *ret_seconds);

int name_enctype(const char *given);

/* Folders: these paths are written to krb5.conf, and KRB5_CONFIG is a colon-separated list. */
bool name_is_safe_path(const char *path);

#endif
