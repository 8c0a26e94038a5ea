/* SPDX-License-Identifier: Apache-2.0 */
/* seal spn make: composes a name, for scripts. */
#include "options.h"
#include "report.h"

#include <stdio.h>

#include <sealrpc/spn.h>

static int run(const struct command *command, int argc, char **argv) {
    uint32_t port = 0;
    const char *name = NULL;
    const struct option_spec specs[] = {
        {"port", "PORT", "the port is a part of the name", .number = &port, .max = UINT16_MAX},
        {"name", "NAME", "the third part, such as the service's full name", .text = &name},
        {0}};
    struct words words = {0};
    int status;
    if (options_parse(command, specs, argc, argv, 2, 2, &words, &status)) {
        char spn[SEAL_SPN_MAX];
        seal_error *error = NULL;
        if (seal_spn_make(words.items[0], words.items[1], (uint16_t)port, name, spn, &error) == 0)
            printf("%s\n", spn);
        else
            status = complain_error(error);
    }
    words_done(&words);
    return status;
}

const struct command command_spn_make = {
    .group = "spn",
    .name = "make",
    .arguments = "CLASS HOST",
    .summary = "print the service principal name of a class and a host",
    .details = "The host is brought to the form that clients use: lower case, A-labels, IPv6 "
               "literals in brackets.\n"
               "Example: seal spn make greeter www.example.com\n",
    .run = run};
