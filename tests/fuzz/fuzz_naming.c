/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets, hosts and service principal names. What is accepted is within the limits, and has one
 * form: normalized again it stays the same, and a name that is made of its parts is taken apart
 * into them.
 */
#include <stdlib.h>
#include <string.h>

#include <sealrpc/spn.h>

#include "base/alloc.h"
#include "naming/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds)
        abort();
}

static void fuzz_host(const char *text) {
    char host[SEAL_SPN_HOST_MAX];
    char again[SEAL_SPN_HOST_MAX];
    if (seal_spn_normalize_host(text, host, NULL) != 0)
        return;
    check(seal_spn_normalize_host(host, again, NULL) == 0 && strcmp(host, again) == 0);
    check(strcspn(host, "/@\\ %") == strlen(host));
}

static void fuzz_spn(const char *text) {
    seal_spn spn;
    seal_spn again;
    char made[SEAL_SPN_MAX];
    if (seal_spn_parse(text, &spn, NULL) != 0)
        return;
    const char *name = spn.name[0] != '\0' ? spn.name : NULL;
    check(seal_spn_make(spn.spn_class, spn.host, spn.port, name, made, NULL) == 0);
    check(seal_spn_parse(made, &again, NULL) == 0);
    check(strcmp(spn.spn_class, again.spn_class) == 0 && strcmp(spn.host, again.host) == 0);
    check(spn.port == again.port && strcmp(spn.name, again.name) == 0);
}

static void check_addresses(const seal__address *addresses, size_t n) {
    for (size_t i = 0; i < n; i++)
        check(addresses[i].is_unix || addresses[i].host[0] != '\0');
}

static void fuzz_target(const char *text) {
    seal__target target;
    seal_error *error = NULL;
    int rc = seal__target_parse(text, &seal__default_allocator, &target, &error);
    check(rc == 0 || seal_error_get_code(error) == SEAL_ERROR_INVALID);
    seal_error_free(error);
    if (rc != 0)
        return;
    check(target.n_addresses <= SEAL__TARGET_ADDRESSES && target.n_servers <= SEAL__TARGET_SERVERS);
    check((target.scheme == SEAL__SCHEME_STATIC) == (target.n_addresses > 0));
    check((target.scheme == SEAL__SCHEME_STATIC) == (target.name == NULL));
    check((target.scheme == SEAL__SCHEME_DNS) == (target.srv_name != NULL));
    check_addresses(target.addresses, target.n_addresses);
    check_addresses(target.servers, target.n_servers);
    seal__target_done(&target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    if (text == NULL || size == 0) {
        free(text);
        return 0;
    }
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    if (data[0] % 3 == 0)
        fuzz_host(text);
    else if (data[0] % 3 == 1)
        fuzz_spn(text);
    else
        fuzz_target(text);
    free(text);
    return 0;
}
