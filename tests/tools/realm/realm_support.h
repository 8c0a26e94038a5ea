/* SPDX-License-Identifier: Apache-2.0 */
/* Runs programs in a temporary folder of the test's own, and finds out what they left. */
#ifndef REALM_SUPPORT_H
#define REALM_SUPPORT_H

#include <stdbool.h>
#include <sys/types.h>

struct program {
    pid_t pid;
    int input_fd; /* -1 once closed */
    int output_fd;
    int error_fd;
};

struct result {
    int status; /* exit status, 128 + signal if it died of one */
    char output[16384];
    char error[16384];
};

/* The program under test, and this test's own executable. */
extern const char *seal_realm;
extern const char *self;

/* cmocka fixtures: $TMPDIR is a new folder; at the end it must be empty, and no process that has
 * its path on the command line may be alive. */
int sandbox_setup(void **state);
int sandbox_teardown(void **state);
const char *sandbox(void);
char *sandbox_path(const char *name);

/* In a process group of its own. */
struct program program_start(const char *const *arguments);

/* A line from its stdout, without the newline. */
void program_read_line(struct program *program, char *line, size_t room);

/* Closes its stdin, reads it to the end, waits for it. */
struct result program_finish(struct program *program);

/* The same, but its stdin stays open until it has ended: a cat goes on until it is killed. */
struct result program_finish_open(struct program *program);

struct result program_run(const char *const *arguments);

/* Bounded. */
void wait_until_nothing_is_left(void);

/* Says why; cmocka's skip() does not. */
#define skip_because(reason)                                                                       \
    do {                                                                                           \
        print_message("skipped: %s\n", reason);                                                    \
        skip();                                                                                    \
    } while (0)

#define assert_contains(text, part)                                                                \
    do                                                                                             \
        if (strstr(text, part) == NULL)                                                            \
            fail_msg("'%s' is not in: %s", part, text);                                            \
    while (0)

#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define RUN(...) program_run(ARGUMENTS(__VA_ARGS__))

#endif
