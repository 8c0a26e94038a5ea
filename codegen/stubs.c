/* SPDX-License-Identifier: Apache-2.0 */
#include "stubs.h"

/* The kinds of methods: bits, so that a stub can have several. */
enum {
    UNARY = 1,
    CLIENT_STREAM = 2,
    SERVER_STREAM = 4,
    BIDI = 8,
    REQUESTS = CLIENT_STREAM | BIDI,
    REPLIES = SERVER_STREAM | BIDI,
    ONE_REPLY = UNARY | CLIENT_STREAM,
    STREAMS = CLIENT_STREAM | SERVER_STREAM | BIDI,
    ALL = UNARY | STREAMS
};

enum { CALLBACK = 1, PRIVATE = 2, START = 4 };

static const struct {
    const char *word;
    unsigned char kinds;
    unsigned char traits;
} stubs[STUB_COUNT] = {
    [STUB_REGISTER] = {"register", 0, 0},
    [STUB_REGISTER_BLOCKING] = {"register_blocking", 0, 0},
    [STUB_CHANNEL_NEW] = {"channel_new", 0, 0},
    [STUB_INVOKE] = {"invoke", ALL, PRIVATE},
    [STUB_REPLY] = {"reply", ONE_REPLY, 0},
    [STUB_ON] = {"on", REQUESTS, CALLBACK},
    [STUB_ACCEPT] = {"accept", REQUESTS, PRIVATE},
    [STUB_RECEIVE] = {"receive", REQUESTS, 0},
    [STUB_SEND] = {"send", REPLIES, 0},
    [STUB_TAKE] = {"take", REQUESTS, 0},
    [STUB_PUT] = {"put", REPLIES, 0},
    [STUB_GOT] = {"got", REPLIES, CALLBACK},
    [STUB_DONE] = {"done", ALL, CALLBACK},
    [STUB_PASS] = {"pass", REPLIES, PRIVATE},
    [STUB_DELIVER] = {"deliver", ALL, PRIVATE},
    [STUB_CALL] = {"call", UNARY, START},
    [STUB_SYNC] = {"sync", UNARY, START},
    [STUB_OPEN] = {"open", STREAMS, START},
    [STUB_WRITE] = {"write", REQUESTS, 0},
    [STUB_START] = {"start", STREAMS, START},
    [STUB_PUSH] = {"push", REQUESTS, 0},
    [STUB_READ] = {"read", REPLIES, 0},
    [STUB_FINISH] = {"finish", CLIENT_STREAM, 0},
};

const char *stub_word(stub which) {
    return stubs[which].word;
}

bool stub_applies(const method *me, stub which) {
    unsigned kind = me->requests_stream ? (me->replies_stream ? BIDI : CLIENT_STREAM)
                                        : (me->replies_stream ? SERVER_STREAM : UNARY);
    return (stubs[which].kinds & kind) != 0;
}

bool stub_is_callback(stub which) {
    return (stubs[which].traits & CALLBACK) != 0;
}

bool stub_is_private(stub which) {
    return (stubs[which].traits & PRIVATE) != 0;
}

bool stub_is_start(stub which) {
    return (stubs[which].traits & START) != 0;
}
