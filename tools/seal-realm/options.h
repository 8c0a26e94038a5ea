/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEAL_REALM_OPTIONS_H
#define SEAL_REALM_OPTIONS_H

#include "text.h"

#include <stdbool.h>

/* What the command line asks of a realm. Lists hold checked names without @REALM. */
struct options {
    const char *realm;
    struct text_list principals; /* the first one gets the ticket */
    struct text_list services;
    struct text_list keytab_for; /* a subset of principals */
    struct text_list enctypes;
    long ticket_life; /* seconds, 0: not given */
    long clockskew;   /* seconds, 0: not given */
    bool no_ticket;
    bool with_directory;
    bool replica;
    bool ad;                 /* a domain controller instead of all that */
    const char *ad_template; /* the folder of its template; NULL for the usual one */
    struct text_list installer_classes;
    const char *directory_service; /* NULL, or whose key the directory shall have */
    bool quiet;
    char **arguments; /* behind the options: the command or the folder; NULL-terminated */
};

enum option_set {
    OPTION_SET_REALM, /* run, start */
    OPTION_SET_ADD,   /* only names */
    OPTION_SET_NONE   /* only --quiet */
};

/* `arguments[0]` is the subcommand. The realm of `add` is known only later: see options_names. */
int options_parse(struct options *options, char **arguments, enum option_set set);

/* Checks and sorts out the names, once options->realm is final. */
int options_names(struct options *options);

/* Sees to what a new realm has without being asked: a user, and what a directory needs. */
int options_complete(struct options *options);

void options_done(struct options *options);

#endif
