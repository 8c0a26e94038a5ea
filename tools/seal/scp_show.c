/* SPDX-License-Identifier: Apache-2.0 */
/* seal scp show: everything about connection points, and whether clients believe them. */
#include "report.h"
#include "scp_common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILTER_MAX = 1024 };

struct showing {
    struct scp_session session;
    const char *spn_class;
    size_t shown;
    int status;
    seal__scp *scps; /* judged after the search, which uses the connection */
    size_t n_scps;
};

static void print_value(const char *name, const char *value) {
    printf("%s: ", name);
    print_visible(value);
    putchar('\n');
}

static void print_attributes(const seal__directory_entry *entry) {
    print_value("dn", entry->dn);
    for (size_t i = 0; i < entry->n_attributes; i++)
        for (size_t k = 0; k < entry->attributes[i].n_values; k++)
            print_value(entry->attributes[i].name, entry->attributes[i].values[k]);
}

/* What clients of the class that is given, or that the entry names, will make of it. */
static void judge(struct showing *s, const seal__scp *scp) {
    const char *spn_class = s->spn_class == NULL ? scp->spn_class : s->spn_class;
    char spn[SEAL_SPN_MAX];
    seal_error *error = NULL;
    int rc = seal_spn_make(spn_class, scp->host, 0, NULL, spn, &error);
    if (rc == 0)
        rc = seal__scp_check_owner(s->session.directory, scp, spn, &error);
    if (rc == 0) {
        printf("verdict: the account above it carries %s: clients believe it\n", spn);
    } else if (rc == SEAL_ERROR_SPN_OWNER || rc == SEAL_ERROR_SPN_DUPLICATE) {
        printf("verdict: clients leave it out: %s\n", seal_error_message(error));
        seal_error_free(error);
        s->status = STATUS_FAILED;
    } else {
        s->status = complain_error(error);
    }
}

static bool show_entry(void *user, const seal__directory_entry *entry) {
    struct showing *s = user;
    seal_error *error = NULL;
    s->scps = text_grow(s->scps, s->n_scps, sizeof *s->scps);
    s->shown++;
    print_attributes(entry);
    if (seal__scp_parse(entry, &s->scps[s->n_scps], &error) == 0) {
        s->n_scps++;
    } else {
        printf("verdict: clients cannot use it: %s\n", seal_error_message(error));
        seal_error_free(error);
        s->status = STATUS_FAILED;
    }
    printf("\n");
    return true;
}

static int show(struct showing *s, const char *what) {
    char filter[FILTER_MAX] = "(objectClass=*)";
    seal_error *error = NULL;
    bool is_dn = strchr(what, '=') != NULL;
    int rc = scp_session_open(&s->session, &error);
    if (rc == 0 && !is_dn && !seal__scp_filter(what, filter, sizeof filter))
        rc = seal__error(&error, SEAL_ERROR_INVALID, "the service's name is too long");
    if (rc == 0)
        rc = seal__directory_search(s->session.directory, is_dn ? what : NULL,
                                    is_dn ? SEAL__SCOPE_BASE : SEAL__SCOPE_SUBTREE, filter, NULL,
                                    show_entry, s, &error);
    if (rc < 0)
        return complain_error(error);
    if (s->shown == 0)
        return complain(STATUS_FAILED,
                        "%s has no connection point under %s; run: seal scp publish --service %s",
                        what, seal__directory_base(s->session.directory), what);
    for (size_t i = 0; i < s->n_scps; i++) {
        print_visible(s->scps[i].dn);
        printf("\n  ");
        judge(s, &s->scps[i]);
    }
    return s->status;
}

static int run(const struct command *command, int argc, char **argv) {
    struct showing s = {0};
    const struct option_spec specs[] = {
        {"class", "CLASS", "the class of SPNs that clients compose (default: the entry's)",
         .text = &s.spn_class},
        SCP_OPTION_SPECS(&s.session),
        {0}};
    struct words words = {0};
    int status;
    if (options_parse(command, specs, argc, argv, 1, 1, &words, &status))
        status = show(&s, words.items[0]);
    scp_session_close(&s.session);
    free(s.scps);
    words_done(&words);
    return status;
}

const struct command command_scp_show = {
    .group = "scp",
    .name = "show",
    .arguments = "DN|SERVICE",
    .summary = "show connection points, and whether clients believe them",
    .details = "Prints all attributes, and whether the account above the entry carries the SPN "
               "that\nclients compose. Exit status 1: one of them is left out by clients.\n",
    .run = run};
