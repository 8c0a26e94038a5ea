/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs of sessions that must work: begun and ended with what every test checks. */
#ifndef SEAL_TESTS_SESSION_PAIR_CHECKED_H
#define SEAL_TESTS_SESSION_PAIR_CHECKED_H

#include "support/cmocka_all.h"
#include "support/session_pair.h"

/* Zeroes it first: for one that was not used before. */
void session_pair_new(session_pair *pair, const session_pair_options *options, void *user);
/* session_pair_new, and runs: each end knows the other's settings. */
void session_pair_connect(session_pair *pair, const session_pair_options *options, void *user);
/* session_pair_done; no memory may be left. */
void session_pair_end(session_pair *pair);

#endif
