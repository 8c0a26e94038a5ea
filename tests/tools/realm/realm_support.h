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

/* For main: one argument, the path of seal-realm. */
bool take_arguments(int count, char **arguments);

/* `seal-realm run FIRST SECOND -- true` is refused as a wrong use of it, with this in the message.
 */
void refuses_arguments(const char *first, const char *second, const char *part);

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

/* What a run executes that is to be killed, and its start: it has made its folder. */
#define WAITING "echo $SEAL_REALM_DIR; exec cat"
struct program start_waiting(const char *const *arguments);

/* It ends by this signal and leaves nothing. */
void is_killed(struct program *program, int signal);

/* Run again and again, killed (by SIGKILL and SIGTERM in turn) at each of these moments after the
 * start: it leaves nothing. */
struct moments {
    int first_ms;
    int step_ms;
    int end_ms;
};
void killed_while_it_starts(const char *const *arguments, struct moments moments);

/* A run whose command kills the guardian: seal-realm says so and leaves nothing. */
void guardian_is_killed(const char *const *arguments);

/* Before the program: it runs as an ordinary user. */
#define AS_USER "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"

/* Skips the test where it would show nothing, or that user cannot run seal-realm. */
void skip_unless_users_can_run_it(void);

#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define RUN(...) program_run(ARGUMENTS(__VA_ARGS__))

#endif
