/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include "report.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HELP = 1000, FIRST = 1001, COLUMN = 30 };

static int complain_use(const struct command *command, const char *what) {
    return complain(STATUS_USAGE, "%s; see: seal %s %s --help", what, command->group,
                    command->name);
}

static void print_help(const struct command *command, const struct option_spec *specs) {
    printf("%s\n\nusage: seal %s %s %s [option]...\n\noptions:\n", command->summary, command->group,
           command->name, command->arguments);
    for (const struct option_spec *spec = specs; spec->name != NULL; spec++) {
        char *left = text_format("--%s%s%s", spec->name, spec->value == NULL ? "" : " ",
                                 spec->value == NULL ? "" : spec->value);
        printf("  %-*s %s\n", COLUMN, left, spec->help);
        text_free(left);
    }
    printf("  %-*s %s\n", COLUMN, "--help", "print this");
    if (command->details[0] != '\0')
        printf("\n%s", command->details);
}

static int take_number(const struct command *command, const struct option_spec *spec,
                       const char *given) {
    char *end = NULL;
    errno = 0;
    unsigned long number = strtoul(given, &end, 10);
    if (isdigit((unsigned char)given[0]) && *end == '\0' && errno == 0 && number <= spec->max) {
        *spec->number = (uint32_t)number;
        return STATUS_OK;
    }
    return complain(STATUS_USAGE,
                    "--%s does not take '%s': a number from 0 to %u; see: seal %s %s --help",
                    spec->name, given, spec->max, command->group, command->name);
}

static int take(const struct command *command, const struct option_spec *spec, const char *given) {
    if (spec->number != NULL)
        return take_number(command, spec, given);
    if (spec->flag != NULL)
        *spec->flag = true;
    else if (given[0] == '\0')
        return complain(STATUS_USAGE, "--%s is empty; see: seal %s %s --help", spec->name,
                        command->group, command->name);
    else if (spec->text != NULL)
        *spec->text = given;
    else
        words_add(spec->list, given);
    return STATUS_OK;
}

static size_t make_table(const struct option_spec *specs, struct option *table) {
    size_t n = 0;
    for (; specs[n].name != NULL && n < OPTIONS_MAX; n++)
        table[n] =
            (struct option){.name = specs[n].name,
                            .has_arg = specs[n].value == NULL ? no_argument : required_argument,
                            .val = FIRST + (int)n};
    table[n] = (struct option){.name = "help", .val = HELP};
    return n;
}

static int complain_option(const struct command *command, char **argv, int option) {
    char *what = option == ':' ? text_format("%s needs a value", argv[optind - 1])
                               : text_format("no option '%s' here", argv[optind - 1]);
    int status = complain_use(command, what);
    text_free(what);
    return status;
}

static int check_words(const struct command *command, const struct words *words, size_t min,
                       size_t max) {
    if (words->n < min)
        return complain_use(command, "something is missing");
    if (words->n <= max)
        return STATUS_OK;
    char *what = text_format("'%s' is one word too many", words->items[max]);
    int status = complain_use(command, what);
    text_free(what);
    return status;
}

bool options_parse(const struct command *command, const struct option_spec *specs, int argc,
                   char **argv, size_t min, size_t max, struct words *ret_words, int *ret_status) {
    struct option table[OPTIONS_MAX + 2] = {0};
    make_table(specs, table);
    opterr = 0;
    optind = 1;
    int option;
    *ret_status = STATUS_OK;
    while (*ret_status == STATUS_OK &&
           (option = getopt_long(argc, argv, ":h", table, NULL)) != -1) {
        if (option == HELP || option == 'h') {
            print_help(command, specs);
            return false;
        }
        if (option < FIRST)
            *ret_status = complain_option(command, argv, option);
        else
            *ret_status = take(command, &specs[option - FIRST], optarg);
    }
    if (*ret_status != STATUS_OK)
        return false;
    for (int i = optind; i < argc; i++)
        words_add(ret_words, argv[i]);
    *ret_status = check_words(command, ret_words, min, max);
    return *ret_status == STATUS_OK;
}
