/* SPDX-License-Identifier: Apache-2.0 */
/* A build without MIT's libkadm5clnt. */
#include "kadm5.h"

#include "base/error.h"

int kadmin_open(const char *realm, const struct login *login, struct kadmin **ret_kadmin,
                seal_error **reterr) {
    (void)realm;
    (void)ret_kadmin;
    return seal__error(
        reterr, SEAL_ERROR_KERBEROS_CONFIG,
        "this build of seal cannot talk to kadmind; do it with MIT's own tool as %s: "
        "kadmin addprinc -randkey SPN; kadmin ktadd -k FILE SPN",
        login->principal);
}

void kadmin_close(struct kadmin *kadmin) {
    (void)kadmin;
}

static int never(seal_error **reterr) {
    return seal__error(reterr, SEAL_ERROR_INTERNAL, "no kadmind");
}

int kadmin_find(struct kadmin *kadmin, const char *principal, uint32_t *ret_kvno,
                seal_error **reterr) {
    (void)kadmin;
    (void)principal;
    (void)ret_kvno;
    return never(reterr);
}

int kadmin_create(struct kadmin *kadmin, const char *principal, seal_error **reterr) {
    (void)kadmin;
    (void)principal;
    return never(reterr);
}

int kadmin_delete(struct kadmin *kadmin, const char *principal, seal_error **reterr) {
    (void)kadmin;
    (void)principal;
    return never(reterr);
}

int kadmin_list(struct kadmin *kadmin, const char *pattern,
                void (*each)(void *user, const char *principal), void *user, seal_error **reterr) {
    (void)kadmin;
    (void)pattern;
    (void)each;
    (void)user;
    return never(reterr);
}

int kadmin_rekey(struct kadmin *kadmin, const char *principal, struct kadmin_keys *ret_keys,
                 seal_error **reterr) {
    (void)kadmin;
    (void)principal;
    (void)ret_keys;
    return never(reterr);
}

void kadmin_keys_done(struct kadmin_keys *keys) {
    (void)keys;
}
