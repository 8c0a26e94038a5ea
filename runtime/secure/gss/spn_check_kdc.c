/* SPDX-License-Identifier: Apache-2.0 */
/* What the KDC says about a service principal name, and whether the keytab agrees. */
#include <stdio.h>
#include <string.h>

#include "secure/gss/spn_check_internal.h"

/* ---- Remedies ---- */

/* What commands name. */
typedef struct command_words {
    char bare_word[SEAL__SPN_WORD];
    char full_word[SEAL__SPN_WORD];
    char keytab_word[SEAL__SPN_WORD];
    const char *bare;
    const char *full;
    const char *keytab;
} command_words;

static void words_of(const seal__spn_probe *probe, command_words *w) {
    w->bare = seal__spn_bare_word(probe->full, w->bare_word);
    w->full = seal__spn_full_word(probe->full, w->full_word);
    w->keytab = seal__shell_word(probe->keytab_text, "FILE", w->keytab_word, SEAL__SPN_WORD);
}

static void registering(const seal__spn_probe *probe, char text[SEAL__SPN_TEXT]) {
    command_words w;
    words_of(probe, &w);
    if (probe->with_keytab)
        seal__spn_remedy(text,
                         "seal spn register %s --keytab %s (kadmin: addprinc -randkey %s, then "
                         "ktadd -k %s %s; Active Directory: setspn -S %s ACCOUNT, then seal keytab "
                         "alias %s --keytab %s)",
                         w.bare, w.keytab, w.full, w.keytab, w.full, w.bare, w.bare, w.keytab);
    else
        seal__spn_remedy(text,
                         "seal spn register %s (kadmin: addprinc -randkey %s; Active Directory: "
                         "setspn -S %s ACCOUNT), or correct class and host",
                         w.bare, w.full, w.bare);
}

static void exporting(const seal__spn_probe *probe, char text[SEAL__SPN_TEXT]) {
    command_words w;
    words_of(probe, &w);
    seal__spn_remedy(text,
                     "export the keytab again: seal spn register %s --rekey --keytab %s (kadmin: "
                     "ktadd -k %s %s; Samba: samba-tool domain exportkeytab %s --principal=%s)",
                     w.bare, w.keytab, w.keytab, w.full, w.keytab, w.bare);
}

/* In Active Directory all names of an account share its keys. */
static void naming(const seal__spn_probe *probe, const char *opener, char text[SEAL__SPN_TEXT]) {
    char account[SEAL__SPN_WORD];
    command_words w;
    words_of(probe, &w);
    seal__spn_remedy(text, "seal keytab alias %s --keytab %s --account %s", w.bare, w.keytab,
                     seal__spn_full_word(opener, account));
}

/* ---- Facts ---- */

static void unknown(const seal__spn_probe *probe, const char *why) {
    char files[SEAL__GSS_TEXT];
    char remedy[SEAL__SPN_TEXT] = "";
    seal__gss_config_files(files, sizeof files);
    if (probe->unreachable)
        seal__spn_remedy(
            remedy, "check kdc= of the realm in %.300s, DNS SRV records, and that port 88 is open",
            files);
    seal__spn_report_add(probe->report, SEAL__SPN_UNKNOWN, false, remedy,
                         "the KDC could not be asked about %.300s: %.400s", probe->full, why);
}

static void not_registered(const seal__spn_probe *probe) {
    char remedy[SEAL__SPN_TEXT];
    registering(probe, remedy);
    seal__spn_report_add(probe->report, SEAL__SPN_NOT_REGISTERED, true, remedy,
                         "%.300s is not registered with the KDC (asked as %.300s)", probe->full,
                         probe->client);
}

static void stale(const seal__spn_probe *probe, const seal__spn_ticket *t) {
    char remedy[SEAL__SPN_TEXT];
    exporting(probe, remedy);
    if (t == NULL)
        seal__spn_report_add(probe->report, SEAL__SPN_STALE_KEY, true, remedy,
                             "%.300s has kvno %u of %.300s, but the KDC has another key (\"kvno "
                             "%.200s\" shows its version)",
                             probe->keytab_text, probe->own_kvno, probe->full, probe->full);
    else if (t->kvno != probe->own_kvno)
        seal__spn_report_add(probe->report, SEAL__SPN_STALE_KEY, true, remedy,
                             "%.300s has kvno %u of %.300s, the KDC has kvno %u",
                             probe->keytab_text, probe->own_kvno, probe->full, t->kvno);
    else
        seal__spn_report_add(probe->report, SEAL__SPN_STALE_KEY, true, remedy,
                             "%.300s has kvno %u of %.300s, and the KDC has the same version of "
                             "another key: the account was made anew, or the name is on another "
                             "account now",
                             probe->keytab_text, probe->own_kvno, probe->full);
}

/* In Active Directory the KDC takes no name of a service as a client, only the account. */
static void stale_account(const seal__spn_probe *probe) {
    char account_word[SEAL__SPN_WORD];
    char remedy[SEAL__SPN_TEXT];
    command_words w;
    words_of(probe, &w);
    const char *account = seal__spn_bare_word(probe->refused, account_word);
    seal__spn_remedy(remedy,
                     "export the keytab of %s again (samba-tool domain exportkeytab %s "
                     "--principal=%s, msktutil, adcli update), then: seal keytab alias %s "
                     "--keytab %s",
                     account, w.keytab, account, w.bare, w.keytab);
    seal__spn_report_add(probe->report, SEAL__SPN_STALE_KEY, true, remedy,
                         "%.300s has kvno %u of %.300s, but the KDC has another key: the password "
                         "of the account has been changed, and with it the keys of its names",
                         probe->keytab_text, seal__gss_keytab_kvno(probe->keytab, probe->refused),
                         probe->refused);
}

static void no_key(const seal__spn_probe *probe, const seal__spn_ticket *t) {
    char contents[SEAL__GSS_TEXT];
    char remedy[SEAL__SPN_TEXT];
    seal__gss_keytab_contents(probe->keytab, contents, sizeof contents);
    if (t != NULL && t->opened)
        naming(probe, t->opener, remedy);
    else
        exporting(probe, remedy);
    if (t != NULL && t->opened)
        seal__spn_report_add(probe->report, SEAL__SPN_NO_KEY, true, remedy,
                             "keytab %.300s has no entry for %.300s; it has the key, but only "
                             "under the name %.200s",
                             probe->keytab_text, probe->full, t->opener);
    else
        seal__spn_report_add(
            probe->report, SEAL__SPN_NO_KEY, true, remedy,
            "keytab %.300s has no entry for %.300s%s (in it: %.300s)", probe->keytab_text,
            probe->full, t == NULL ? "" : ", and no key in it opens a ticket for that", contents);
}

/* The KDC took a key of this keytab for `client` a moment ago, does not know the name as a client
 * of its own, and encrypts its tickets with none of these keys. */
static void other_account(const seal__spn_probe *probe, const seal__spn_ticket *t) {
    char word[SEAL__SPN_WORD];
    char remedy[SEAL__SPN_TEXT];
    const char *bare = seal__spn_bare_word(probe->full, word);
    seal__spn_remedy(remedy,
                     "find its account (seal spn list; Active Directory: setspn -Q %s), seal spn "
                     "unregister %s --account ACCOUNT, seal spn register %s here, then export the "
                     "keytab; or export the keytab of that account",
                     bare, bare, bare);
    seal__spn_report_add(probe->report, SEAL__SPN_OTHER_ACCOUNT, true, remedy,
                         "%.300s is registered on another account than %.200s of keytab %.200s: "
                         "the KDC encrypts its tickets (kvno %u) with a key that is not of that "
                         "account",
                         probe->full, probe->client, probe->keytab_text, t->kvno);
}

static void weak(const seal__spn_probe *probe, const seal__spn_ticket *t) {
    char name[64] = "";
    char remedy[SEAL__SPN_TEXT];
    command_words w;
    words_of(probe, &w);
    if (krb5_enctype_to_name(t->enctype, 0, name, sizeof name) != 0)
        snprintf(name, sizeof name, "type %d", (int)t->enctype);
    seal__spn_remedy(
        remedy,
        "give the account AES keys: MIT: see that supported_enctypes in kdc.conf has them, "
        "then seal %s %s%s%s; Active Directory: msDS-SupportedEncryptionTypes = 24, then "
        "change its password and export the keytab",
        probe->with_keytab ? "keytab rotate" : "spn register",
        probe->with_keytab ? w.keytab : w.bare, probe->with_keytab ? " --spn " : " --rekey",
        probe->with_keytab ? w.bare : "");
    seal__spn_report_add(probe->report, SEAL__SPN_WEAK_KEY, true, remedy,
                         "the KDC encrypts tickets for %.300s with %s, which is weak", probe->full,
                         name);
}

/* ---- Other spellings ---- */

static krb5_error_code ask(const seal__spn_probe *probe, krb5_principal server,
                           krb5_creds **ret_creds) {
    krb5_creds in = {.server = server};
    *ret_creds = NULL;
    krb5_error_code code = krb5_cc_get_principal(probe->krb5, probe->tickets, &in.client);
    if (code == 0)
        code = krb5_get_credentials(probe->krb5, KRB5_GC_NO_STORE, probe->tickets, &in, ret_creds);
    krb5_free_principal(probe->krb5, in.client);
    return code;
}

enum { CASE_AS_IS, CASE_LOWER, CASE_UPPER, CASES };

static void change_case(char *text, size_t len, int how) {
    for (size_t i = 0; i < len; i++) {
        if (how == CASE_LOWER && text[i] >= 'A' && text[i] <= 'Z')
            text[i] = (char)(text[i] + ('a' - 'A'));
        if (how == CASE_UPPER && text[i] >= 'a' && text[i] <= 'z')
            text[i] = (char)(text[i] - ('a' - 'A'));
    }
}

/* class/host... with other letters in class and host. */
static void respell(const char *full, int class_case, int host_case, char *text, size_t size) {
    snprintf(text, size, "%s", full);
    size_t class_len = strcspn(text, "/@");
    change_case(text, class_len, class_case);
    if (text[class_len] == '/')
        change_case(text + class_len + 1, strcspn(text + class_len + 1, "/@"), host_case);
}

/* Is it known in these letters? */
static bool is_known_as(const seal__spn_probe *probe, const char *text) {
    krb5_principal other = NULL;
    krb5_creds *creds = NULL;
    bool known = krb5_parse_name(probe->krb5, text, &other) == 0 && ask(probe, other, &creds) == 0;
    krb5_free_creds(probe->krb5, creds);
    krb5_free_principal(probe->krb5, other);
    return known;
}

/* Hosts are usually registered in lower case; classes in any. */
static bool find_other_case(const seal__spn_probe *probe, char *text, size_t size) {
    char tried[CASES * 2][SEAL__GSS_TEXT];
    size_t n = 0;
    if (strlen(probe->full) >= SEAL__GSS_TEXT)
        return false;
    for (int i = 0; i < CASES * 2; i++) {
        respell(probe->full, i % CASES, i < CASES ? CASE_AS_IS : CASE_LOWER, tried[n],
                sizeof tried[n]);
        bool seen = strcmp(tried[n], probe->full) == 0;
        for (size_t k = 0; k < n && !seen; k++)
            seen = strcmp(tried[k], tried[n]) == 0;
        if (seen)
            continue;
        if (is_known_as(probe, tried[n])) {
            snprintf(text, size, "%s", tried[n]);
            return true;
        }
        n++;
    }
    return false;
}

static void wrong_case(const seal__spn_probe *probe, const char *known) {
    char bare[SEAL_SPN_MAX];
    char remedy[SEAL__SPN_TEXT];
    seal__spn_bare(known, bare);
    seal__spn_remedy(remedy,
                     "write %s in the options of the server; the host in lower case, as clients "
                     "compose it",
                     bare);
    seal__spn_report_add(probe->report, SEAL__SPN_WRONG_CASE, true, remedy,
                         "the KDC does not know %.300s, but %.300s: names differ by the case of "
                         "their letters",
                         probe->full, known);
}

/* The KDC may refer to another realm where nobody said which one is meant. */
static void find_other_realm(const seal__spn_probe *probe) {
    krb5_creds *creds = NULL;
    krb5_principal any = NULL;
    char *found = NULL;
    if (krb5_copy_principal(probe->krb5, probe->principal, &any) != 0)
        return;
    if (krb5_set_principal_realm(probe->krb5, any, "") == 0 && ask(probe, any, &creds) == 0 &&
        !krb5_realm_compare(probe->krb5, creds->server, probe->principal) &&
        krb5_unparse_name(probe->krb5, creds->server, &found) == 0) {
        char remedy[SEAL__SPN_TEXT];
        snprintf(remedy, sizeof remedy,
                 "name the realm, or map the host to it in [domain_realm] of krb5.conf");
        seal__spn_report_add(probe->report, SEAL__SPN_WRONG_REALM, false, remedy,
                             "the KDC knows %.300s in another realm: %.300s", probe->full, found);
    }
    krb5_free_unparsed_name(probe->krb5, found);
    krb5_free_creds(probe->krb5, creds);
    krb5_free_principal(probe->krb5, any);
}

/* ---- Judging ---- */

static void judge_unknown(seal__spn_probe *probe) {
    char known[SEAL__GSS_TEXT];
    if (find_other_case(probe, known, sizeof known)) {
        wrong_case(probe, known);
        return;
    }
    not_registered(probe);
    find_other_realm(probe);
}

static void judge_keys(const seal__spn_probe *probe, const seal__spn_ticket *t) {
    if (probe->own_kvno == 0)
        no_key(probe, t);
    else if (t->by_own_name && t->by_own_version)
        return;
    else if (t->opened || probe->own_login != SEAL__SPN_LOGIN_UNKNOWN)
        stale(probe, t);
    else
        other_account(probe, t);
}

static void judge_ticket(seal__spn_probe *probe, const krb5_creds *creds) {
    seal__spn_ticket t;
    krb5_error_code code = seal__spn_ticket_read(probe, creds, &t);
    if (code != 0) {
        seal__gss_krb5_text(probe->krb5, code, probe->why, sizeof probe->why);
        unknown(probe, probe->why);
        return;
    }
    if (probe->with_keytab)
        judge_keys(probe, &t);
    if (seal__spn_enctype_is_weak(t.enctype))
        weak(probe, &t);
}

/* Nobody could log in. What the KDC said about the name itself may be enough. */
static void judge_no_client(seal__spn_probe *probe) {
    if (probe->own_kvno == 0)
        no_key(probe, NULL);
    if (probe->own_login == SEAL__SPN_LOGIN_WRONG_KEY) {
        stale(probe, NULL);
    } else if (probe->refused[0] != '\0' && !probe->unreachable) {
        stale_account(probe);
    } else if (probe->own_login == SEAL__SPN_LOGIN_UNKNOWN && !probe->unreachable) {
        char remedy[SEAL__SPN_TEXT];
        registering(probe, remedy);
        seal__spn_report_add(probe->report, SEAL__SPN_NOT_REGISTERED, true, remedy,
                             "the KDC does not know %.300s, nor can any other principal of %.300s "
                             "ask about it (in Active Directory the keytab must have the account, "
                             "too)",
                             probe->full, probe->keytab_text);
    } else {
        unknown(probe, probe->why);
    }
}

void seal__spn_probe_kdc(seal__spn_probe *probe) {
    krb5_creds *creds = NULL;
    if (probe->client[0] == '\0') {
        judge_no_client(probe);
        return;
    }
    krb5_error_code code = ask(probe, probe->principal, &creds);
    if (code == 0) {
        judge_ticket(probe, creds);
        krb5_free_creds(probe->krb5, creds);
        return;
    }
    seal__gss_krb5_text(probe->krb5, code, probe->why, sizeof probe->why);
    probe->unreachable = seal__spn_is_unreachable(code);
    /* A realm to which no way leads from this one is unknown in the same words. */
    if (code == KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN && strstr(probe->why, "krbtgt/") == NULL) {
        judge_unknown(probe);
        return;
    }
    if (probe->own_kvno == 0 && probe->with_keytab)
        no_key(probe, NULL);
    if (probe->own_login == SEAL__SPN_LOGIN_WRONG_KEY)
        stale(probe, NULL);
    unknown(probe, probe->why);
}
