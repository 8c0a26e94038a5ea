/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include "names.h"
#include "report.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPTION_PRINCIPAL = 256,
    OPTION_SERVICE,
    OPTION_KEYTAB_FOR,
    OPTION_QUIET,
    OPTION_REALM,
    OPTION_TICKET_LIFE,
    OPTION_CLOCKSKEW,
    OPTION_ENCTYPE,
    OPTION_NO_TICKET
};

static const struct option realm_options[] = {
    {"principal", required_argument, NULL, OPTION_PRINCIPAL},
    {"service", required_argument, NULL, OPTION_SERVICE},
    {"keytab-for", required_argument, NULL, OPTION_KEYTAB_FOR},
    {"quiet", no_argument, NULL, OPTION_QUIET},
    {"realm", required_argument, NULL, OPTION_REALM},
    {"ticket-life", required_argument, NULL, OPTION_TICKET_LIFE},
    {"clockskew", required_argument, NULL, OPTION_CLOCKSKEW},
    {"enctype", required_argument, NULL, OPTION_ENCTYPE},
    {"no-ticket", no_argument, NULL, OPTION_NO_TICKET},
    {NULL, 0, NULL, 0}};

static const struct option add_options[] = {
    {"principal", required_argument, NULL, OPTION_PRINCIPAL},
    {"service", required_argument, NULL, OPTION_SERVICE},
    {"keytab-for", required_argument, NULL, OPTION_KEYTAB_FOR},
    {"quiet", no_argument, NULL, OPTION_QUIET},
    {NULL, 0, NULL, 0}};

static const struct option no_options[] = {{"quiet", no_argument, NULL, OPTION_QUIET},
                                           {NULL, 0, NULL, 0}};

static int take_realm(struct options *options, const char *given) {
    if (!name_is_realm(given)) {
        complain("'%s' is not a realm name; use letters, digits, dots and hyphens, as in "
                 "EXAMPLE.TEST",
                 given);
        return STATUS_USAGE;
    }
    options->realm = given;
    return 0;
}

static int take_enctype(struct options *options, const char *given) {
    int status = name_enctype(given);
    if (status == 0 && !text_list_has(&options->enctypes, given))
        text_list_add(&options->enctypes, given);
    return status;
}

static int take(struct options *options, int option, const char *given) {
    switch (option) {
    case OPTION_PRINCIPAL:
        text_list_add(&options->principals, given);
        return 0;
    case OPTION_SERVICE:
        text_list_add(&options->services, given);
        return 0;
    case OPTION_KEYTAB_FOR:
        text_list_add(&options->keytab_for, given);
        return 0;
    case OPTION_QUIET:
        options->quiet = true;
        return 0;
    case OPTION_REALM:
        return take_realm(options, given);
    case OPTION_TICKET_LIFE:
        return name_duration("ticket-life", given, &options->ticket_life);
    case OPTION_CLOCKSKEW:
        return name_duration("clockskew", given, &options->clockskew);
    case OPTION_ENCTYPE:
        return take_enctype(options, given);
    case OPTION_NO_TICKET:
        options->no_ticket = true;
        return 0;
    default:
        return STATUS_USAGE;
    }
}

/* getopt has no way to say what was wrong but to print it itself. */
static int complain_option(char **arguments, int option) {
    const char *given = arguments[optind - 1];
    if (option == ':')
        complain("%s needs a value; see seal-realm --help", given);
    else
        complain("%s %s does not know the option '%s'; see seal-realm --help", "seal-realm",
                 arguments[0], given);
    return STATUS_USAGE;
}

int options_parse(struct options *options, char **arguments, enum option_set set) {
    const struct option *known = set == OPTION_SET_REALM ? realm_options
                                 : set == OPTION_SET_ADD ? add_options
                                                         : no_options;
    int count = 0;
    while (arguments[count] != NULL)
        count++;
    opterr = 0;
    optind = 1;
    int option;
    while ((option = getopt_long(count, arguments, "+:", known, NULL)) != -1) {
        if (option == '?' || option == ':')
            return complain_option(arguments, option);
        int status = take(options, option, optarg);
        if (status != 0)
            return status;
    }
    options->arguments = arguments + optind;
    report_quiet(options->quiet);
    return 0;
}

/* Replaces the names as given by checked ones, each once. */
static int check_list(struct text_list *list, const char *realm) {
    struct text_list checked = {0};
    int status = 0;
    for (size_t i = 0; i < list->count && status == 0; i++) {
        char *name = NULL;
        status = name_principal(list->items[i], realm, &name);
        if (status == 0 && !text_list_has(&checked, name))
            text_list_add(&checked, name);
        free(name);
    }
    text_list_done(list);
    *list = checked;
    return status;
}

int options_names(struct options *options) {
    int status = check_list(&options->principals, options->realm);
    if (status == 0)
        status = check_list(&options->services, options->realm);
    if (status == 0)
        status = check_list(&options->keytab_for, options->realm);
    for (size_t i = 0; i < options->keytab_for.count && status == 0; i++)
        if (!text_list_has(&options->principals, options->keytab_for.items[i]))
            text_list_add(&options->principals, options->keytab_for.items[i]);
    for (size_t i = 0; i < options->services.count && status == 0; i++) {
        if (text_list_has(&options->principals, options->services.items[i])) {
            complain("'%s' is given as a principal and as a service; choose one",
                     options->services.items[i]);
            status = STATUS_USAGE;
        }
    }
    return status;
}

void options_done(struct options *options) {
    text_list_done(&options->principals);
    text_list_done(&options->services);
    text_list_done(&options->keytab_for);
    text_list_done(&options->enctypes);
}
