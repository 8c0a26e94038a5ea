/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kerberos for tests that need no KDC: a directory with a krb5.conf and keytabs, tickets that are
 * minted, and pairs of contexts. The realm is SEALRPC.TEST.
 */
#ifndef SEAL_TESTS_GSS_LAB_H
#define SEAL_TESTS_GSS_LAB_H

#include "secure/gss/gss.h"

#define LAB_REALM "SEALRPC.TEST"
#define LAB_SERVICE "greeter/localhost@" LAB_REALM
#define LAB_ALICE "alice@" LAB_REALM

/* The directory of this test program, with a krb5.conf that KRB5_CONFIG names. */
const char *lab_dir(void);
int lab_setup(void **state);
int lab_teardown(void **state);
/* Inside a scratch realm (seal-realm run): a directory for files, and the realm's own settings. */
typedef struct lab_realm_files {
    char krb5_conf[256];
    char service_keytab[256];
    char client_keytab[256];
} lab_realm_files;
int lab_setup_in_realm(void **state, lab_realm_files *ret_files);
/* A path in it; valid until 16 more were asked for. */
const char *lab_path(const char *name);
void lab_write(const char *path, const void *bytes, size_t len);
size_t lab_read(const char *path, uint8_t *bytes, size_t size);
/* Replaces krb5.conf: `extra` stands behind the settings of [libdefaults]. */
void lab_configure(const char *extra);

/* Adds a key (made from the password) to a keytab. */
void lab_add_key(const char *keytab, const char *principal, unsigned kvno, const char *password);
/* The same with another encryption type than AES-256. */
void lab_add_key_of_type(const char *keytab, const char *principal, unsigned kvno,
                         const char *password, int32_t enctype);
/* A keytab with the usual service in it, made anew. */
const char *lab_keytab(void);
/* A new MEMORY cache name. */
const char *lab_ccache(void);
void lab_drop_ccache(const char *ccache);
/* A ticket of alice for service, valid for an hour. */
void lab_mint(const char *keytab, const char *service, const char *ccache);
void lab_mint_times(const char *keytab, const char *service, const char *ccache,
                    int64_t start_offset_s, int64_t lifetime_s);

/* A service with one name that accepts one mechanism; must succeed. Keytab NULL: the default. */
seal__gss_acceptor *lab_identity(const char *keytab, const char *principal,
                                 seal_mechanism mechanism);

typedef struct lab_token {
    uint8_t bytes[8192];
    size_t len;
} lab_token;

enum { LAB_TOKENS = 8 };

typedef struct lab_pair {
    seal__gss_acceptor *identity;
    seal__mech *initiator;
    seal__mech *acceptor;
    lab_token tokens[LAB_TOKENS]; /* in order, the initiator's first */
    size_t n_tokens;
    int initiator_rc;
    int acceptor_rc;
    seal_error *initiator_error;
    seal_error *acceptor_error;
} lab_pair;

typedef struct lab_options {
    seal_mechanism mechanism;      /* 0: krb5 */
    const char *target;            /* NULL: LAB_SERVICE */
    const char *hello;             /* what the acceptor is told; NULL: target */
    const char *const *principals; /* NULL: LAB_SERVICE alone */
    size_t n_principals;
    const char *keytab;
    const char *ccache;
    const char *client_keytab;
    const char *client_principal;
    bool fresh_ticket;
    seal__gss_acceptor *identity; /* NULL: one of its own, from principals and keytab */
} lab_options;

void lab_pair_init(lab_pair *pair, const lab_options *options);
/* Runs the exchange until both ends are done or one fails. On the acceptor's failure the initiator
 * still reads its error token. */
void lab_pair_run(lab_pair *pair);
void lab_pair_done(lab_pair *pair);
/* init, run, and both must be established. */
void lab_pair_establish(lab_pair *pair, const lab_options *options);

/* lab_setup, and a keytab and a ticket of alice for the usual service. */
int lab_setup_usual(void **state);
int lab_teardown_usual(void **state);
extern const char *lab_usual_keytab;
extern const char *lab_usual_ccache;
lab_options lab_usual(seal_mechanism mechanism);
void lab_establish(lab_pair *pair, seal_mechanism mechanism);

/* One step; appends the token to pair->tokens when there is one. */
int lab_step(lab_pair *pair, seal__mech *mech, const void *in, size_t len, seal_error **reterr);

/* Wraps to / unwraps from a token; return what the mechanism returns. */
int lab_wrap(seal__mech *mech, bool conf, const char *text, lab_token *ret_token);
int lab_unwrap(seal__mech *mech, bool conf, const lab_token *token, const char *expected);

/* Between these two LeakSanitizer ignores what this thread allocates: libkrb5 and gss-ntlmssp leak
 * in the places that call them. (valgrind.supp has the same ones for valgrind.) Nothing without the
 * sanitizer. */
void lab_leaks_begin(void);
void lab_leaks_end(void);

/* Fails the test unless the error has this code and its message all the parts (NULL-terminated). */
void lab_assert_error(seal_error *error, int code, ...);

#endif
