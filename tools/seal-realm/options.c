/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include "directory.h"
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
    OPTION_NO_TICKET,
    OPTION_WITH_DIRECTORY,
    OPTION_REPLICA,
    OPTION_AD,
    OPTION_AD_TEMPLATE,
    OPTION_INSTALLER_CLASS
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
    {"with-directory", no_argument, NULL, OPTION_WITH_DIRECTORY},
    {"replica", no_argument, NULL, OPTION_REPLICA},
    {"ad", no_argument, NULL, OPTION_AD},
    {"ad-template", required_argument, NULL, OPTION_AD_TEMPLATE},
    {"installer-class", required_argument, NULL, OPTION_INSTALLER_CLASS},
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

static int take_installer_class(struct options *options, const char *given) {
    if (!name_is_class(given)) {
        complain(
            "--installer-class does not take '%s'; use letters, digits and . _ - as in greeter",
            given);
        return STATUS_USAGE;
    }
    text_list_add(&options->installer_classes, given);
    return 0;
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
    case OPTION_WITH_DIRECTORY:
        options->with_directory = true;
        return 0;
    case OPTION_REPLICA:
        options->replica = true;
        return 0;
    case OPTION_AD:
        options->ad = true;
        return 0;
    case OPTION_AD_TEMPLATE:
        options->ad_template = given;
        return 0;
    case OPTION_INSTALLER_CLASS:
        return take_installer_class(options, given);
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

static int complain_combination(const char *option, const char *how, const char *other) {
    complain("%s goes %s %s", option, how, other);
    return STATUS_USAGE;
}

static int check_combinations(const struct options *options) {
    const struct {
        bool given;
        const char *name;
        bool needs_directory;
    } all[] = {{options->with_directory, "--with-directory", false},
               {options->replica, "--replica", true},
               {options->installer_classes.count > 0, "--installer-class", true},
               {options->ticket_life > 0, "--ticket-life", false},
               {options->enctypes.count > 0, "--enctype", false}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i].given && options->ad)
            return complain_combination(all[i].name, "not with", "--ad");
        if (all[i].given && all[i].needs_directory && !options->with_directory)
            return complain_combination(all[i].name, "only with", "--with-directory");
    }
    if (options->ad_template != NULL && !options->ad)
        return complain_combination("--ad-template", "only with", "--ad");
    return 0;
}

int options_complete(struct options *options) {
    int status = check_combinations(options);
    if (status != 0)
        return status;
    if (options->realm == NULL)
        options->realm = options->ad ? "AD.SEALRPC.TEST" : "SEALRPC.TEST";
    if (options->principals.count == 0)
        text_list_add(&options->principals, "alice");
    if (options->with_directory || options->ad)
        text_list_add(&options->principals, "installer");
    if (options->with_directory)
        options->directory_service = DIRECTORY_SERVICE;
    status = options_names(options);
    if (status == 0 && options->with_directory &&
        text_list_has(&options->services, DIRECTORY_SERVICE)) {
        complain("%s is the directory's own service; leave it out", DIRECTORY_SERVICE);
        status = STATUS_USAGE;
    }
    return status;
}

void options_done(struct options *options) {
    text_list_done(&options->principals);
    text_list_done(&options->services);
    text_list_done(&options->keytab_for);
    text_list_done(&options->enctypes);
    text_list_done(&options->installer_classes);
}
