/* SPDX-License-Identifier: Apache-2.0 */
/* seal keytab show: whose keys are in a keytab, and of which kind. */
#include "json.h"
#include "keytab.h"
#include "krb5_text.h"
#include "options.h"
#include "report.h"
#include "secure/gss/spn_check.h"

#include <stdio.h>

enum { WHEN_MAX = 32 };

static void format_when(time_t added, char when[WHEN_MAX]) {
    struct tm utc;
    when[0] = '\0';
    if (gmtime_r(&added, &utc) != NULL)
        strftime(when, WHEN_MAX, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

static void print_text(const struct keytab *keytab) {
    printf("keytab %s\n", keytab->name);
    for (size_t i = 0; i < keytab->n; i++) {
        const struct keytab_entry *entry = &keytab->entries[i];
        char when[WHEN_MAX];
        char *enctype = krb5_text_enctype(entry->enctype);
        format_when(entry->added, when);
        printf("%s  kvno %u  %s  %s%s\n", entry->principal, entry->kvno, enctype, when,
               seal__spn_enctype_is_weak(entry->enctype) ? "  WEAK" : "");
        text_free(enctype);
    }
}

static void print_json(const struct keytab *keytab) {
    json_t *entries = json_need(json_array());
    for (size_t i = 0; i < keytab->n; i++) {
        const struct keytab_entry *entry = &keytab->entries[i];
        char when[WHEN_MAX];
        char *enctype = krb5_text_enctype(entry->enctype);
        format_when(entry->added, when);
        json_t *item = json_need(json_object());
        json_put(item, "principal", json_text(entry->principal));
        json_put(item, "kvno", json_need(json_integer(entry->kvno)));
        json_put(item, "enctype", json_text(enctype));
        json_put(item, "weak", json_boolean(seal__spn_enctype_is_weak(entry->enctype)));
        json_put(item, "added", json_text(when));
        json_push(entries, item);
        text_free(enctype);
    }
    json_t *whole = json_need(json_object());
    json_put(whole, "keytab", json_text(keytab->name));
    json_put(whole, "entries", entries);
    json_print(whole);
}

static void warn_of_weak(const struct keytab *keytab) {
    for (size_t i = 0; i < keytab->n; i++) {
        if (!seal__spn_enctype_is_weak(keytab->entries[i].enctype))
            continue;
        say("%s has weak keys; give the account AES keys (supported_enctypes in kdc.conf; in "
            "Active Directory msDS-SupportedEncryptionTypes 24), then run: seal keytab rotate %s "
            "--prune",
            keytab->name, keytab->name);
        return;
    }
}

static int run(const struct command *command, int argc, char **argv) {
    bool as_json = false;
    const struct option_spec specs[] = {{"json", NULL, "print JSON", .flag = &as_json}, {0}};
    struct words words = {0};
    int status;
    if (options_parse(command, specs, argc, argv, 0, 1, &words, &status)) {
        struct keytab keytab;
        seal_error *error = NULL;
        if (keytab_read(words.n == 0 ? NULL : words.items[0], &keytab, &error) < 0) {
            status = complain_error(error);
        } else {
            (as_json ? print_json : print_text)(&keytab);
            warn_of_weak(&keytab);
            keytab_done(&keytab);
        }
    }
    words_done(&words);
    return status;
}

const struct command command_keytab_show = {
    .group = "keytab",
    .name = "show",
    .arguments = "[FILE]",
    .summary = "list the keys in a keytab, never their bytes",
    .details = "Default: the keytab that KRB5_KTNAME names, or /etc/krb5.keytab.\n",
    .run = run};
