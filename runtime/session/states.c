/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each end does with a frame, by the state of its stream. A pair without an action ends the
 * connection: a peer that has lost track of a stream's state cannot be trusted with the others, and
 * a frame that made this end abandon work it has begun would be a cheap attack.
 */
#include "session/internal.h"

static const seal__frame_action open_stream = {"open", seal__on_headers};
static const seal__frame_action take = {"take", seal__on_data};
static const seal__frame_action cancel = {"cancel", seal__on_cancel};
static const seal__frame_action finish = {"finish", seal__on_status};
static const seal__frame_action fail = {"fail", seal__on_refused};
static const seal__frame_action ignore = {"ignore", seal__on_late};
static const seal__frame_action stray = {"stray", seal__on_stray};
static const seal__frame_action open_window = {"grant", seal__on_window};
static const seal__frame_action crossing = {"crossing", seal__on_crossing};
static const seal__frame_action head = {"metadata", seal__on_metadata};

#define ON(type) [SEAL__FRAME_##type]

const seal__states seal__server_states = {
    [SEAL__STREAM_IDLE] = {ON(HEADERS) = &open_stream},
    [SEAL__STREAM_OPEN] = {ON(DATA) = &take, ON(RESET) = &cancel, ON(WINDOW) = &open_window},
    [SEAL__STREAM_ENDED] = {ON(RESET) = &cancel, ON(WINDOW) = &open_window},
    [SEAL__STREAM_RESET] = {NULL},
    [SEAL__STREAM_LATE] = {ON(DATA) = &ignore, ON(RESET) = &ignore, ON(WINDOW) = &crossing},
    [SEAL__STREAM_CLOSED] = {ON(DATA) = &stray, ON(RESET) = &stray, ON(WINDOW) = &crossing},
};

const seal__states seal__client_states = {
    [SEAL__STREAM_IDLE] = {NULL},
    [SEAL__STREAM_OPEN] = {ON(DATA) = &take, ON(STATUS) = &finish, ON(RESET) = &fail,
                           ON(WINDOW) = &open_window, ON(METADATA) = &head},
    [SEAL__STREAM_ENDED] = {NULL},
    [SEAL__STREAM_LATE] = {ON(DATA) = &ignore, ON(STATUS) = &ignore, ON(RESET) = &ignore,
                           ON(WINDOW) = &crossing, ON(METADATA) = &ignore},
    [SEAL__STREAM_CLOSED] = {ON(DATA) = &stray, ON(STATUS) = &stray, ON(RESET) = &stray,
                             ON(WINDOW) = &crossing, ON(METADATA) = &stray},
};

const char *seal__states_name(seal__stream_state state) {
    switch (state) {
    case SEAL__STREAM_OPEN:
        return "open";
    case SEAL__STREAM_ENDED:
        return "ended";
    case SEAL__STREAM_RESET:
        return "reset";
    case SEAL__STREAM_IDLE:
        return "idle";
    case SEAL__STREAM_LATE:
        return "late";
    case SEAL__STREAM_CLOSED:
        return "closed";
    case SEAL__N_STREAM_STATES:
        break;
    }
    return "?";
}

const char *seal__frame_type_name(unsigned type) {
    static const char *const names[] = {"frame of type 0", "SETTINGS", "HEADERS", "DATA",
                                        "STATUS",          "RESET",    "PING",    "PONG",
                                        "GOAWAY",          "WINDOW",   "METADATA"};
    return type < sizeof names / sizeof names[0] ? names[type] : "frame of an unknown type";
}
