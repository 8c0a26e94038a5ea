/* SPDX-License-Identifier: Apache-2.0 */
/* The allow list of the IDL: whole principals, or "*@REALM". Exact comparison, realm included. */
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
