/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/options.h"
#include "net/protection.h"
#include "client/client_internal.h"

enum { MIB = 1024 * 1024 };

static const seal_suite standard_suites[] = {SEAL_SUITE_AES256_GCM, SEAL_SUITE_AES128_GCM,
                                             SEAL_SUITE_CHACHA20_POLY1305};

/* The principal is composed of what the user wrote: the class that the client knows and the host in
 * the target. The server is never asked who it is, and DNS has no say. */
static int compose_principal(const seal_channel_options *o, const char *default_class,
                             const seal_allocator *alloc, seal__channel_config *config,
                             seal_error **reterr) {
    char text[SEAL__TARGET_MAX];
    const char *spn_class = o->spn_class != NULL ? o->spn_class : default_class;
    const seal__address *address = &config->address;
    if (o->server_principal == NULL) {
        if (address->is_unix || address->is_literal)
            return seal__error(reterr, SEAL_ERROR_INVALID,
                               "%s has no host name to compose the server's principal from; set "
                               "server_principal, such as greeter/host.example.com",
                               config->target);
        if (spn_class == NULL || spn_class[0] == '\0')
            return seal__error(
                reterr, SEAL_ERROR_INVALID,
                "neither server_principal nor spn_class is set; the server must be named");
        snprintf(text, sizeof text, "%s/%s", spn_class, address->host);
    } else if (strchr(o->server_principal, '/') == NULL ||
               strlen(o->server_principal) >= sizeof text) {
        return seal__error(
            reterr, SEAL_ERROR_INVALID,
            "server_principal \"%s\" is not a service principal; expected class/host",
            o->server_principal);
    } else {
        snprintf(text, sizeof text, "%s", o->server_principal);
    }
    config->server_principal = seal__strdup(alloc, text);
    return config->server_principal != NULL ? 0 : seal__error_no_memory(reterr);
}

static int copy_text(const char *from, const seal_allocator *alloc, char **to,
                     seal_error **reterr) {
    if (from == NULL)
        return 0;
    *to = seal__strdup(alloc, from);
    return *to != NULL ? 0 : seal__error_no_memory(reterr);
}

static int copy_texts(const seal_channel_options *o, const seal_allocator *alloc,
                      seal__channel_config *config, seal_error **reterr) {
    int rc = copy_text(o->ccache, alloc, &config->ccache, reterr);
    if (rc == 0)
        rc = copy_text(o->client_keytab, alloc, &config->client_keytab, reterr);
    if (rc == 0)
        rc = copy_text(o->client_principal, alloc, &config->client_principal, reterr);
    return rc;
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
    int rc = seal__address_parse(target, &config->address, reterr);
    if (rc == 0 && !config->address.is_unix &&
        (config->address.port == 0 || config->address.host[0] == '\0'))
        rc = seal__error(reterr, SEAL_ERROR_INVALID, "target \"%s\" needs a host and a port",
                         target);
    if (rc == 0)
        rc = copy_text(target, alloc, &config->target, reterr);
    if (rc == 0)
        rc = compose_principal(o, default_class, alloc, config, reterr);
    if (rc == 0)
        rc = copy_texts(o, alloc, config, reterr);
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
    *ret_config = (seal__channel_config){.target = NULL};
    rc = copy_all(target, &options, default_class, alloc, ret_config, reterr);
    if (rc < 0)
        seal__channel_config_done(ret_config, alloc);
    return rc;
}

void seal__channel_config_done(seal__channel_config *config, const seal_allocator *alloc) {
    seal__release(alloc, config->target);
    seal__release(alloc, config->server_principal);
    seal__release(alloc, config->ccache);
    seal__release(alloc, config->client_keytab);
    seal__release(alloc, config->client_principal);
}
