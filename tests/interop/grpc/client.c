/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client of gRPC's interoperability tests. Ends with 0 when the cases hold, 1 when one does
 * not, 2 when it is asked for something that there is not.
 *
 * usage: seal-interop-client --server TARGET --case NAME [OPTION...]
 */
#include <stdio.h>

#include "cases.h"

enum { SIZE_MAX_SOAK = 1024 * 1024 };

static const interop_case *const lists[] = {interop_unary_cases, interop_stream_cases,
                                            interop_status_cases, interop_soak_cases};
enum { LISTS = sizeof lists / sizeof *lists };

typedef struct client_options {
    const char *wanted;
    unsigned modes; /* bits */
    bool quiet;
} client_options;

/* ---- Options ---- */

static bool parse_mode(const char *text, unsigned *ret_modes) {
    static const char *const names[] = {"blocking", "async", "both"};
    for (unsigned i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret_modes = i + 1;
            return true;
        }
    }
    return false;
}

static bool parse_soak(soak_options *soak, const char *option, const char *value) {
    const struct {
        const char *name;
        uint32_t *number;
        uint32_t max;
    } numbers[] = {
        {"--soak-iterations", &soak->iterations, UINT32_MAX},
        {"--soak-max-failures", &soak->max_failures, UINT32_MAX},
        {"--soak-per-iteration-max-acceptable-latency-ms", &soak->max_latency_ms, UINT32_MAX},
        {"--soak-overall-timeout-seconds", &soak->overall_timeout_s, UINT32_MAX},
        {"--soak-min-time-ms-between-rpcs", &soak->min_time_ms, UINT32_MAX},
        {"--soak-request-size", &soak->request_size, SIZE_MAX_SOAK},
        {"--soak-response-size", &soak->response_size, SIZE_MAX_SOAK},
        {"--soak-num-threads", &soak->threads, 64},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (strcmp(option, numbers[i].name) == 0)
            return interop_parse_number(value, numbers[i].max, numbers[i].number);
    }
    return false;
}

static bool parse_one(interop_test *test, client_options *options, const char *option,
                      const char *value) {
    if (strcmp(option, "--level") == 0)
        return interop_parse_level(value, &test->protection.level);
    if (strcmp(option, "--suite") == 0)
        return interop_parse_suite(value, &test->protection.suite);
    if (strcmp(option, "--mode") == 0)
        return parse_mode(value, &options->modes);
    if (strcmp(option, "--concurrent-calls") == 0)
        return interop_parse_number(value, 10000, &test->concurrent);
    if (strcmp(option, "--server") == 0)
        test->target = value;
    else if (strcmp(option, "--case") == 0)
        options->wanted = value;
    else
        return parse_soak(&test->soak, option, value);
    return true;
}

static void usage(const char *program) {
    fprintf(stderr,
            "usage: %s --server TARGET --case NAME|all|soak [--mode blocking|async|both]\n"
            "       [--level privacy|integrity] [--suite "
            "aes256-gcm|aes128-gcm|chacha20-poly1305|gss]\n"
            "       [--concurrent-calls N] [--soak-iterations N] [--soak-max-failures N]\n"
            "       [--soak-per-iteration-max-acceptable-latency-ms N]\n"
            "       [--soak-overall-timeout-seconds N] [--soak-min-time-ms-between-rpcs N]\n"
            "       [--soak-request-size N] [--soak-response-size N] [--soak-num-threads N]\n"
            "cases:\n",
            program);
    for (size_t i = 0; i < LISTS; i++) {
        for (const interop_case *c = lists[i]; c->name != NULL; c++)
            fprintf(stderr, "  %s\n", c->name);
    }
}

static bool parse(int argc, char **argv, interop_test *test, client_options *options) {
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quiet") == 0) {
            options->quiet = true;
        } else if (i + 1 == argc || !parse_one(test, options, argv[i], argv[i + 1])) {
            fprintf(stderr, "%s: cannot do \"%s%s%s\"\n", argv[0], argv[i], i + 1 < argc ? " " : "",
                    i + 1 < argc ? argv[i + 1] : "");
            return false;
        } else {
            i++;
        }
    }
    return test->target != NULL && options->wanted != NULL && test->soak.threads > 0;
}

static bool is_wanted(const char *wanted, const char *name) {
    return strcmp(wanted, name) == 0 || strcmp(wanted, "all") == 0 ||
           (strcmp(wanted, "soak") == 0 && strstr(name, "_soak") != NULL);
}

/* ---- Running ---- */

seal_channel *interop_channel(interop_test *test) {
    seal_channel_options options;
    seal_channel_options_init(&options);
    options.timeout_ms = 200000; /* a slow machine is no failure */
    options.min_level = test->protection.level;
    options.suites = test->protection.suite != 0 ? &test->protection.suite : NULL;
    options.n_suites = test->protection.suite != 0 ? 1 : 0;
    seal_channel *channel = NULL;
    seal_error *error = NULL;
    int rc = grpc_testing_test_service_channel_new(test->runtime, test->target, &options, &channel,
                                                   &error);
    if (rc < 0)
        interop_fail(test, "%s", seal_error_message(error));
    seal_error_free(error);
    return rc == 0 ? channel : NULL;
}

static bool run_case(interop_test *test, const interop_case *c, const client_options *options) {
    bool all = true;
    for (interop_mode mode = INTEROP_BLOCKING; mode <= INTEROP_ASYNC; mode++) {
        if ((options->modes & mode) == 0)
            continue;
        const char *name = mode == INTEROP_BLOCKING ? "blocking" : "async";
        test->mode = mode;
        bool ok = c->run(test);
        if (!ok)
            fprintf(stderr, "%s (%s): %s\n", c->name, name, test->why);
        else if (!options->quiet)
            printf("%s (%s): ok\n", c->name, name);
        all = all && ok;
    }
    return all;
}

/* Returns the exit status. */
static int run_all(interop_test *test, const client_options *options) {
    unsigned failures = 0;
    unsigned n = 0;
    for (size_t i = 0; i < LISTS; i++) {
        for (const interop_case *c = lists[i]; c->name != NULL; c++) {
            if (!is_wanted(options->wanted, c->name))
                continue;
            n++;
            failures += !run_case(test, c, options);
        }
    }
    printf("%u cases, %u failed\n", n, failures);
    return failures > 0;
}

static bool exists(const char *wanted) {
    for (size_t i = 0; i < LISTS; i++) {
        for (const interop_case *c = lists[i]; c->name != NULL; c++) {
            if (is_wanted(wanted, c->name))
                return true;
        }
    }
    return false;
}

int main(int argc, char **argv) {
    interop_test test = {.concurrent = 1000,
                         .soak = {.iterations = 10,
                                  .max_latency_ms = 1000,
                                  .overall_timeout_s = 10,
                                  .request_size = 271828,
                                  .response_size = 314159,
                                  .threads = 1}};
    client_options options = {.modes = INTEROP_BLOCKING | INTEROP_ASYNC};
    if (!parse(argc, argv, &test, &options) || !exists(options.wanted)) {
        usage(argv[0]);
        return 2;
    }
    seal_runtime_options with;
    seal_runtime_options_init(&with);
    with.log = interop_log;
    seal_error *error = NULL;
    int status = 1;
    if (seal_runtime_new(&with, &test.runtime, &error) < 0)
        fprintf(stderr, "%s: %s\n", argv[0], seal_error_message(error));
    else if ((test.channel = interop_channel(&test)) == NULL)
        fprintf(stderr, "%s: %s\n", argv[0], test.why);
    else
        status = run_all(&test, &options);
    seal_error_free(error);
    seal_channel_free(test.channel);
    seal_runtime_free(test.runtime);
    return status;
}
