/* SPDX-License-Identifier: Apache-2.0 */
#include "database.h"

#include "report.h"
#include "spawn.h"
#include "text.h"
#include "tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* The master password is never needed again: the stash file has the key. */
static char *random_password(void) {
    unsigned char bytes[16] = {0};
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return NULL;
    char *text = NULL;
    for (size_t i = 0; i < sizeof bytes; i++)
        text_append(&text, "%02x", bytes[i]);
    return text;
}

int database_create(const struct realm *realm, struct children *children, int control_fd) {
    char *program = spawn_find("kdb5_util");
    if (program == NULL)
        return STATUS_NO_TOOL;
    char *password = random_password();
    int status = STATUS_FAILED;
    if (password != NULL) {
        /* On stdin, twice, as if typed: a command line can be read by everybody. */
        char *typed = text_format("%s\n%s\n", password, password);
        char create[] = "create";
        char stash[] = "-s";
        char realm_option[] = "-r";
        char *arguments[] = {program, realm_option, realm->name, create, stash, NULL};
        char *output = NULL;
        char *errors = NULL;
        status = tool_run(children, control_fd, arguments, typed, &output, &errors);
        free(output);
        free(errors);
        free(typed);
    }
    free(password);
    free(program);
    return status;
}

/* kadmin.local ends with 0 whatever happened, but it says what it has done. */
struct work {
    char *script;
    struct text_list expected;
};

static void plan_new(struct work *work, const struct realm *realm, const char *name) {
    text_append(&work->script, "addprinc -clearpolicy -randkey %s\n", name);
    char *line = text_format("Principal \"%s@%s\" created.", name, realm->name);
    text_list_add(&work->expected, line);
    free(line);
}

static void plan_key(struct work *work, const struct realm *realm, const char *name,
                     const char *keytab) {
    text_append(&work->script, "ktadd -norandkey -k \"FILE:%s/%s\" %s\n", realm->folder, keytab,
                name);
    char *line = text_format("Entry for principal %s with kvno ", name);
    text_list_add(&work->expected, line);
    free(line);
}

static struct work plan(const struct realm *realm, const struct options *options) {
    struct work work = {0};
    for (size_t i = 0; i < options->principals.count; i++) {
        plan_new(&work, realm, options->principals.items[i]);
        plan_key(&work, realm, options->principals.items[i], REALM_USERS_KEYTAB);
    }
    for (size_t i = 0; i < options->services.count; i++) {
        plan_new(&work, realm, options->services.items[i]);
        plan_key(&work, realm, options->services.items[i], REALM_SERVICE_KEYTAB);
    }
    if (options->directory_service != NULL) {
        plan_new(&work, realm, options->directory_service);
        plan_key(&work, realm, options->directory_service, REALM_DIRECTORY_KEYTAB);
    }
    for (size_t i = 0; i < options->keytab_for.count; i++)
        plan_key(&work, realm, options->keytab_for.items[i], REALM_CLIENT_KEYTAB);
    return work;
}

static int check(const struct work *work, const char *output, const char *errors) {
    for (size_t i = 0; i < work->expected.count; i++) {
        if (strstr(output, work->expected.items[i]) == NULL) {
            complain("kadmin.local did not do all that was asked; it said:");
            complain_detail(errors[0] == '\0' ? output : errors);
            return STATUS_FAILED;
        }
    }
    return 0;
}

int database_add(const struct realm *realm, const struct options *options,
                 struct children *children, int control_fd) {
    struct work work = plan(realm, options);
    if (work.script == NULL)
        return 0;
    int status = STATUS_NO_TOOL;
    char *program = spawn_find("kadmin.local");
    if (program != NULL) {
        char realm_option[] = "-r";
        char *arguments[] = {program, realm_option, realm->name, NULL};
        char *output = NULL;
        char *errors = NULL;
        status = tool_run(children, control_fd, arguments, work.script, &output, &errors);
        if (status == 0)
            status = check(&work, output, errors);
        free(output);
        free(errors);
    }
    free(program);
    free(work.script);
    text_list_done(&work.expected);
    return status;
}

void database_say(const struct realm *realm, const struct options *options, bool ticket) {
    const char *folder = realm->folder;
    for (size_t i = 0; i < options->principals.count; i++) {
        const char *name = options->principals.items[i];
        bool client = text_list_has(&options->keytab_for, name);
        const char *keytab = client ? REALM_CLIENT_KEYTAB : REALM_USERS_KEYTAB;
        if (i == 0 && ticket)
            say("principal %s@%s, ticket in %s/%s, key in %s/%s", name, realm->name, folder,
                REALM_CCACHE, folder, keytab);
        else
            say("principal %s@%s, key in %s/%s", name, realm->name, folder, keytab);
    }
    for (size_t i = 0; i < options->services.count; i++)
        say("service %s@%s, key in %s/%s", options->services.items[i], realm->name, folder,
            REALM_SERVICE_KEYTAB);
}
