/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each end does with a message, by the state of its handshake. A pair without an action is an
 * error, and ends the handshake.
 */
#include "secure/handshake.h"

static const seal__hs_action client_hello = {"hello", seal__hs_on_client_hello};
static const seal__hs_action server_hello = {"hello", seal__hs_on_server_hello};
static const seal__hs_action token = {"step", seal__hs_on_token};
static const seal__hs_action server_finished = {"answer", seal__hs_on_server_finished};
static const seal__hs_action client_finished = {"finish", seal__hs_on_client_finished};
static const seal__hs_action switch_keys = {"finish", seal__hs_on_switch};
static const seal__hs_action alert = {"refused", seal__hs_on_alert};

static const seal__hs_action *const client[SEAL__HS_N_STATES][SEAL__N_MESSAGES] = {
    [SEAL__HS_SERVER_HELLO] = {[SEAL__SERVER_HELLO] = &server_hello, [SEAL__ALERT] = &alert},
    [SEAL__HS_TOKEN] = {[SEAL__TOKEN] = &token, [SEAL__ALERT] = &alert},
    [SEAL__HS_FINISHED] = {[SEAL__FINISHED] = &server_finished, [SEAL__ALERT] = &alert},
    [SEAL__HS_SWITCH] = {[SEAL__SWITCH] = &switch_keys},
};

static const seal__hs_action *const server[SEAL__HS_N_STATES][SEAL__N_MESSAGES] = {
    [SEAL__HS_CLIENT_HELLO] = {[SEAL__CLIENT_HELLO] = &client_hello},
    [SEAL__HS_TOKEN] = {[SEAL__TOKEN] = &token, [SEAL__ALERT] = &alert},
    [SEAL__HS_FINISHED] = {[SEAL__FINISHED] = &client_finished, [SEAL__ALERT] = &alert},
};

static const struct {
    const char *name;
    const char *awaits;
} states[SEAL__HS_N_STATES] = {
    [SEAL__HS_STEP] = {"step", "nothing"},
    [SEAL__HS_CLIENT_HELLO] = {"start", "CLIENT_HELLO"},
    [SEAL__HS_SERVER_HELLO] = {"hello", "SERVER_HELLO"},
    [SEAL__HS_TOKEN] = {"token", "TOKEN"},
    [SEAL__HS_FINISHED] = {"finished", "FINISHED"},
    [SEAL__HS_SWITCH] = {"switch", "SWITCH"},
    [SEAL__HS_DONE] = {"done", "nothing"},
};

const seal__hs_action *seal__hs_find_action(seal__role role, seal__hs_state state, unsigned type) {
    if (type >= SEAL__N_MESSAGES)
        return NULL;
    return role == SEAL__CLIENT ? client[state][type] : server[state][type];
}

const char *seal__hs_state_name(seal__hs_state state) {
    return states[state].name;
}

const char *seal__hs_awaits(seal__hs_state state) {
    return states[state].awaits;
}
