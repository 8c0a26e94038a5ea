/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>

static bool parse_mechanism(const char *text, seal_mechanism *ret_mechanism) {
    for (seal_mechanism m = SEAL_MECHANISM_KRB5; m <= SEAL_MECHANISM_SPNEGO; m++) {
        if (strcmp(text, seal_mechanism_name(m)) == 0) {
            *ret_mechanism = m;
            return true;
        }
    }
    return false;
}

static bool parse_level(const char *text, seal_level *ret_level) {
    for (seal_level l = SEAL_LEVEL_INTEGRITY; l <= SEAL_LEVEL_PRIVACY; l++) {
        if (strcmp(text, seal_level_name(l)) == 0) {
            *ret_level = l;
            return true;
        }
    }
    return false;
}

static bool add_suite(peer_options *options, const char *text, size_t len) {
    for (seal_suite s = SEAL_SUITE_AES256_GCM; s <= SEAL_SUITE_GSS; s++) {
        const char *name = seal_suite_name(s);
        if (strlen(name) == len && memcmp(name, text, len) == 0 && options->n_suites < 4) {
            options->suites[options->n_suites++] = s;
            return true;
        }
    }
    return false;
}

static bool parse_suites(peer_options *options, const char *text) {
    options->n_suites = 0;
    for (;;) {
        size_t len = strcspn(text, ",");
        if (!add_suite(options, text, len))
            return false;
        if (text[len] == '\0')
            return true;
        text += len + 1;
    }
}

static bool parse_number(const char *text, long max, long *ret_number) {
    char *end = NULL;
    *ret_number = strtol(text, &end, 10);
    return end != text && *end == '\0' && *ret_number >= 1 && *ret_number <= max;
}

static bool parse_calls(const char *text, int *ret_calls) {
    long calls = 0;
    if (!parse_number(text, 1000000, &calls))
        return false;
    *ret_calls = (int)calls;
    return true;
}

/* A name of so many letters. */
static bool parse_size(peer_options *options, const char *text) {
    long size = 0;
    if (!parse_number(text, 1 << 24, &size))
        return false;
    free(options->long_name);
    options->long_name = malloc((size_t)size + 1);
    if (options->long_name == NULL)
        return false;
    memset(options->long_name, 'x', (size_t)size);
    options->long_name[size] = '\0';
    options->name = options->long_name;
    return true;
}

/* Decodes hexadecimal digits in place and returns how many bytes they are, -1 where they are none.
 */
static int decode_hex(char *text) {
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i += 2) {
        const char pair[3] = {text[i], text[i + 1], '\0'};
        char *end = NULL;
        text[i / 2] = (char)strtol(pair, &end, 16);
        if (end != pair + 2)
            return -1;
    }
    return (int)(len / 2);
}

/* KEY=HEX, which is spoilt. */
static bool parse_metadata(peer_options *options, char *text) {
    char *value = strchr(text, '=');
    if (value == NULL ||
        (options->metadata == NULL && seal_metadata_new(NULL, &options->metadata) < 0))
        return false;
    *value++ = '\0';
    int len = decode_hex(value);
    size_t key_len = strlen(text);
    if (len < 0)
        return false;
    if (key_len >= 4 && strcmp(text + key_len - 4, "-bin") == 0)
        return seal_metadata_add_bytes(options->metadata, text, value, (size_t)len, NULL) == 0;
    value[len] = '\0';
    return seal_metadata_add(options->metadata, text, value, NULL) == 0;
}

static bool parse_option(peer_options *options, const char *option, char *value) {
    if (strcmp(option, "--client") == 0)
        options->client = value;
    else if (strcmp(option, "--port-file") == 0)
        options->port_file = value;
    else if (strcmp(option, "--mechanism") == 0)
        return parse_mechanism(value, &options->mechanism);
    else if (strcmp(option, "--suite") == 0)
        return parse_suites(options, value);
    else if (strcmp(option, "--level") == 0)
        return parse_level(value, &options->level);
    else if (strcmp(option, "--principal") == 0)
        options->principal = value;
    else if (strcmp(option, "--name") == 0)
        options->name = value;
    else if (strcmp(option, "--size") == 0)
        return parse_size(options, value);
    else if (strcmp(option, "--metadata") == 0)
        return parse_metadata(options, value);
    else if (strcmp(option, "--calls") == 0)
        return parse_calls(value, &options->calls);
    else
        return false;
    return true;
}

static bool parse_flag(peer_options *options, const char *option) {
    if (strcmp(option, "--server") == 0)
        options->server = true;
    else if (strcmp(option, "--until-renewed") == 0)
        options->until_renewed = true;
    else if (strcmp(option, "--drain") == 0)
        options->drain = true;
    else if (strcmp(option, "--until-drained") == 0)
        options->until_drained = true;
    else
        return false;
    return true;
}

void peer_options_done(peer_options *options) {
    seal_metadata_free(options->metadata);
    free(options->long_name);
}

bool peer_options_parse(int argc, char **argv, peer_options *ret_options) {
    static char world[] = "world";
    peer_options options = {.level = SEAL_LEVEL_PRIVACY,
                            .principal = "greeter/localhost",
                            .name = world,
                            .calls = 1,
                            .suites = {SEAL_SUITE_AES256_GCM, SEAL_SUITE_AES128_GCM,
                                       SEAL_SUITE_CHACHA20_POLY1305, SEAL_SUITE_GSS},
                            .n_suites = 4};
    for (int i = 1; i < argc; i++) {
        if (parse_flag(&options, argv[i]))
            continue;
        if (i + 1 == argc || !parse_option(&options, argv[i], argv[i + 1])) {
            fprintf(stderr, "%s: cannot do \"%s%s%s\": see tests/interop/README.md\n", argv[0],
                    argv[i], i + 1 < argc ? " " : "", i + 1 < argc ? argv[i + 1] : "");
            peer_options_done(&options);
            return false;
        }
        i++;
    }
    if (options.server ? options.client != NULL || options.port_file == NULL
                       : options.client == NULL) {
        fprintf(stderr, "usage: %s --client HOST:PORT | --server --port-file FILE [OPTION...]\n",
                argv[0]);
        peer_options_done(&options);
        return false;
    }
    *ret_options = options;
    return true;
}

const char *peer_word(int code) {
    switch (code) {
    case SEAL_ERROR_PEER_REFUSED:
    case SEAL_ERROR_CLOSED:
        return "PEER_REFUSED";
    case SEAL_ERROR_AUTHENTICATION:
    case SEAL_ERROR_PROTECTION:
    case SEAL_ERROR_WRONG_TARGET:
    case SEAL_ERROR_KEY_VERSION:
    case SEAL_ERROR_NOT_MUTUAL:
        return "AUTHENTICATION";
    case SEAL_ERROR_TAMPERED:
        return "TAMPERED";
    case SEAL_ERROR_TRUNCATED:
        return "TRUNCATED";
    case SEAL_ERROR_PROTOCOL:
        return "PROTOCOL";
    default:
        return "OTHER";
    }
}
