/* SPDX-License-Identifier: Apache-2.0 */
#include "kadmind.h"

#include "report.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* Of the services, and those asked for beyond. */
static struct text_list classes_of(const struct options *options) {
    struct text_list classes = {0};
    for (size_t i = 0; i < options->installer_classes.count; i++)
        if (!text_list_has(&classes, options->installer_classes.items[i]))
            text_list_add(&classes, options->installer_classes.items[i]);
    for (size_t i = 0; i < options->services.count; i++) {
        const char *service = options->services.items[i];
        size_t length = strcspn(service, "/");
        char *class = text_format("%.*s", (int)length, service);
        if (service[length] == '/' && !text_list_has(&classes, class))
            text_list_add(&classes, class);
        free(class);
    }
    return classes;
}

int kadmind_write_acl(const struct realm *realm, const struct options *options) {
    struct text_list classes = classes_of(options);
    const char *name = realm->name;
    char *text = NULL;
    for (size_t i = 0; i < classes.count; i++) {
        const char *class = classes.items[i];
        text_append(&text, "installer@%s acil %s/*@%s\n", name, class, name);
        text_append(&text, "installer@%s acil %s/*/*@%s\n", name, class, name);
    }
    text_append(&text, "*/*@%s i self\n*/*/*@%s i self\n", name, name);
    int status = realm_write_file(realm, REALM_KADMIND_ACL, text);
    free(text);
    text_list_done(&classes);
    return status;
}
