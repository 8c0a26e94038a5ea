/* SPDX-License-Identifier: Apache-2.0 */
/* seal spn check: what is wrong with names, found out without any administrative right. */
#include "accounts.h"
#include "json.h"
#include "naming/spn_audit.h"
#include "report.h"
#include "secure/gss/spn_check.h"
#include "ticket.h"

#include <sealrpc/spn.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct checking {
    const char *keytab; /* NULL: the default one */
    const char *ccache;
    bool client;
    bool no_dns;
    bool json;
    const char *account;
    struct directory_options where;
    struct login login;         /* empty when nobody could log in */
    seal__directory *directory; /* NULL: none is configured or usable */
    json_t *answer;
    int status;
};

/* "Something is wrong" beats "could not ask". */
static void worsen(struct checking *c, int status) {
    if (status == STATUS_FAILED || c->status == STATUS_OK)
        c->status = status;
}

static bool is_proof(const seal__spn_fact *fact) {
    return fact->finding != SEAL__SPN_UNKNOWN;
}

/* ---- Answers ---- */

static void print_facts(const char *spn, const seal__spn_report *report) {
    for (size_t i = 0; i < report->n; i++) {
        const seal__spn_fact *fact = &report->facts[i];
        const char *kind = !is_proof(fact) ? "unknown" : fact->fatal ? "error" : "warning";
        if (is_proof(fact))
            printf("%s %s: %s: %s\n", kind, spn, seal__spn_finding_name(fact->finding), fact->text);
        else
            printf("%s %s: %s\n", kind, spn, fact->text);
        if (fact->remedy[0] != '\0')
            printf("  remedy: %s\n", fact->remedy);
    }
}

static json_t *json_facts(const seal__spn_report *report) {
    json_t *facts = json_need(json_array());
    for (size_t i = 0; i < report->n; i++) {
        const seal__spn_fact *fact = &report->facts[i];
        json_t *item = json_need(json_object());
        json_put(item, "finding", json_text(seal__spn_finding_name(fact->finding)));
        json_put(item, "fatal", json_boolean(fact->fatal));
        json_put(item, "text", json_text(fact->text));
        json_put(item, "remedy", json_text(fact->remedy));
        json_push(facts, item);
    }
    return facts;
}

static void answer(struct checking *c, const char *spn, const seal__spn_report *report) {
    struct ticket_facts ticket = {0};
    bool known = c->login.ccache != NULL && ticket_ask(&c->login, spn, &ticket);
    if (c->json) {
        json_t *item = json_need(json_object());
        json_put(item, "spn", json_text(spn));
        json_put(item, "ok", json_boolean(report->n == 0));
        if (known) {
            json_put(item, "kvno", json_need(json_integer(ticket.kvno)));
            json_put(item, "enctype", json_text(ticket.enctype));
        }
        json_put(item, "findings", json_facts(report));
        json_push(c->answer, item);
    } else if (report->n == 0 && known) {
        printf("ok %s (kvno %u, %s)\n", spn, ticket.kvno, ticket.enctype);
    } else if (report->n == 0) {
        printf("ok %s\n", spn);
    } else {
        print_facts(spn, report);
    }
    text_free(ticket.enctype);
}

/* ---- Asking ---- */

static void judge(struct checking *c, const seal__spn_report *report) {
    for (size_t i = 0; i < report->n; i++) {
        const seal__spn_fact *fact = &report->facts[i];
        if (!is_proof(fact))
            worsen(c, STATUS_UNREACHABLE);
        else if (fact->fatal)
            worsen(c, STATUS_FAILED);
    }
}

static int find_account(struct checking *c, char dn[SEAL__SCP_DN_MAX], seal_error **reterr) {
    dn[0] = '\0';
    return c->account == NULL ? 0 : account_find(c->directory, c->account, dn, reterr);
}

/* A fact of another report; "DNS does not answer" is no reason to doubt what the KDC said. */
static void take_dns(const seal__spn_report *dns, seal__spn_report *report) {
    for (size_t i = 0; i < dns->n; i++) {
        const seal__spn_fact *fact = &dns->facts[i];
        if (is_proof(fact))
            seal__spn_report_add(report, fact->finding, fact->fatal, fact->remedy, "%s",
                                 fact->text);
        else
            say("%s", fact->text);
    }
}

static int ask_kdc(struct checking *c, const char *spn, seal__spn_report *report,
                   seal_error **reterr) {
    const seal__spn_check_options options = {.spn = spn,
                                             .keytab = c->client ? NULL : c->keytab,
                                             .default_keytab = !c->client && c->keytab == NULL,
                                             .ccache = c->ccache};
    return seal__spn_check(&seal__default_allocator, &options, report, reterr);
}

static int ask_directory(struct checking *c, const char *spn, seal__spn_report *report,
                         seal_error **reterr) {
    char dn[SEAL__SCP_DN_MAX];
    int rc = find_account(c, dn, reterr);
    if (rc < 0)
        return rc;
    char *name = text_format("%.*s", (int)strcspn(spn, "@"), spn);
    rc = seal__spn_audit(c->directory, name, dn[0] == '\0' ? NULL : dn, report, reterr);
    text_free(name);
    return rc;
}

/* The name as it was written: its letters are a part of what is checked. */
static void check_one(struct checking *c, const char *spn) {
    seal_spn parts;
    seal_error *error = NULL;
    if (seal_spn_parse(spn, &parts, &error) < 0) {
        worsen(c, complain_error(error));
        return;
    }
    seal__spn_report *reports = text_grow(text_grow(NULL, 0, sizeof *reports), 1, sizeof *reports);
    seal__spn_report *report = &reports[0];
    int rc = ask_kdc(c, spn, report, &error);
    if (rc == 0 && c->directory != NULL)
        rc = ask_directory(c, spn, report, &error);
    if (rc == 0 && !c->no_dns) {
        seal__spn_check_dns(spn, &reports[1]);
        take_dns(&reports[1], report);
    }
    if (rc < 0)
        worsen(c, complain_error(error));
    judge(c, report);
    if (rc == 0 || report->n > 0)
        answer(c, spn, report);
    free(reports);
}

/* Who asks. Without anybody, the check itself says what is wrong. */
static void log_in(struct checking *c, const char *spn) {
    struct login_options options = {.ccache = c->ccache};
    seal__spn_client client;
    seal_error *error = NULL;
    int rc = 0;
    if (!c->client) {
        rc = seal__spn_find_client(&seal__default_allocator, c->keytab, spn, &client, &error);
        options.principal = client.principal;
        options.keytab = client.keytab;
    }
    if (rc == 0)
        (void)login_open(&options, LOGIN_TGT, &c->login, &error);
    seal_error_free(error);
}

static void open_directory(struct checking *c) {
    seal_error *error = NULL;
    if (!directory_is_configured(&c->where)) {
        if (c->account != NULL)
            worsen(c, complain(STATUS_USAGE,
                               "--account %s is looked for in a directory; give "
                               "--directory URI, or set SEAL_DIRECTORY_URI",
                               c->account));
        return;
    }
    if (c->login.ccache == NULL)
        say("the directory is not asked, because nobody could log in");
    else if (directory_connect(&c->where, &c->login, &c->directory, &error) < 0)
        worsen(c, complain_error(error));
}

static void check_all(struct checking *c, const struct words *spns) {
    c->answer = c->json ? json_need(json_array()) : NULL;
    log_in(c, spns->items[0]);
    open_directory(c);
    for (size_t i = 0; i < spns->n && c->status != STATUS_USAGE; i++)
        check_one(c, spns->items[i]);
    if (c->json)
        json_print(c->answer);
    seal__directory_close(c->directory);
    login_close(&c->login);
}

static int run(const struct command *command, int argc, char **argv) {
    struct checking c = {0};
    const struct option_spec specs[] = {
        {"keytab", "FILE", "the service's keytab (default: $KRB5_KTNAME)", .text = &c.keytab},
        {"client", NULL, "look from the client's side, with the current ticket", .flag = &c.client},
        {"ccache", "CACHE", "with --client: whose ticket", .text = &c.ccache},
        {"account", "ACCOUNT", "the account that should have it, as DN or name",
         .text = &c.account},
        DIRECTORY_OPTION_SPECS(&c.where),
        {"no-dns", NULL, "do not ask whether DNS would change the host", .flag = &c.no_dns},
        {"json", NULL, "print JSON", .flag = &c.json},
        {0}};
    struct words words = {0};
    int status;
    if (options_parse(command, specs, argc, argv, 1, SIZE_MAX, &words, &status)) {
        if (c.client && c.keytab != NULL)
            status = complain(STATUS_USAGE, "--keytab is the service's side, --client the "
                                            "client's; give one of them");
        else if (!c.client && c.ccache != NULL)
            status = complain(STATUS_USAGE, "--ccache goes with --client");
        else
            check_all(&c, &words);
        if (status == STATUS_OK)
            status = c.status;
    }
    words_done(&words);
    return status;
}

const struct command command_spn_check = {
    .group = "spn",
    .name = "check",
    .arguments = "SPN...",
    .summary = "find out what is wrong with service principal names",
    .details = "Asks the KDC, the keytab, the directory if there is one, and DNS. Needs no rights "
               "but\nthe keytab's, or with --client those of any user.\n"
               "Exit status: 0 right, or only warnings; 1 clients will fail; 3 nobody could be "
               "asked.\n",
    .run = run};
