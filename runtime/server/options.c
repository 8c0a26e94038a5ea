/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/options.h"
#include "net/protection.h"
#include "server/server_internal.h"

enum {
    MIB = 1024 * 1024,
    DAY_MS = 24 * 60 * 60 * 1000,
    MAX_WORKERS = 1024,
    MAX_WORKER_QUEUE = 1000000,
    MIN_WINDOW = 64 * 1024,
    MAX_WINDOW = 64 * MIB,
    MIN_KEEPALIVE_MS = 100 /* less would be a flood of its own */
};

static const seal_suite all_suites[] = {SEAL_SUITE_AES256_GCM, SEAL_SUITE_AES128_GCM,
                                        SEAL_SUITE_CHACHA20_POLY1305, SEAL_SUITE_GSS};

static int add_principal(seal__server_config *config, const seal_allocator *alloc, const char *name,
                         seal_error **reterr) {
    if (strchr(name, '/') == NULL || strlen(name) > SEAL__TARGET_MAX)
        return seal__error(
            reterr, SEAL_ERROR_INVALID,
            "principal \"%s\" is not a service principal; expected class/host, such as "
            "greeter/localhost",
            name);
    if (config->n_principals == SEAL__SERVER_MAX_PRINCIPALS)
        return seal__error(reterr, SEAL_ERROR_INVALID, "at most %d principals are possible",
                           SEAL__SERVER_MAX_PRINCIPALS);
    char *copy = seal__strdup(alloc, name);
    if (copy == NULL)
        return seal__error_no_memory(reterr);
    config->principals[config->n_principals++] = copy;
    return 0;
}

static int copy_names(const seal_server_options *o, const seal_allocator *alloc,
                      seal__server_config *config, seal_error **reterr) {
    if (o->principal == NULL)
        return seal__error(
            reterr, SEAL_ERROR_INVALID,
            "principal is not set; name the service, such as greeter/host.example.com");
    int rc = add_principal(config, alloc, o->principal, reterr);
    for (size_t i = 0; rc == 0 && o->aliases != NULL && o->aliases[i] != NULL; i++)
        rc = add_principal(config, alloc, o->aliases[i], reterr);
    if (rc == 0 && o->keytab != NULL && (config->keytab = seal__strdup(alloc, o->keytab)) == NULL)
        rc = seal__error_no_memory(reterr);
    return rc;
}

static int copy_mechanisms(const seal_server_options *o, seal__secure_config *secure,
                           seal_error **reterr) {
    size_t max = sizeof secure->mechanisms / sizeof secure->mechanisms[0];
    if (o->mechanisms == NULL) {
        secure->mechanisms[0] = SEAL_MECHANISM_KRB5;
        secure->n_mechanisms = 1;
        return 0;
    }
    if (o->n_mechanisms == 0 || o->n_mechanisms > max)
        return seal__error(reterr, SEAL_ERROR_INVALID, "n_mechanisms is %zu; 1 to %zu are possible",
                           o->n_mechanisms, max);
    for (size_t i = 0; i < o->n_mechanisms; i++) {
        if (strcmp(seal_mechanism_name(o->mechanisms[i]), "?") == 0)
            return seal__error(reterr, SEAL_ERROR_INVALID, "mechanism %d is unknown",
                               (int)o->mechanisms[i]);
        secure->mechanisms[i] = o->mechanisms[i];
    }
    secure->n_mechanisms = o->n_mechanisms;
    return 0;
}

static int copy_numbers(const seal_server_options *o, seal__server_config *config,
                        seal_error **reterr) {
    config->max_connections = seal__or_default(o->max_connections, 10000);
    config->max_half_open = seal__or_default(o->max_half_open, 1024);
    config->max_half_open_per_source = seal__or_default(o->max_half_open_per_source, 64);
    config->max_streams = seal__or_default(o->max_streams, 100);
    config->max_request = seal__or_default(o->max_request, 4 * MIB);
    config->max_response = seal__or_default(o->max_response, 64 * MIB);
    config->stop_grace_ms = seal__or_default(o->stop_grace_ms, 5000);
    config->skip_startup_check = o->skip_startup_check;
    if (config->max_streams < SEAL__SESSION_FIRST_STREAMS || config->max_streams > 1000)
        return seal__error(reterr, SEAL_ERROR_INVALID, "max_streams is %u; %d to 1000 are possible",
                           config->max_streams, SEAL__SESSION_FIRST_STREAMS);
    if (config->max_request > SEAL__MAX_MESSAGE || config->max_response > SEAL__MAX_MESSAGE)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "max_request and max_response are at most 1 GiB");
    return 0;
}

static int check_range(const char *name, uint32_t value, uint32_t min, uint32_t max,
                       seal_error **reterr) {
    if (value >= min && value <= max)
        return 0;
    return seal__error(reterr, SEAL_ERROR_INVALID, "%s is %u; %u to %u are possible", name, value,
                       min, max);
}

static int copy_threads(const seal_server_options *o, seal__server_config *config,
                        seal_error **reterr) {
    config->loops = seal__or_default(o->loops, 1);
    config->worker_threads = seal__or_default(o->worker_threads, 16);
    config->worker_queue = seal__or_default(o->worker_queue, 1000);
    int rc = check_range("loops", config->loops, 1, SEAL__SERVER_MAX_LOOPS, reterr);
    if (rc == 0)
        rc = check_range("worker_threads", config->worker_threads, 1, MAX_WORKERS, reterr);
    if (rc == 0)
        rc = check_range("worker_queue", config->worker_queue, 1, MAX_WORKER_QUEUE, reterr);
    return rc;
}

static int copy_window(const seal_server_options *o, seal__server_config *config,
                       seal_error **reterr) {
    config->stream_window = o->stream_window;
    if (o->stream_window == 0)
        return 0;
    int rc = check_range("stream_window", o->stream_window, MIN_WINDOW, MAX_WINDOW, reterr);
    if (rc == 0 && (uint64_t)o->stream_window * config->max_streams > SEAL__MAX_MESSAGE)
        rc = seal__error(reterr, SEAL_ERROR_INVALID,
                         "stream_window is %u with max_streams %u: a client could make the server "
                         "keep more than 1 GiB; lower one of them",
                         o->stream_window, config->max_streams);
    return rc;
}

/* 0: the default; SEAL_NEVER: 0 ns, which means so. */
static int copy_time(const char *name, uint32_t given, uint32_t standard, uint32_t min,
                     uint64_t *ret_ns, seal_error **reterr) {
    uint32_t ms = seal__or_default(given, standard);
    *ret_ns = ms == SEAL_NEVER ? 0 : (uint64_t)ms * 1000000u;
    if (ms == SEAL_NEVER || (ms >= min && ms <= DAY_MS))
        return 0;
    return seal__error(reterr, SEAL_ERROR_INVALID, "%s is %u; %u to %d and SEAL_NEVER are possible",
                       name, ms, min, DAY_MS);
}

static int copy_times(const seal_server_options *o, seal__server_config *config,
                      seal_error **reterr) {
    uint32_t timeout_ms = seal__or_default(o->keepalive_timeout_ms, 20000);
    config->keepalive_timeout_ns = (uint64_t)timeout_ms * 1000000u;
    int rc = check_range("keepalive_timeout_ms", timeout_ms, MIN_KEEPALIVE_MS, DAY_MS, reterr);
    if (rc == 0)
        rc = copy_time("keepalive_ms", o->keepalive_ms, 60000, MIN_KEEPALIVE_MS,
                       &config->keepalive_ns, reterr);
    if (rc == 0)
        rc = copy_time("max_connection_idle_ms", o->max_connection_idle_ms, SEAL_NEVER, 1,
                       &config->idle_ns, reterr);
    if (rc == 0)
        rc = copy_time("max_connection_age_ms", o->max_connection_age_ms, SEAL_NEVER, 1,
                       &config->age_ns, reterr);
    return rc;
}

static int copy_security(const seal_server_options *o, seal__secure_config *secure,
                         seal_error **reterr) {
    secure->role = SEAL__SERVER;
    secure->allow_one_way = o->allow_one_way;
    secure->allow_anonymous = o->allow_anonymous;
    secure->handshake_timeout_ns =
        (uint64_t)seal__or_default(o->handshake_timeout_ms, 10000) * 1000000u;
    int rc = seal__set_protection(secure, o->suites, o->n_suites, all_suites,
                                  sizeof all_suites / sizeof all_suites[0], o->min_level, reterr);
    return rc < 0 ? rc : copy_mechanisms(o, secure, reterr);
}

int seal__server_config_make(const seal_server_options *given, const seal_allocator *alloc,
                             seal__server_config *ret_config, seal_error **reterr) {
    seal_server_options options;
    seal_server_options_init(&options);
    int rc = seal__options_copy(&options, sizeof options, given, "seal_server_options", reterr);
    if (rc < 0)
        return rc;
    *ret_config = (seal__server_config){.n_principals = 0};
    rc = copy_names(&options, alloc, ret_config, reterr);
    if (rc == 0)
        rc = copy_numbers(&options, ret_config, reterr);
    if (rc == 0)
        rc = copy_threads(&options, ret_config, reterr);
    if (rc == 0)
        rc = copy_window(&options, ret_config, reterr);
    if (rc == 0)
        rc = copy_times(&options, ret_config, reterr);
    if (rc == 0)
        rc = copy_security(&options, &ret_config->secure, reterr);
    if (rc < 0)
        seal__server_config_done(ret_config, alloc);
    return rc;
}

void seal__server_config_done(seal__server_config *config, const seal_allocator *alloc) {
    for (size_t i = 0; i < config->n_principals; i++)
        seal__release(alloc, config->principals[i]);
    seal__release(alloc, config->keytab);
    config->n_principals = 0;
    config->keytab = NULL;
}
