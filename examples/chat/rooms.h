/* SPDX-License-Identifier: Apache-2.0 */
/* The demo.Chat service: rooms and who is in them. All of it belongs to the server's loop, so there
 * are no locks. */
#ifndef CHAT_ROOMS_H
#define CHAT_ROOMS_H

#include "chat.seal.h"

typedef struct rooms rooms;

/* NULL: no memory. */
rooms *rooms_new(void);

/* After the server has been freed. */
void rooms_free(rooms *all);

/* Lets everybody go, with all they are still to hear, and nobody in any more. On the loop thread;
 * has the type of a task. */
void rooms_close(void *all);

/* To be registered with the rooms as user. */
extern const demo_chat_ops rooms_ops;

#endif
