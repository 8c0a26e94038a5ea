/* SPDX-License-Identifier: Apache-2.0 */
#include "naming/rig.h"

#include <stdio.h>
#include <string.h>

#include "support/cmocka_all.h"

enum { GUARD_MS = 60000 };

const seal__spn_policy rig_greeter = {.spn_class = "greeter"};

static void keep_line(void *user, seal_log_level level, const char *line) {
    rig *r = user;
    (void)level;
    if (r->n_lines < RIG_LINES)
        snprintf(r->lines[r->n_lines++], sizeof r->lines[0], "%s", line);
}

void rig_init(rig *r) {
    seal_runtime_options options;
    memset(r, 0, sizeof *r);
    failing_alloc_init(&r->alloc);
    assert_int_equal(uv_loop_init(&r->loop), 0);
    uv_timer_init(&r->loop, &r->guard);
    r->guard.data = r;
    seal_runtime_options_init(&options);
    options.loop = &r->loop;
    options.allocator = &r->alloc.allocator;
    options.log = keep_line;
    options.log_user = r;
    assert_int_equal(seal_runtime_new(&options, &r->runtime, NULL), 0);
}

void rig_close(rig *r) {
    seal__resolver *resolver = r->resolver;
    r->resolver = NULL;
    if (resolver != NULL)
        seal__resolver_close(resolver);
}

void rig_end(rig *r) {
    uv_close((uv_handle_t *)&r->guard, NULL);
    assert_int_equal(uv_run(&r->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    assert_int_equal(r->alloc.live, 0);
}

void rig_done(rig *r) {
    rig_close(r);
    unsigned told = r->told;
    seal_runtime_free(r->runtime);
    rig_end(r);
    assert_int_equal(r->told, told);
}

/* ---- What is told ---- */

static void append(char *line, size_t size, const char *text) {
    size_t len = strlen(line);
    snprintf(line + len, size - len, "%s%s", len > 0 ? " " : "", text);
}

static void keep_endpoint(rig *r, const seal__endpoint *e) {
    char text[300];
    seal__endpoint_text(e, text, sizeof text);
    append(r->list, sizeof r->list, text);
    append(r->principals, sizeof r->principals, e->principal);
    snprintf(text, sizeof text, "%u/%u", e->priority, e->weight);
    append(r->ranks, sizeof r->ranks, text);
}

static void on_resolved(void *user, const seal__endpoints *list, const seal_error *error) {
    rig *r = user;
    r->told++;
    r->has_list = list != NULL;
    r->n = list != NULL ? list->n : 0;
    r->list[0] = '\0';
    r->principals[0] = '\0';
    r->ranks[0] = '\0';
    for (size_t i = 0; i < r->n; i++)
        keep_endpoint(r, &list->items[i]);
    r->code = seal_error_get_code(error);
    snprintf(r->message, sizeof r->message, "%s", seal_error_message(error));
    if (r->close_when_told)
        rig_close(r);
    /* The list and the error live until the callback returns, even then. */
    assert_int_equal(list != NULL ? list->n : 0, r->n);
    assert_int_equal(seal_error_get_code(error), r->code);
}

int rig_try(rig *r, const char *text, const seal__spn_policy *policy, seal_error **error) {
    seal__target target;
    assert_int_equal(seal__target_parse(text, &seal__default_allocator, &target, NULL), 0);
    seal__resolver_options options = {.target = &target, .policy = *policy};
    unsigned told = r->told;
    int rc = seal__resolver_start(r->runtime, &options, on_resolved, r, &r->resolver, error);
    seal__target_done(&target);
    assert_int_equal(r->told, told);
    return rc;
}

void rig_start(rig *r, const char *target, const seal__spn_policy *policy) {
    seal_error *error = NULL;
    int rc = rig_try(r, target, policy, &error);
    if (rc != 0)
        print_error("%s: %s\n", target, seal_error_message(error));
    seal_error_free(error);
    assert_int_equal(rc, 0);
}

/* ---- Turning the loop ---- */

static void on_guard(uv_timer_t *guard) {
    rig *r = guard->data;
    r->timed_out = true;
}

static void start_guard(rig *r, uint64_t ms) {
    r->timed_out = false;
    uv_timer_start(&r->guard, on_guard, ms, 0);
}

/* What the test waits for, in the fields that are not "any". */
typedef struct wish {
    bool any_told;
    unsigned told;
    bool any_n;
    size_t n;
    bool any_code;
    int code;
} wish;

static bool is_granted(const rig *r, const wish *w) {
    return r->told > 0 && (w->any_told || r->told >= w->told) && (w->any_n || r->n == w->n) &&
           (w->any_code || r->code == w->code);
}

static void run_until(rig *r, const wish *w) {
    start_guard(r, GUARD_MS);
    while (!is_granted(r, w) && !r->timed_out)
        uv_run(&r->loop, UV_RUN_ONCE);
    bool timed_out = r->timed_out;
    uv_timer_stop(&r->guard);
    if (timed_out)
        print_error("told %u times; %zu endpoints: %s; %s\n", r->told, r->n, r->list, r->message);
    assert_false(timed_out);
}

void rig_until_told(rig *r, unsigned told) {
    run_until(r, &(wish){.told = told, .any_n = true, .any_code = true});
}

void rig_until_n(rig *r, size_t n) {
    run_until(r, &(wish){.any_told = true, .n = n, .code = 0});
}

void rig_until_code(rig *r, int code) {
    run_until(r, &(wish){.any_told = true, .any_n = true, .code = code});
}

void rig_turn_ms(rig *r, unsigned ms) {
    start_guard(r, ms);
    while (!r->timed_out)
        uv_run(&r->loop, UV_RUN_ONCE);
    uv_timer_stop(&r->guard);
}

bool rig_logged(const rig *r, const char *part) {
    for (unsigned i = 0; i < r->n_lines; i++) {
        if (strstr(r->lines[i], part) != NULL)
            return true;
    }
    return false;
}
