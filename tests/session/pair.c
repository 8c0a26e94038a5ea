/* SPDX-License-Identifier: Apache-2.0 */
#include "session/pair.h"

#include <string.h>

void session_pair_new(session_pair *pair, const session_pair_options *options, void *user) {
    memset(pair, 0, sizeof *pair);
    assert_int_equal(session_pair_init(pair, options), 0);
    pair->user = user;
}

void session_pair_connect(session_pair *pair, const session_pair_options *options, void *user) {
    session_pair_new(pair, options, user);
    session_pair_run(pair);
}

void session_pair_end(session_pair *pair) {
    session_pair_done(pair);
    assert_int_equal(pair->alloc.live, 0);
}
