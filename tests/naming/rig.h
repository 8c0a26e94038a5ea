/* SPDX-License-Identifier: Apache-2.0 */
/* A resolver on a loop of the test's own, and what it has said and logged. */
#ifndef SEAL_TESTS_NAMING_RIG_H
#define SEAL_TESTS_NAMING_RIG_H

#include "naming/resolver.h"
#include "support/failing_alloc.h"

enum { RIG_LINES = 64 };

typedef struct rig {
    failing_alloc alloc;
    uv_loop_t loop;
    seal_runtime *runtime;
    seal__resolver *resolver; /* NULL: none, or closed */
    uv_timer_t guard;
    bool timed_out;
    bool close_when_told;
    unsigned told; /* callbacks so far; the rest is of the last one */
    bool has_list;
    size_t n;
    char list[4096]; /* "a:1 b:2", in their order */
    char principals[4096];
    char ranks[2048]; /* "10/70 0/0": priority and weight */
    int code;         /* of the error; 0: none */
    char message[2048];
    unsigned n_lines;
    char lines[RIG_LINES][2048];
} rig;

/* A policy that composes greeter/HOST. */
extern const seal__spn_policy rig_greeter;

void rig_init(rig *r);
/* Closes the resolver if there is one; everything must come to its end and give its memory back. */
void rig_done(rig *r);
/* The last part of it, when resolver and runtime have been closed and freed. */
void rig_end(rig *r);

/* Returns what seal__resolver_start does. *error is made when it fails; may be NULL. */
int rig_try(rig *r, const char *target, const seal__spn_policy *policy, seal_error **error);
/* Must start. */
void rig_start(rig *r, const char *target, const seal__spn_policy *policy);
void rig_close(rig *r);

/* Turns the loop until there have been `told` callbacks, or fails the test. */
void rig_until_told(rig *r, unsigned told);
/* The same for a list of `n` endpoints, without an error. */
void rig_until_n(rig *r, size_t n);
/* The same for an error, or 0. */
void rig_until_code(rig *r, int code);
/* Turns the loop for this long. */
void rig_turn_ms(rig *r, unsigned ms);
bool rig_logged(const rig *r, const char *part);

#endif
