/* SPDX-License-Identifier: Apache-2.0 */
/* seal scp list: where services say they are. */
#include "json.h"
#include "report.h"
#include "scp_common.h"

#include <stdio.h>
#include <stdlib.h>

static void complain_of_entry(void *user, const seal_error *why) {
    (void)user;
    say("%s", seal_error_message(why));
}

static void print_line(const char *service, const seal__scp *scp) {
    print_visible(service);
    printf("\t%s:%u\tpriority %u\tweight %u\t", scp->host, scp->port, scp->priority, scp->weight);
    print_visible(scp->dn);
    putchar('\n');
}

static void print_text(const seal__scp *scp) {
    for (size_t i = 0; i < scp->n_services; i++)
        print_line(scp->services[i], scp);
    if (scp->n_services == 0)
        print_line("-", scp);
}

static json_t *to_json(const seal__scp *scp) {
    json_t *services = json_need(json_array());
    for (size_t i = 0; i < scp->n_services; i++)
        json_push(services, json_text(scp->services[i]));
    json_t *item = json_need(json_object());
    json_put(item, "dn", json_text(scp->dn));
    json_put(item, "services", services);
    json_put(item, "class", json_text(scp->spn_class));
    json_put(item, "host", json_text(scp->host));
    json_put(item, "port", json_need(json_integer(scp->port)));
    json_put(item, "priority", json_need(json_integer(scp->priority)));
    json_put(item, "weight", json_need(json_integer(scp->weight)));
    return item;
}

static void print_all(const seal__scp *scps, size_t n, bool as_json) {
    if (!as_json) {
        for (size_t i = 0; i < n; i++)
            print_text(&scps[i]);
        return;
    }
    json_t *all = json_need(json_array());
    for (size_t i = 0; i < n; i++)
        json_push(all, to_json(&scps[i]));
    json_print(all);
}

static int list(struct scp_session *session, const char *service, bool as_json) {
    seal_error *error = NULL;
    size_t n = 0;
    seal__scp *scps = calloc(SEAL__DIRECTORY_MAX_ENTRIES, sizeof *scps);
    int rc = scps == NULL ? seal__error_no_memory(&error) : scp_session_open(session, &error);
    if (rc == 0)
        rc = seal__scp_search(session->directory, service, scps, SEAL__DIRECTORY_MAX_ENTRIES, &n,
                              complain_of_entry, NULL, &error);
    if (rc == 0)
        print_all(scps, n, as_json);
    free(scps);
    scp_session_close(session);
    return rc < 0 ? complain_error(error) : STATUS_OK;
}

static int run(const struct command *command, int argc, char **argv) {
    struct scp_session session = {0};
    bool as_json = false;
    const struct option_spec specs[] = {
        SCP_OPTION_SPECS(&session), {"json", NULL, "print JSON", .flag = &as_json}, {0}};
    struct words words = {0};
    int status;
    if (options_parse(command, specs, argc, argv, 0, 1, &words, &status))
        status = list(&session, words.n == 0 ? NULL : words.items[0], as_json);
    words_done(&words);
    return status;
}

const struct command command_scp_list = {
    .group = "scp",
    .name = "list",
    .arguments = "[SERVICE]",
    .summary = "list connection points in the directory",
    .details = "Without SERVICE those of all services. Entries that cannot be used are noted on "
               "standard\nerror.\n",
    .run = run};
