/* SPDX-License-Identifier: Apache-2.0 */
/* The wire between seal-realm, which the user sees, and the guardian, which does the work. Each end
 * learns of the other's death by end-of-file. */
#ifndef SEAL_REALM_CONTROL_H
#define SEAL_REALM_CONTROL_H

#include <limits.h>
#include <stdbool.h>

enum control_kind {
    CONTROL_SIGNAL = 1, /* to the guardian: value = signal, flag = it came from the terminal */
    CONTROL_FOLDER = 2, /* to seal-realm: text = the folder that exists from now on */
    CONTROL_DONE = 3    /* to seal-realm: value = exit status, flag = death by Ctrl-C */
};

struct control_message {
    enum control_kind kind;
    int value;
    bool flag;
    char text[PATH_MAX];
};

int control_pair(int *ret_one, int *ret_other);

/* `text` may be NULL. A peer that is gone is no error here: reading tells. */
void control_send(int fd, enum control_kind kind, int value, bool flag, const char *text);

/* false when the peer is gone. */
bool control_receive(int fd, struct control_message *ret_message);

bool control_is_terminating(int signal_number);

/* Something arrived during a step of work: 0 to go on, else the status to give up with. */
int control_give_up(int fd);

#endif
