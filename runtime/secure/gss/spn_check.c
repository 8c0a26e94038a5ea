/* SPDX-License-Identifier: Apache-2.0 */
/* The check of a service principal name: who is asked in which order, and the report. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "secure/gss/spn_check_internal.h"

/* ---- Reports ---- */

static seal__spn_fact *place_for(seal__spn_report *report, bool fatal) {
    if (report->n < SEAL__SPN_FINDINGS)
        return &report->facts[report->n++];
    for (size_t i = report->n; fatal && i-- > 0;) {
        if (!report->facts[i].fatal)
            return &report->facts[i];
    }
    return NULL;
}

static void make_one_line(char *text) {
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = ' ';
    }
}

void seal__spn_remedy(char text[SEAL__SPN_TEXT], const char *format, ...) {
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(text, SEAL__SPN_TEXT, format, args);
    va_end(args);
    if (wanted < 0 || wanted >= SEAL__SPN_TEXT)
        snprintf(
            text, SEAL__SPN_TEXT,
            "the names are too long for a command here; see seal(1) for \"spn\" and \"keytab\"");
}

/* It explains the others: a KDC that finds a name twice says that it is not there. */
static void move_to_front(seal__spn_report *report, const seal__spn_fact *fact) {
    const seal__spn_fact moved = *fact;
    size_t at = (size_t)(fact - report->facts);
    memmove(report->facts + 1, report->facts, at * sizeof report->facts[0]);
    report->facts[0] = moved;
}

void seal__spn_report_add(seal__spn_report *report, seal__spn_finding finding, bool fatal,
                          const char *remedy, const char *format, ...) {
    seal__spn_fact *fact = place_for(report, fatal);
    if (fact == NULL)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(fact->text, sizeof fact->text, format, args);
    va_end(args);
    make_one_line(fact->text);
    snprintf(fact->remedy, sizeof fact->remedy, "%s", remedy == NULL ? "" : remedy);
    make_one_line(fact->remedy);
    fact->finding = finding;
    fact->fatal = fatal;
    if (finding == SEAL__SPN_DUPLICATE && report->facts[0].finding != finding)
        move_to_front(report, fact);
}

const seal__spn_fact *seal__spn_report_first_fatal(const seal__spn_report *report) {
    for (size_t i = 0; i < report->n; i++) {
        if (report->facts[i].fatal)
            return &report->facts[i];
    }
    return NULL;
}

bool seal__spn_report_is_fatal(const seal__spn_report *report) {
    return seal__spn_report_first_fatal(report) != NULL;
}

static const struct {
    const char *name;
    int code;
} findings[] = {
    [SEAL__SPN_OK] = {"ok", SEAL_OK},
    [SEAL__SPN_NOT_REGISTERED] = {"not-registered", SEAL_ERROR_UNKNOWN_SERVICE},
    [SEAL__SPN_OTHER_ACCOUNT] = {"other-account", SEAL_ERROR_SPN_OWNER},
    [SEAL__SPN_DUPLICATE] = {"duplicate", SEAL_ERROR_SPN_DUPLICATE},
    [SEAL__SPN_NO_KEY] = {"no-key", SEAL_ERROR_KEYTAB},
    [SEAL__SPN_STALE_KEY] = {"stale-key", SEAL_ERROR_KEY_VERSION},
    [SEAL__SPN_WEAK_KEY] = {"weak-key", SEAL_ERROR_KEYTAB},
    [SEAL__SPN_WRONG_CASE] = {"wrong-case", SEAL_ERROR_UNKNOWN_SERVICE},
    [SEAL__SPN_WRONG_REALM] = {"wrong-realm", SEAL_ERROR_UNKNOWN_SERVICE},
    [SEAL__SPN_DNS_CHANGES] = {"dns-changes", SEAL_ERROR_DNS},
    [SEAL__SPN_UNKNOWN] = {"unknown", SEAL_ERROR_KDC_UNREACHABLE},
};

const char *seal__spn_finding_name(seal__spn_finding finding) {
    size_t i = (size_t)finding;
    return i < sizeof findings / sizeof findings[0] ? findings[i].name : "?";
}

int seal__spn_fact_error(const seal__spn_fact *fact, seal_error **reterr) {
    return seal__error(reterr, findings[fact->finding].code, "%s%s%s", fact->text,
                       fact->remedy[0] == '\0' ? "" : "; ", fact->remedy);
}

/* ---- Names ---- */

void seal__spn_bare(const char *full, char text[SEAL_SPN_MAX]) {
    snprintf(text, SEAL_SPN_MAX, "%.*s", (int)(seal__gss_realm_mark(full) - full), full);
}

const char *seal__spn_full_word(const char *full, char word[SEAL__SPN_WORD]) {
    return seal__shell_word(full, "PRINCIPAL", word, SEAL__SPN_WORD);
}

const char *seal__spn_bare_word(const char *full, char word[SEAL__SPN_WORD]) {
    char bare[SEAL_SPN_MAX];
    seal__spn_bare(full, bare);
    return seal__shell_word(bare, "SPN", word, SEAL__SPN_WORD);
}

/* A name that has a realm, where this machine's clients would choose another one. */
static void check_realm(const seal__spn_probe *probe) {
    char bare[SEAL_SPN_MAX];
    char remedy[SEAL__SPN_TEXT];
    char *usual = NULL;
    seal__spn_bare(probe->full, bare);
    if (seal__gss_complete_principal(probe->alloc, bare, &usual, NULL) < 0)
        return;
    if (strcmp(usual, probe->full) != 0) {
        const char *realm = seal__gss_realm_mark(probe->full) + 1;
        const char *host = strchr(bare, '/');
        seal__spn_remedy(
            remedy,
            "add \"%.*s = %s\" to [domain_realm] of krb5.conf, or register the name in "
            "the realm of the host",
            host == NULL ? 0 : (int)strcspn(host + 1, ":/@"), host == NULL ? "" : host + 1, realm);
        seal__spn_report_add(probe->report, SEAL__SPN_WRONG_REALM, false, remedy,
                             "%.300s is in realm %.200s, but krb5.conf here gives its host the "
                             "realm %.200s: clients that name no realm ask for %.300s",
                             bare, realm, seal__gss_realm_mark(usual) + 1, usual);
    }
    seal__release(probe->alloc, usual);
}

/* ---- The check ---- */

static int probe_init(seal__spn_probe *probe, const seal_allocator *alloc,
                      const seal__spn_check_options *options, seal__spn_report *report,
                      seal_error **reterr) {
    *probe = (seal__spn_probe){.alloc = alloc,
                               .with_keytab = options->keytab != NULL || options->default_keytab,
                               .keytab = options->keytab,
                               .report = report};
    seal__gss_keep_config();
    krb5_error_code code = krb5_init_context(&probe->krb5);
    if (code != 0)
        return seal__gss_krb5_fail(NULL, code, options->spn, reterr);
    int rc = seal__gss_complete_principal(alloc, options->spn, &probe->full, reterr);
    if (rc < 0)
        return rc;
    code = krb5_parse_name(probe->krb5, probe->full, &probe->principal);
    if (code != 0)
        return seal__gss_krb5_fail(probe->krb5, code, probe->full, reterr);
    if (probe->with_keytab) {
        seal__gss_keytab_name(probe->keytab, probe->keytab_text, sizeof probe->keytab_text);
        probe->own_kvno = seal__gss_keytab_kvno(probe->keytab, probe->full);
    }
    return 0;
}

static void probe_done(seal__spn_probe *probe) {
    if (probe->tickets != NULL)
        krb5_cc_destroy(probe->krb5, probe->tickets);
    krb5_free_principal(probe->krb5, probe->principal);
    seal__release(probe->alloc, probe->full);
    krb5_free_context(probe->krb5);
}

int seal__spn_check(const seal_allocator *alloc, const seal__spn_check_options *options,
                    seal__spn_report *report, seal_error **reterr) {
    seal__spn_probe probe;
    int rc = probe_init(&probe, alloc, options, report, reterr);
    if (rc == 0)
        rc = seal__spn_probe_login(&probe, options->ccache, reterr);
    if (rc == 0) {
        seal__spn_probe_kdc(&probe);
        check_realm(&probe);
    }
    if (rc == 0 && options->ask_dns)
        seal__spn_check_dns(probe.full, report);
    probe_done(&probe);
    return rc;
}

/* A part of a name would be somebody else's. */
static int take_client(const seal__spn_probe *probe, seal__spn_client *ret_client,
                       seal_error **reterr) {
    krb5_principal client = NULL;
    char *name = NULL;
    seal__gss_keytab_name(probe->keytab, ret_client->keytab, sizeof ret_client->keytab);
    krb5_error_code code = krb5_cc_get_principal(probe->krb5, probe->tickets, &client);
    if (code == 0)
        code = krb5_unparse_name(probe->krb5, client, &name);
    int rc = 0;
    if (code != 0 || name == NULL)
        rc = seal__gss_krb5_fail(probe->krb5, code, probe->keytab_text, reterr);
    else if (strlen(name) >= sizeof ret_client->principal ||
             strlen(ret_client->keytab) >= sizeof ret_client->keytab - 1)
        rc = seal__error(reterr, SEAL_ERROR_INVALID,
                         "the name of %.300s in keytab %.300s, or that of the file, is too long; "
                         "name the client's keytab and principal in the options",
                         name, probe->keytab_text);
    if (rc == 0)
        snprintf(ret_client->principal, sizeof ret_client->principal, "%s", name);
    krb5_free_unparsed_name(probe->krb5, name);
    krb5_free_principal(probe->krb5, client);
    return rc;
}

int seal__spn_find_client(const seal_allocator *alloc, const char *keytab, const char *spn,
                          seal__spn_client *ret_client, seal_error **reterr) {
    seal__spn_probe probe;
    seal__spn_check_options options = {
        .spn = spn, .keytab = keytab, .default_keytab = keytab == NULL};
    int rc = probe_init(&probe, alloc, &options, NULL, reterr);
    if (rc == 0)
        rc = seal__spn_probe_login(&probe, NULL, reterr);
    if (rc == 0 && probe.client[0] == '\0')
        rc = seal__error(reterr,
                         probe.unreachable ? SEAL_ERROR_KDC_UNREACHABLE : SEAL_ERROR_CREDENTIALS,
                         "the KDC gives no ticket to any principal of keytab %s: %s",
                         probe.keytab_text, probe.why);
    if (rc == 0)
        rc = take_client(&probe, ret_client, reterr);
    probe_done(&probe);
    return rc;
}
