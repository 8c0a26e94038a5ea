/* SPDX-License-Identifier: Apache-2.0 */
#include "login.h"

#include "base/alloc.h"
#include "base/error.h"
#include "krb5_text.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum { PASSWORD_MAX = 1024 };

/* A login on its way. */
struct attempt {
    krb5_context krb5;
    krb5_principal principal;
    char *name; /* of the principal */
    const char *keytab_name;
    krb5_keytab keytab; /* NULL: a password */
    char password[PASSWORD_MAX];
    krb5_ccache ccache;
};

static int code_of(krb5_error_code code) {
    switch (code) {
    case KRB5_KDC_UNREACH:
    case KRB5_REALM_CANT_RESOLVE:
        return SEAL_ERROR_KDC_UNREACHABLE;
    case KRB5_REALM_UNKNOWN:
    case KRB5_CONFIG_NODEFREALM:
    case KRB5_CONFIG_CANTOPEN:
    case KRB5_CONFIG_BADFORMAT:
        return SEAL_ERROR_KERBEROS_CONFIG;
    case KRB5KRB_AP_ERR_SKEW:
        return SEAL_ERROR_CLOCK_SKEW;
    case KRB5KDC_ERR_KEY_EXP:
    case KRB5KDC_ERR_NAME_EXP:
        return SEAL_ERROR_CREDENTIALS_EXPIRED;
    default:
        return SEAL_ERROR_CREDENTIALS;
    }
}

static const char *remedy_of(const struct attempt *a, krb5_error_code code) {
    switch (code_of(code)) {
    case SEAL_ERROR_KDC_UNREACHABLE:
        return "check [realms] in krb5.conf and that the KDC runs";
    case SEAL_ERROR_KERBEROS_CONFIG:
        return "name the realm with its kdc in [realms] of krb5.conf";
    case SEAL_ERROR_CLOCK_SKEW:
        return "set the clocks right";
    case SEAL_ERROR_CREDENTIALS_EXPIRED:
        return "let an administrator renew it: kadmin modprinc -expire never -pwexpire never";
    default:
        break;
    }
    if (code == KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN)
        return "give another principal; in Active Directory that of the account, such as HOST$";
    if (a->keytab == NULL)
        return "try again with the right password";
    if (code == KRB5_KT_NOTFOUND)
        return "\"seal keytab show\" lists what is in a keytab";
    if (code == KRB5KDC_ERR_PREAUTH_FAILED)
        return "the keytab is older than the key in the KDC: export it again";
    return "check the name, owner and mode of the file";
}

static int fail(const struct attempt *a, const char *what, krb5_error_code code,
                seal_error **reterr) {
    char *text = krb5_text_error(a->krb5, code);
    int rc = seal__error(reterr, code_of(code), "%s as %s%s%s: %s; %s", what,
                         a->name == NULL ? "?" : a->name, a->keytab == NULL ? "" : " with keytab ",
                         a->keytab == NULL ? "" : a->keytab_name, text, remedy_of(a, code));
    text_free(text);
    return rc;
}

/* The first principal of a keytab is whom it belongs to. */
static krb5_error_code first_of_keytab(struct attempt *a) {
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    krb5_error_code code = krb5_kt_start_seq_get(a->krb5, a->keytab, &cursor);
    if (code != 0)
        return code;
    code = krb5_kt_next_entry(a->krb5, a->keytab, &entry, &cursor);
    krb5_kt_end_seq_get(a->krb5, a->keytab, &cursor);
    if (code != 0)
        return code == KRB5_KT_END ? KRB5_KT_NOTFOUND : code;
    code = krb5_copy_principal(a->krb5, entry.principal, &a->principal);
    krb5_free_keytab_entry_contents(a->krb5, &entry);
    return code;
}

static int identify(struct attempt *a, const struct login_options *options, seal_error **reterr) {
    krb5_error_code code = 0;
    if (options->keytab != NULL) {
        a->keytab_name = options->keytab;
        code = krb5_kt_resolve(a->krb5, options->keytab, &a->keytab);
    }
    if (code == 0 && a->keytab != NULL)
        code =
            first_of_keytab(a); /* of a file that is missing libkrb5 says that its key is wrong */
    if (code == 0 && options->principal != NULL) {
        krb5_free_principal(a->krb5, a->principal);
        a->principal = NULL;
        code = krb5_parse_name(a->krb5, options->principal, &a->principal);
    }
    if (code != 0) {
        a->name =
            text_copy(options->principal == NULL ? "its first principal" : options->principal);
        return fail(a, "cannot log in", code, reterr);
    }
    a->name = krb5_text_principal(a->krb5, a->principal);
    return 0;
}

static int ask_password(struct attempt *a, seal_error **reterr) {
    if (!isatty(STDIN_FILENO))
        return seal__error(reterr, SEAL_ERROR_CREDENTIALS,
                           "no key for %s was given, and there is no terminal to ask for a "
                           "password; give a keytab (such as --installer-keytab FILE), or a "
                           "credentials cache",
                           a->name);
    char *prompt = text_format("Password for %s", a->name);
    unsigned length = sizeof a->password;
    krb5_error_code code = krb5_read_password(a->krb5, prompt, NULL, a->password, &length);
    text_free(prompt);
    return code == 0 ? 0 : fail(a, "cannot read the password", code, reterr);
}

/* service NULL: a ticket-granting ticket. */
static krb5_error_code get_ticket(struct attempt *a, const char *service) {
    krb5_creds creds;
    memset(&creds, 0, sizeof creds);
    krb5_error_code code =
        a->keytab != NULL
            ? krb5_get_init_creds_keytab(a->krb5, &creds, a->principal, a->keytab, 0, service, NULL)
            : krb5_get_init_creds_password(a->krb5, &creds, a->principal, a->password, NULL, NULL,
                                           0, service, NULL);
    if (code != 0)
        return code;
    code = krb5_cc_store_cred(a->krb5, a->ccache, &creds);
    krb5_free_cred_contents(a->krb5, &creds);
    return code;
}

static int fill_cache(struct attempt *a, unsigned wanted, struct login *login,
                      seal_error **reterr) {
    krb5_error_code code = krb5_cc_new_unique(a->krb5, "MEMORY", NULL, &a->ccache);
    if (code == 0)
        code = krb5_cc_initialize(a->krb5, a->ccache, a->principal);
    if (code == 0 && (wanted & LOGIN_TGT) != 0)
        code = get_ticket(a, NULL);
    if (code == 0 && (wanted & LOGIN_ADMIN) != 0)
        code = get_ticket(a, "kadmin/admin");
    if (code == KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN && (wanted & LOGIN_TGT) != 0)
        code = 0; /* a realm without kadmind: Active Directory */
    if (code != 0)
        return fail(a, "cannot log in", code, reterr);
    login->ccache = text_format("MEMORY:%s", krb5_cc_get_name(a->krb5, a->ccache));
    login->principal = text_copy(a->name);
    login->is_private = true;
    krb5_cc_close(a->krb5, a->ccache);
    a->ccache = NULL;
    return 0;
}

/* Whoever names a principal and a cache means that the cache is the principal's. */
static int check_owner(struct attempt *a, const struct login_options *options,
                       const struct login *login, seal_error **reterr) {
    krb5_principal named = NULL;
    if (options->principal == NULL)
        return 0;
    bool same = krb5_parse_name(a->krb5, options->principal, &named) == 0 &&
                krb5_principal_compare(a->krb5, named, a->principal);
    krb5_free_principal(a->krb5, named);
    if (same)
        return 0;
    return seal__error(reterr, SEAL_ERROR_CREDENTIALS,
                       "credentials cache %s has tickets of %s, not of %s; run: kinit -c %s %s",
                       login->ccache, login->principal, options->principal, login->ccache,
                       options->principal);
}

/* The cache that is there, and whose it is. */
static int use_cache(struct attempt *a, const struct login_options *options, struct login *login,
                     seal_error **reterr) {
    const char *given = options->ccache;
    login->ccache = text_copy(given == NULL ? krb5_cc_default_name(a->krb5) : given);
    krb5_error_code code = krb5_cc_resolve(a->krb5, login->ccache, &a->ccache);
    if (code == 0)
        code = krb5_cc_get_principal(a->krb5, a->ccache, &a->principal);
    if (code == 0) {
        login->principal = krb5_text_principal(a->krb5, a->principal);
        return check_owner(a, options, login, reterr);
    }
    char *text = krb5_text_error(a->krb5, code);
    int rc = seal__error(reterr, SEAL_ERROR_CREDENTIALS,
                         "credentials cache %s: %s; get tickets with kinit, or name a keytab",
                         login->ccache, text);
    text_free(text);
    return rc;
}

/* kadmind takes no ticket that was got with a ticket-granting ticket. */
static bool has_admin_ticket(struct attempt *a) {
    krb5_creds wanted;
    krb5_creds found;
    memset(&wanted, 0, sizeof wanted);
    memset(&found, 0, sizeof found);
    char *service = text_format("kadmin/admin%s", strrchr(a->name, '@'));
    wanted.client = a->principal;
    bool has = krb5_parse_name(a->krb5, service, &wanted.server) == 0 &&
               krb5_cc_retrieve_cred(a->krb5, a->ccache, 0, &wanted, &found) == 0;
    krb5_free_cred_contents(a->krb5, &found);
    krb5_free_principal(a->krb5, wanted.server);
    text_free(service);
    return has;
}

/* As kadmin does: whoever has only an ordinary ticket is asked for the password. */
static int use_password_too(struct attempt *a, unsigned wanted, struct login *login,
                            seal_error **reterr) {
    a->name = text_copy(login->principal);
    if ((wanted & LOGIN_ADMIN) == 0 || !isatty(STDIN_FILENO) || has_admin_ticket(a))
        return 0;
    krb5_cc_close(a->krb5, a->ccache);
    a->ccache = NULL;
    login_close(login);
    int rc = ask_password(a, reterr);
    return rc < 0 ? rc : fill_cache(a, wanted, login, reterr);
}

static void attempt_done(struct attempt *a) {
    if (a->ccache != NULL)
        krb5_cc_close(a->krb5, a->ccache);
    if (a->keytab != NULL)
        krb5_kt_close(a->krb5, a->keytab);
    krb5_free_principal(a->krb5, a->principal);
    text_free(a->name);
    seal__wipe(a->password, sizeof a->password);
    krb5_free_context(a->krb5);
}

int login_open(const struct login_options *options, unsigned wanted, struct login *ret_login,
               seal_error **reterr) {
    *ret_login = (struct login){0};
    if (options->ccache != NULL && options->keytab != NULL)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "a keytab (%s) and a credentials cache (%s) to log in with: give one",
                           options->keytab, options->ccache);
    struct attempt a = {0};
    int rc = krb5_text_open(&a.krb5, reterr);
    if (rc < 0)
        return rc;
    bool has_cache = options->ccache != NULL || options->principal == NULL;
    if (options->keytab == NULL && has_cache) {
        rc = use_cache(&a, options, ret_login, reterr);
        if (rc == 0)
            rc = use_password_too(&a, wanted, ret_login, reterr);
    } else {
        rc = identify(&a, options, reterr);
        if (rc == 0 && a.keytab == NULL)
            rc = ask_password(&a, reterr);
        if (rc == 0)
            rc = fill_cache(&a, wanted, ret_login, reterr);
    }
    attempt_done(&a);
    if (rc < 0)
        login_close(ret_login);
    return rc;
}

char *login_default_keytab(void) {
    krb5_context krb5;
    char name[PATH_MAX + 16] = "";
    if (krb5_init_context(&krb5) == 0) {
        krb5_kt_default_name(krb5, name, sizeof name);
        krb5_free_context(krb5);
    }
    return text_copy(name);
}

static void forget(const char *name) {
    krb5_context krb5;
    krb5_ccache ccache;
    if (krb5_init_context(&krb5) != 0)
        return;
    if (krb5_cc_resolve(krb5, name, &ccache) == 0)
        krb5_cc_destroy(krb5, ccache);
    krb5_free_context(krb5);
}

void login_close(struct login *login) {
    if (login->is_private)
        forget(login->ccache);
    text_free(login->principal);
    text_free(login->ccache);
    *login = (struct login){0};
}
