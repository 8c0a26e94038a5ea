/* SPDX-License-Identifier: Apache-2.0 */
/* seal: names, keys and connection points of services. See seal(1). */
#include "command.h"
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sealrpc/version.h>

static const struct command *const commands[] = {
    &command_spn_make,   &command_spn_check,   &command_spn_register,  &command_spn_unregister,
    &command_spn_list,   &command_scp_publish, &command_scp_list,      &command_scp_show,
    &command_scp_remove, &command_keytab_show, &command_keytab_rotate, &command_keytab_alias};

enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static int finish_output(void) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return STATUS_OK;
    return complain(STATUS_FAILED, "cannot write to standard output: %s", strerror(errno));
}

/* group NULL: of all groups. */
static int help(const char *group) {
    printf("Names, keys and connection points of services.\n\nusage:\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (group == NULL || strcmp(group, commands[i]->group) == 0)
            printf("  seal %-6s %-10s  %s\n", commands[i]->group, commands[i]->name,
                   commands[i]->summary);
    printf("\n\"seal %s --help\" has the options; seal(1) is the manual.\n",
           group == NULL ? "GROUP COMMAND" : "... COMMAND");
    return finish_output();
}

static bool is_group(const char *name) {
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(name, commands[i]->group) == 0)
            return true;
    return false;
}

static bool asks_for_help(const char *word) {
    return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int run_in_group(int argc, char **argv) {
    if (argc < 3)
        return complain(STATUS_USAGE, "'seal %s' needs a command; see: seal %s --help", argv[1],
                        argv[1]);
    if (asks_for_help(argv[2]))
        return help(argv[1]);
    for (size_t i = 0; i < N_COMMANDS; i++) {
        const struct command *command = commands[i];
        if (strcmp(command->group, argv[1]) != 0 || strcmp(command->name, argv[2]) != 0)
            continue;
        int status = command->run(command, argc - 2, argv + 2);
        int written = finish_output();
        return status == STATUS_OK ? written : status;
    }
    return complain(STATUS_USAGE, "'%s' is no command of 'seal %s'; see: seal %s --help", argv[2],
                    argv[1], argv[1]);
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0); /* in order with the complaints */
    if (argc < 2)
        return complain(STATUS_USAGE, "what to do? See: seal help");
    if (asks_for_help(argv[1]))
        return help(NULL);
    if (strcmp(argv[1], "--version") == 0) {
        printf("seal %s\n", SEALRPC_VERSION_STRING);
        return finish_output();
    }
    if (is_group(argv[1]))
        return run_in_group(argc, argv);
    return complain(STATUS_USAGE, "'%s' is none of spn, scp, keytab; see: seal help", argv[1]);
}
