/* SPDX-License-Identifier: Apache-2.0 */
/* Replies of DNS. Whatever they claim, what is passed on stays within what they can hold. */
#include <stdlib.h>
#include <string.h>

#include "naming/dns_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_srv(void *user, const seal__dns_srv *srv) {
    size_t *n = user;
    if (strlen(srv->target) >= sizeof srv->target)
        abort();
    (*n)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    seal__dns_summary summary;
    size_t n = 0;
    if (size > 65535)
        return 0;
    int rc = seal__dns_reply_parse(data, size, on_srv, &n, &summary, NULL);
    if (rc != 0 && rc != SEAL_ERROR_MALFORMED)
        abort();
    if (n > seal__dns_reply_records(data, size) || summary.n != n ||
        strlen(summary.owner) >= sizeof summary.owner)
        abort();
    return 0;
}
