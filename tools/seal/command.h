/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands of seal: "seal GROUP NAME ...". Each is a file of its own. */
#ifndef SEAL_TOOL_COMMAND_H
#define SEAL_TOOL_COMMAND_H

/* Exit statuses, also what every function called ..._run returns. */
enum {
    STATUS_OK = 0,     /* done; of a check: at most warnings */
    STATUS_FAILED = 1, /* refused, or something is wrong that will make clients fail */
    STATUS_USAGE = 2,
    STATUS_UNREACHABLE = 3 /* the KDC, the directory or credentials: nothing could be asked */
};

struct command {
    const char *group;
    const char *name;
    const char *arguments; /* what follows the options, for the help */
    const char *summary;   /* one line */
    const char *details;   /* more of the help, after the options; "" */
    int (*run)(const struct command *command, int argc, char **argv); /* argv[0]: the name */
};

extern const struct command command_keytab_alias;
extern const struct command command_keytab_rotate;
extern const struct command command_keytab_show;
extern const struct command command_scp_list;
extern const struct command command_scp_publish;
extern const struct command command_scp_remove;
extern const struct command command_scp_show;
extern const struct command command_spn_check;
extern const struct command command_spn_list;
extern const struct command command_spn_make;
extern const struct command command_spn_register;
extern const struct command command_spn_unregister;

#endif
