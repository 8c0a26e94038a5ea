/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/options.h"
#include "net/protection.h"
#include "client/client_internal.h"

enum { KIB = 1024, MIB = 1024 * 1024, MS = 1000000 };
enum { MIN_KEEPALIVE_MS = 100, DAY_MS = 24 * 3600 * 1000 };

static const seal_suite standard_suites[] = {SEAL_SUITE_AES256_GCM, SEAL_SUITE_AES128_GCM,
                                             SEAL_SUITE_CHACHA20_POLY1305};

static int copy_text(const char *from, const seal_allocator *alloc, char **to,
                     seal_error **reterr) {
    if (from == NULL)
        return 0;
    *to = seal__strdup(alloc, from);
    return *to != NULL ? 0 : seal__error_no_memory(reterr);
}

static int copy_texts(const seal_channel_options *o, const char *default_class,
                      const seal_allocator *alloc, seal__channel_config *config,
                      seal_error **reterr) {
    const char *spn_class = o->spn_class != NULL ? o->spn_class : default_class;
    int rc = copy_text(o->server_principal, alloc, &config->server_principal, reterr);
    if (rc == 0)
        rc = copy_text(spn_class, alloc, &config->spn_class, reterr);
    if (rc == 0)
        rc = copy_text(o->spn_name, alloc, &config->spn_name, reterr);
    if (rc == 0)
        rc = copy_text(o->ccache, alloc, &config->ccache, reterr);
    if (rc == 0)
        rc = copy_text(o->client_keytab, alloc, &config->client_keytab, reterr);
    if (rc == 0)
        rc = copy_text(o->client_principal, alloc, &config->client_principal, reterr);
    config->policy = (seal__spn_policy){.server_principal = config->server_principal,
                                        .spn_class = config->spn_class,
                                        .spn_name = config->spn_name,
                                        .spn_port = o->spn_port};
    return rc;
}

/* The principal is composed of what the user wrote: the class that the client knows and the host in
 * the target. The server is never asked who it is, and DNS has no say. Whether that is possible
 * shows here; of a directory the hosts are not known yet, but the rest can be tried with any. */
static int check_policy(seal__channel_config *config, const seal_allocator *alloc,
                        seal_error **reterr) {
    char principal[SEAL_SPN_MAX];
    const seal__target *target = &config->target;
    const seal__spn_policy *policy = &config->policy;
    int rc = 0;
    if (target->scheme != SEAL__SCHEME_STATIC)
        rc = seal__spn_policy_compose(
            policy, target->scheme == SEAL__SCHEME_DNS ? target->name : "host.example", 1,
            principal, reterr);
    for (size_t i = 0; rc == 0 && i < target->n_addresses; i++)
        rc = seal__spn_policy_compose(policy, target->addresses[i].host, target->addresses[i].port,
                                      principal, reterr);
    if (rc < 0) {
        if (reterr != NULL)
            seal__error_prefix(reterr, "%.300s", target->text);
        return rc;
    }
    bool is_one = target->scheme == SEAL__SCHEME_STATIC && target->n_addresses == 1;
    return is_one ? copy_text(principal, alloc, &config->only_principal, reterr) : 0;
}

static int copy_security(const seal_channel_options *o, seal__secure_config *secure,
                         seal_error **reterr) {
    secure->role = SEAL__CLIENT;
    secure->mechanisms[0] = o->mechanism != 0 ? o->mechanism : SEAL_MECHANISM_KRB5;
    secure->n_mechanisms = 1;
    secure->allow_one_way = o->allow_one_way;
    if (strcmp(seal_mechanism_name(secure->mechanisms[0]), "?") == 0)
        return seal__error(reterr, SEAL_ERROR_INVALID, "mechanism %d is unknown",
                           (int)o->mechanism);
    return seal__set_protection(secure, o->suites, o->n_suites, standard_suites,
                                sizeof standard_suites / sizeof standard_suites[0], o->min_level,
                                reterr);
}

static int copy_attempts(const seal_channel_options *o, seal__channel_config *config,
                         seal_error **reterr) {
    if (o->max_attempts > SEAL__ATTEMPTS_MAX)
        return seal__error(reterr, SEAL_ERROR_INVALID, "max_attempts is %u; it is at most %d",
                           o->max_attempts, SEAL__ATTEMPTS_MAX);
    config->max_attempts = seal__or_default(o->max_attempts, SEAL__ATTEMPTS_DEFAULT);
    return 0;
}

static int copy_window(const seal_channel_options *o, seal__channel_config *config,
                       seal_error **reterr) {
    config->stream_window = seal__or_default(o->stream_window, 256 * KIB);
    if (config->stream_window < 64 * KIB || config->stream_window > 64 * MIB)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "stream_window is %u bytes; it is at least 64 KiB (65536) and at most "
                           "64 MiB (67108864)",
                           o->stream_window);
    return 0;
}

/* The same range as at the server; SEAL_NEVER is for the caller to allow. */
static int check_keepalive(const char *name, uint32_t ms, const char *or_else,
                           seal_error **reterr) {
    if (ms == SEAL_NEVER || (ms >= MIN_KEEPALIVE_MS && ms <= DAY_MS))
        return 0;
    return seal__error(reterr, SEAL_ERROR_INVALID, "%s is %u; %d to %d%s are possible", name, ms,
                       MIN_KEEPALIVE_MS, DAY_MS, or_else);
}

static int copy_keepalive(const seal_channel_options *o, seal__channel_config *config,
                          seal_error **reterr) {
    uint32_t after = seal__or_default(o->keepalive_ms, 20000);
    uint32_t timeout = seal__or_default(o->keepalive_timeout_ms, 10000);
    if (o->keepalive_timeout_ms == SEAL_NEVER)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "keepalive_timeout_ms cannot be SEAL_NEVER; to send no keepalive set "
                           "keepalive_ms to SEAL_NEVER");
    int rc = check_keepalive("keepalive_ms", after, " and SEAL_NEVER", reterr);
    if (rc == 0)
        rc = check_keepalive("keepalive_timeout_ms", timeout, "", reterr);
    if (rc < 0)
        return rc;
    if (after == SEAL_NEVER && o->keepalive_idle)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "keepalive_idle is set, and keepalive_ms is SEAL_NEVER: set one of the "
                           "two");
    config->keepalive_ns = after != SEAL_NEVER ? (uint64_t)after * MS : 0;
    config->keepalive_timeout_ns = (uint64_t)timeout * MS;
    config->keepalive_idle = o->keepalive_idle;
    return 0;
}

static int copy_all(const char *target, const seal_channel_options *o, const char *default_class,
                    const seal_allocator *alloc, seal__channel_config *config,
                    seal_error **reterr) {
    config->timeout_us = (uint64_t)seal__or_default(o->timeout_ms, 30000) * 1000u;
    config->connect_timeout_ns =
        (uint64_t)seal__or_default(o->connect_timeout_ms, 20000) * 1000000u;
    config->max_response = seal__or_default(o->max_response, 4 * MIB);
    config->max_pending = seal__or_default(o->max_pending, 10000);
    if (config->max_response > SEAL__MAX_MESSAGE)
        return seal__error(reterr, SEAL_ERROR_INVALID, "max_response is at most 1 GiB");
    int rc = copy_attempts(o, config, reterr);
    if (rc == 0)
        rc = copy_window(o, config, reterr);
    if (rc == 0)
        rc = copy_keepalive(o, config, reterr);
    if (rc == 0)
        rc = seal__target_parse(target, alloc, &config->target, reterr);
    if (rc == 0)
        rc = copy_texts(o, default_class, alloc, config, reterr);
    if (rc == 0)
        rc = check_policy(config, alloc, reterr);
    return rc == 0 ? copy_security(o, &config->secure, reterr) : rc;
}

int seal__channel_config_make(const char *target, const seal_channel_options *given,
                              const char *default_class, const seal_allocator *alloc,
                              seal__channel_config *ret_config, seal_error **reterr) {
    seal_channel_options options;
    seal_channel_options_init(&options);
    int rc = seal__options_copy(&options, sizeof options, given, "seal_channel_options", reterr);
    if (rc < 0)
        return rc;
    *ret_config = (seal__channel_config){.timeout_us = 0};
    rc = copy_all(target, &options, default_class, alloc, ret_config, reterr);
    if (rc < 0)
        seal__channel_config_done(ret_config, alloc);
    return rc;
}

void seal__channel_config_done(seal__channel_config *config, const seal_allocator *alloc) {
    seal__target_done(&config->target);
    seal__release(alloc, config->server_principal);
    seal__release(alloc, config->spn_class);
    seal__release(alloc, config->spn_name);
    seal__release(alloc, config->only_principal);
    seal__release(alloc, config->ccache);
    seal__release(alloc, config->client_keytab);
    seal__release(alloc, config->client_principal);
}
