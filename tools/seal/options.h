/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a subcommand, from a table that is also its help. */
#ifndef SEAL_TOOL_OPTIONS_H
#define SEAL_TOOL_OPTIONS_H

#include "command.h"
#include "text.h"

#include <stdint.h>

/* Exactly one of flag, text, list and number says what kind it is and where it goes. */
struct option_spec {
    const char *name;
    const char *value; /* what its value is called in the help; NULL: a flag */
    const char *help;
    bool *flag;
    const char **text;  /* the last one given */
    struct words *list; /* all that were given */
    uint32_t *number;   /* 0..max */
    uint32_t max;
};

enum { OPTIONS_MAX = 32, ANY_NUMBER = 1 << 20 };

/*
 * specs: up to one without a name. Words that are no options may stand anywhere, and are as many as
 * min..max says. false: the program ends with *ret_status; --help has been printed, or a complaint.
 */
bool options_parse(const struct command *command, const struct option_spec *specs, int argc,
                   char **argv, size_t min, size_t max, struct words *ret_words, int *ret_status);

#endif
