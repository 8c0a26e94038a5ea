/* SPDX-License-Identifier: Apache-2.0 */
/* What the KDC makes a service's tickets with: readable by every client. */
#ifndef SEAL_TOOL_TICKET_H
#define SEAL_TOOL_TICKET_H

#include "login.h"

struct ticket_facts {
    uint32_t kvno;
    char *enctype;
};

/* false: there is no ticket. */
bool ticket_ask(const struct login *login, const char *principal, struct ticket_facts *ret_facts);

#endif
