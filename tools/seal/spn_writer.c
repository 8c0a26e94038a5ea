/* SPDX-License-Identifier: Apache-2.0 */
#include "spn_writer.h"

#include "report.h"
#include "spn_rpc.h"

#include <stdio.h>
#include <string.h>

bool spn_writer_parse(const struct spn_writer *writer, const struct command *command,
                      const struct option_spec *specs, int argc, char **argv,
                      struct words *ret_words, int *ret_status) {
    seal_error *error = NULL;
    if (!options_parse(command, specs, argc, argv, 1, SIZE_MAX, ret_words, ret_status))
        return false;
    if (spn_rpc_check(writer->via, &error) == 0)
        return true;
    *ret_status = complain_error(error);
    return false;
}

int spn_writer_needs_directory(seal_error **reterr) {
    return seal__error(reterr, SEAL_ERROR_INVALID,
                       "accounts are in a directory, and none is configured; give --directory "
                       "URI, or set SEAL_DIRECTORY_URI");
}

struct change {
    struct spn_writer *writer;
    bool adds;
    const char *dn;
    const char *spn;
    bool changed;
};

static int write_to_account(void *user, seal_error **reterr) {
    struct change *c = user;
    seal__directory *directory = c->writer->directory;
    if (c->writer->via == NULL)
        return (c->adds ? account_add_spn : account_remove_spn)(directory, c->dn, c->spn,
                                                                &c->changed, reterr);
    c->changed = true;
    return spn_rpc_write(c->adds ? SPN_RPC_ADD : SPN_RPC_DELETE, seal__directory_server(directory),
                         c->dn, c->spn, &c->writer->login, reterr);
}

int spn_writer_write(struct spn_writer *writer, const char *operation, const char *dn,
                     const char *spn) {
    seal_error *error = NULL;
    struct change c = {
        .writer = writer, .adds = strcmp(operation, SPN_RPC_ADD) == 0, .dn = dn, .spn = spn};
    if (directory_write(&writer->where, &writer->login, &writer->directory, write_to_account, &c,
                        &error) < 0)
        return complain_error(error);
    const char *done = c.adds ? "added to" : "removed from";
    const char *was_so = c.adds ? "is on" : "is not on";
    printf("%s: %s ", spn, c.changed ? done : was_so);
    print_visible(dn);
    putchar('\n');
    return STATUS_OK;
}

int spn_writer_each(const struct words *spns, int (*one)(void *user, const char *spn), void *user) {
    int status = STATUS_OK;
    for (size_t i = 0; i < spns->n; i++) {
        int its = one(user, spns->items[i]);
        if (status == STATUS_OK)
            status = its;
    }
    return status;
}

void spn_writer_done(struct spn_writer *writer) {
    kadmin_close(writer->kadmin);
    seal__directory_close(writer->directory);
    login_close(&writer->login);
}
