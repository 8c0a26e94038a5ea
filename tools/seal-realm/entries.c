/* SPDX-License-Identifier: Apache-2.0 */
#include "entries.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

char *entries_base(const struct realm *realm) {
    char *suffix = realm_suffix(realm);
    size_t length = strcspn(suffix, ",") - strlen("dc=");
    char *text = text_format("dn: %s\nobjectClass: organization\nobjectClass: dcObject\n"
                             "o: %s\ndc: %.*s\n\n",
                             suffix, realm->name, (int)length, suffix + strlen("dc="));
    static const char *const folders[] = {"People", "Accounts", "Services"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        text_append(&text, "dn: ou=%s,%s\nobjectClass: organizationalUnit\nou: %s\n\n", folders[i],
                    suffix, folders[i]);
    text_append(&text,
                "dn: cn=sealrpc-installers,%s\nobjectClass: groupOfNames\n"
                "cn: sealrpc-installers\nmember: uid=installer,ou=People,%s\n\n",
                suffix, suffix);
    free(suffix);
    return text;
}

static bool has_ignoring_case(const struct text_list *list, const char *item) {
    for (size_t i = 0; i < list->count; i++)
        if (strcasecmp(list->items[i], item) == 0)
            return true;
    return false;
}

/* class/host, class/host:port, class/host/name ... On the heap, NULL when it has no plain host. */
static char *host_of(const char *service) {
    const char *slash = strchr(service, '/');
    if (slash == NULL || strspn(service, PLAIN ":/") != strlen(service))
        return NULL;
    size_t length = strcspn(slash + 1, ":/");
    return length == 0 ? NULL : text_format("%.*s", (int)length, slash + 1);
}

/* The service principal names of a host, as "attribute: value" lines. */
static void append_names(char **text, const struct options *options, const char *host) {
    struct text_list done = {0};
    for (size_t i = 0; i < options->services.count; i++) {
        const char *service = options->services.items[i];
        char *its_host = host_of(service);
        if (its_host != NULL && strcasecmp(its_host, host) == 0 &&
            !has_ignoring_case(&done, service)) {
            text_append(text, "servicePrincipalName: %s\n", service);
            text_list_add(&done, service);
        }
        free(its_host);
    }
    text_list_done(&done);
}

static void append_account(char **text, const struct options *options, const char *host,
                           const char *suffix, bool exists) {
    text_append(text, "dn: cn=%s,ou=Accounts,%s\n", host, suffix);
    if (exists)
        text_append(text, "changetype: modify\nadd: servicePrincipalName\n");
    else
        text_append(text, "objectClass: device\nobjectClass: spnAccount\ncn: %s\ndNSHostName: %s\n",
                    host, host);
    append_names(text, options, host);
    text_append(text, "\n");
}

char *entries_of(const struct realm *realm, const struct options *options,
                 const struct text_list *known) {
    char *text = NULL;
    char *suffix = realm_suffix(realm);
    for (size_t i = 0; i < options->principals.count; i++) {
        const char *name = options->principals.items[i];
        if (strspn(name, PLAIN) == strlen(name))
            text_append(&text, "dn: uid=%s,ou=People,%s\nobjectClass: account\nuid: %s\n\n", name,
                        suffix, name);
    }
    struct text_list done = {0};
    for (size_t i = 0; i < options->services.count; i++) {
        char *host = host_of(options->services.items[i]);
        if (host != NULL && !has_ignoring_case(&done, host)) {
            append_account(&text, options, host, suffix, has_ignoring_case(known, host));
            text_list_add(&done, host);
        }
        free(host);
    }
    text_list_done(&done);
    free(suffix);
    return text;
}
