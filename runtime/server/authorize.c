/* SPDX-License-Identifier: Apache-2.0 */
/* What the IDL says about who may call: a level of protection, and an allow list of whole
 * principals, or "*@REALM". Exact comparison, realm included. */
#include <string.h>

#include "server/server_internal.h"

bool seal__server_allows(const char *const *allow, const seal_peer *peer) {
    if (allow == NULL)
        return true;
    for (; *allow != NULL; allow++) {
        if (strncmp(*allow, "*@", 2) == 0) {
            if (!seal_peer_is_one_way(peer) && strcmp(*allow + 2, seal_peer_realm(peer)) == 0)
                return true;
        } else if (strcmp(*allow, seal_peer_principal(peer)) == 0) {
            return true;
        }
    }
    return false;
}

bool seal__call_is_allowed(seal_call *call) {
    const seal_method *method = call->method->method;
    if (method->min_level != 0 && seal_peer_level(call->peer) < method->min_level) {
        seal_call_fail(call, SEAL_STATUS_PERMISSION_DENIED,
                       "%s needs level %s; the connection has %s: raise the client's min_level",
                       method->full_name, seal_level_name(method->min_level),
                       seal_level_name(seal_peer_level(call->peer)));
        return false;
    }
    if (method->allow != NULL && !seal__server_allows(method->allow, call->peer)) {
        seal_call_fail(call, SEAL_STATUS_PERMISSION_DENIED,
                       "%s may not call %s: not in the method's allow list",
                       seal_peer_principal(call->peer), method->full_name);
        return false;
    }
    return true;
}
