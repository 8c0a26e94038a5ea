/* SPDX-License-Identifier: Apache-2.0 */
/* The protocol over Heimdal's GSSAPI, as a peer of the interoperation tests: see ../README.md for
 * the command line. */
#include "peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extras.h"
#include "mech_heimdal.h"
#include "secure/crypto/crypto.h"
#include "wire/metadata.h"

enum { USAGE = 2, MAX_CALLS = 1000000, MAX_SIZE = 4 << 20 };

const char *peer_word(int code) {
    switch (code) {
    case 0:
        return "CLOSED";
    case SEAL_ERROR_PEER_REFUSED:
        return "PEER_REFUSED";
    case SEAL_ERROR_AUTHENTICATION:
    case SEAL_ERROR_NOT_MUTUAL:
    case SEAL_ERROR_WRONG_TARGET:
    case SEAL_ERROR_PROTECTION:
        return "AUTHENTICATION";
    case SEAL_ERROR_TAMPERED:
        return "TAMPERED";
    case SEAL_ERROR_TRUNCATED:
    case SEAL_ERROR_CLOSED:
        return "TRUNCATED";
    case SEAL_ERROR_PROTOCOL:
    case SEAL_ERROR_NOT_SEALRPC:
    case SEAL_ERROR_VERSION:
    case SEAL_ERROR_TOO_BIG:
    case SEAL_ERROR_TOO_MANY:
        return "PROTOCOL";
    default:
        return "OTHER";
    }
}

void peer_report(const char *prefix, int code, const char *text) {
    printf("%s: %s: %s\n", prefix, peer_word(code), text);
    fflush(stdout);
}

/* ---- Options ---- */

static bool parse_suite(const char *text, size_t len, seal_suite *ret_suite) {
    for (int i = SEAL_SUITE_AES256_GCM; i <= SEAL_SUITE_GSS; i++) {
        const char *name = seal_suite_name((seal_suite)i);
        if (strlen(name) != len || memcmp(name, text, len) != 0)
            continue;
        *ret_suite = (seal_suite)i;
        return true;
    }
    return false;
}

static bool parse_suites(const char *text, seal__secure_config *secure) {
    secure->n_suites = 0;
    for (;;) {
        size_t len = strcspn(text, ",");
        if (secure->n_suites == SEAL__MAX_SUITES ||
            !parse_suite(text, len, &secure->suites[secure->n_suites]))
            return false;
        secure->n_suites++;
        if (text[len] == '\0')
            return true;
        text += len + 1;
    }
}

static bool parse_mechanism(const char *text, seal__secure_config *secure) {
    secure->n_mechanisms = 1;
    if (strcmp(text, "krb5") == 0)
        secure->mechanisms[0] = SEAL_MECHANISM_KRB5;
    else if (strcmp(text, "spnego") == 0)
        secure->mechanisms[0] = SEAL_MECHANISM_SPNEGO;
    else
        return false;
    return true;
}

static bool parse_level(const char *text, seal__secure_config *secure) {
    if (strcmp(text, "integrity") == 0)
        secure->min_level = SEAL_LEVEL_INTEGRITY;
    else if (strcmp(text, "privacy") == 0)
        secure->min_level = SEAL_LEVEL_PRIVACY;
    else
        return false;
    return true;
}

static bool parse_number(const char *text, unsigned long max, unsigned *ret_number) {
    char *end = NULL;
    unsigned long n = strtoul(text, &end, 10);
    *ret_number = (unsigned)n;
    return *text >= '0' && *text <= '9' && *end == '\0' && n > 0 && n <= max;
}

/* A name of so many letters. */
static bool parse_size(const char *text, const char **ret_name) {
    static char name[MAX_SIZE + 1];
    unsigned size = 0;
    if (!parse_number(text, MAX_SIZE, &size))
        return false;
    memset(name, 'x', size);
    name[size] = '\0';
    *ret_name = name;
    return true;
}

static bool parse_text(const char *text, const char **ret_text) {
    *ret_text = text;
    return *text != '\0';
}

static bool parse_option(peer_options *o, const char *option, const char *value) {
    if (strcmp(option, "--client") == 0) {
        o->role = SEAL__CLIENT;
        return parse_text(value, &o->address);
    }
    if (strcmp(option, "--port-file") == 0)
        return parse_text(value, &o->port_file);
    if (strcmp(option, "--mechanism") == 0)
        return parse_mechanism(value, &o->secure);
    if (strcmp(option, "--suite") == 0)
        return parse_suites(value, &o->secure);
    if (strcmp(option, "--level") == 0)
        return parse_level(value, &o->secure);
    if (strcmp(option, "--principal") == 0)
        return parse_text(value, &o->principal);
    if (strcmp(option, "--name") == 0)
        return parse_text(value, &o->name);
    if (strcmp(option, "--calls") == 0)
        return parse_number(value, MAX_CALLS, &o->calls);
    if (strcmp(option, "--size") == 0)
        return parse_size(value, &o->name);
    if (strcmp(option, "--metadata") == 0)
        return extras_parse(value, &o->metadata);
    if (strcmp(option, "--tamper") == 0)
        return tamper_parse(value, &o->tampering);
    return false;
}

static bool parse_flag(peer_options *o, const char *option) {
    if (strcmp(option, "--server") == 0)
        o->role = SEAL__SERVER;
    else if (strcmp(option, "--renew") == 0)
        o->renew = true;
    else if (strcmp(option, "--drain") == 0)
        o->drain = true;
    else if (strcmp(option, "--until-drained") == 0)
        o->until_drained = true;
    else
        return false;
    return true;
}

static bool parse(int argc, char **argv, peer_options *o) {
    for (int i = 1; i < argc; i++) {
        if (parse_flag(o, argv[i]))
            continue;
        if (i + 1 == argc || !parse_option(o, argv[i], argv[i + 1])) {
            fprintf(stderr, "seal-interop-heimdal: wrong option or value: %s\n", argv[i]);
            return false;
        }
        i++;
    }
    if (o->role == SEAL__SERVER && o->secure.n_mechanisms == 0) {
        o->secure.mechanisms[o->secure.n_mechanisms++] = SEAL_MECHANISM_KRB5;
        o->secure.mechanisms[o->secure.n_mechanisms++] = SEAL_MECHANISM_SPNEGO;
    }
    return o->role == SEAL__CLIENT ? o->address != NULL
                                   : o->role == SEAL__SERVER && o->port_file != NULL;
}

/* ---- Start ---- */

static int run(const peer_options *given) {
    peer_options o = *given;
    heimdal_identity identity;
    seal_error *error = NULL;
    int rc = heimdal_identity_init(&identity, &seal__default_allocator, o.role == SEAL__CLIENT,
                                   o.principal, &error);
    if (rc == 0 && (rc = seal__random(o.secure.instance_id, SEAL__INSTANCE_ID)) != 0)
        seal__error(&error, rc, "no random bytes");
    int status = 1;
    if (rc < 0) {
        peer_report("error", rc, seal_error_message(error));
    } else {
        o.secure.role = o.role;
        o.secure.alloc = &seal__default_allocator;
        o.secure.mechs = (seal__mech_source){.make = heimdal_make, .user = &identity};
        o.secure.target = o.role == SEAL__CLIENT ? o.principal : NULL;
        status = o.role == SEAL__CLIENT ? client_run(&o) : server_run(&o);
    }
    seal_error_free(error);
    heimdal_identity_done(&identity);
    return status;
}

int main(int argc, char **argv) {
    peer_options options = {
        .name = "world",
        .principal = "greeter/localhost",
        .calls = 1,
        .secure = {.suites = {SEAL_SUITE_AES256_GCM, SEAL_SUITE_AES128_GCM,
                              SEAL_SUITE_CHACHA20_POLY1305, SEAL_SUITE_GSS},
                   .n_suites = 4},
    };
    seal__buf_init(&options.metadata, &seal__default_allocator, SEAL__METADATA_MAX);
    if (!parse(argc, argv, &options)) {
        seal__buf_done(&options.metadata);
        fprintf(stderr, "usage: seal-interop-heimdal --client HOST:PORT | --server --port-file FILE"
                        " [OPTION VALUE]...\n");
        return USAGE;
    }
    int status = run(&options);
    seal__buf_done(&options.metadata);
    return status;
}
