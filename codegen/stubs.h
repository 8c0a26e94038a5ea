/* SPDX-License-Identifier: Apache-2.0 */
/* Which functions and types a service and its methods get in C, and what they are called. */
#ifndef CODEGEN_STUBS_H
#define CODEGEN_STUBS_H

#include "model.h"

typedef enum stub {
    /* Of a service. */
    STUB_REGISTER,
    STUB_REGISTER_BLOCKING,
    STUB_CHANNEL_NEW,
    /* Of a method, at the server. */
    STUB_FIRST_OF_METHOD,
    STUB_FIRST_OF_SERVER = STUB_FIRST_OF_METHOD,
    STUB_INVOKE = STUB_FIRST_OF_SERVER,
    STUB_REPLY,
    STUB_ON, /* not a function but the type of a callback */
    STUB_ACCEPT,
    STUB_RECEIVE,
    STUB_SEND,
    STUB_TAKE,
    STUB_PUT,
    /* Of a method, at the client. */
    STUB_FIRST_OF_CLIENT,
    STUB_GOT = STUB_FIRST_OF_CLIENT, /* types of callbacks too */
    STUB_DONE,
    STUB_PASS,
    STUB_DELIVER,
    STUB_CALL,
    STUB_SYNC,
    STUB_OPEN,
    STUB_WRITE,
    STUB_START,
    STUB_PUSH,
    STUB_READ,
    STUB_FINISH,
    STUB_COUNT
} stub;

/* What stands between the prefix of the service and the method: "reply". Of stubs of a service:
 * what follows the prefix. */
const char *stub_word(stub which);

/* Whether a method of its kind has it. */
bool stub_applies(const method *me, stub which);

bool stub_is_callback(stub which);

/* Static, and so not in the header. */
bool stub_is_private(stub which);

/* Whether it starts a call: then the compiler warns where the method is deprecated. */
bool stub_is_start(stub which);

#endif
