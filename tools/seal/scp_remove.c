/* SPDX-License-Identifier: Apache-2.0 */
/* seal scp remove */
#include "found.h"
#include "report.h"
#include "scp_common.h"

#include <stdio.h>
#include <string.h>

enum { FILTER_MAX = 1024 };

static bool name_filter(const char *name, char filter[FILTER_MAX]) {
    snprintf(filter, FILTER_MAX, "(&(objectClass=serviceConnectionPoint)(cn=");
    if (!seal__directory_escape(filter, FILTER_MAX, name))
        return false;
    size_t length = strlen(filter);
    if (length + 3 > FILTER_MAX)
        return false;
    memcpy(filter + length, "))", 3);
    return true;
}

/* By its cn, anywhere or right below an account. */
static int find(struct scp_session *session, const char *name, const char *account,
                struct found *found, seal_error **reterr) {
    char filter[FILTER_MAX];
    char dn[SEAL__SCP_DN_MAX];
    int rc = 0;
    if (!name_filter(name, filter))
        return seal__error(reterr, SEAL_ERROR_INVALID, "--name %s is too long", name);
    if (account != NULL)
        rc = account_find(session->directory, account, dn, reterr);
    if (rc < 0)
        return rc;
    rc = found_search(session->directory, account == NULL ? NULL : dn,
                      account == NULL ? SEAL__SCOPE_SUBTREE : SEAL__SCOPE_ONE, filter, found,
                      reterr);
    if (rc < 0)
        return rc;
    if (found->n == 0)
        return seal__error(reterr, SEAL_ERROR_NOT_FOUND,
                           "no connection point is called '%s'; see: seal scp list", name);
    if (found->n > 1 || found->dn[0] == '\0')
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "several are called '%s': %s and %s; give the DN, or --account", name,
                           found->dn, found->other);
    return 0;
}

/* A DN may be that of anything, of an account, too. */
static int check_kind(struct scp_session *session, const char *dn, seal_error **reterr) {
    struct found found;
    int rc = found_search(session->directory, dn, SEAL__SCOPE_BASE,
                          "(objectClass=serviceConnectionPoint)", &found, reterr);
    if (rc == 0 && found.n == 0)
        rc = seal__error(reterr, SEAL_ERROR_INVALID,
                         "%s is no connection point, and stays; see: seal scp list", dn);
    return rc;
}

static int remove_scp(struct scp_session *session, const char *dn, const char *name,
                      const char *account) {
    struct found found = {0};
    seal_error *error = NULL;
    int rc = scp_session_open(session, &error);
    if (rc == 0)
        rc = dn == NULL ? find(session, name, account, &found, &error)
                        : check_kind(session, dn, &error);
    const char *which = dn == NULL ? found.dn : dn;
    if (rc == 0)
        rc = scp_session_remove(session, which, &error);
    if (rc < 0)
        return complain_error(error);
    printf("removed ");
    print_visible(which);
    putchar('\n');
    return STATUS_OK;
}

static int run(const struct command *command, int argc, char **argv) {
    struct scp_session session = {0};
    const char *name = NULL;
    const char *account = NULL;
    const struct option_spec specs[] = {
        {"name", "CN", "by its name, not its DN", .text = &name},
        {"account", "ACCOUNT", "with --name: below this account", .text = &account},
        SCP_OPTION_SPECS(&session),
        {0}};
    struct words words = {0};
    int status;
    if (options_parse(command, specs, argc, argv, 0, 1, &words, &status)) {
        if ((words.n == 0) == (name == NULL))
            status = complain(STATUS_USAGE, "give a DN or --name CN; see: seal scp remove --help");
        else
            status = remove_scp(&session, words.n == 0 ? NULL : words.items[0], name, account);
    }
    scp_session_close(&session);
    words_done(&words);
    return status;
}

const struct command command_scp_remove = {.group = "scp",
                                           .name = "remove",
                                           .arguments = "[DN]",
                                           .summary = "remove a connection point",
                                           .details = "",
                                           .run = run};
