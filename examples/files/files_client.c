/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: files-client [--progress] [--limit BYTES] TARGET put FILE [NAME]
 *                                                         get NAME [FILE]
 *                                                         list
 *
 * A transfer that was cut goes on where it stopped when the same command is run again. --limit: at
 * most so many bytes a second. --progress: the bar also where standard error is no terminal.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"

static int usage(void) {
    fprintf(stderr, "usage: files-client [--progress] [--limit BYTES] TARGET put FILE [NAME] | "
                    "get NAME [FILE] | list\n");
    return 2;
}

/* ---- What the commands share ----------------------------------------------------------------- */

int client_failed(const seal_result *result) {
    seal_status status = seal_result_status(result);
    fprintf(stderr, "files-client: %s: %s\n", seal_status_name(status),
            seal_result_message(result));
    if (status == SEAL_STATUS_UNAVAILABLE || status == SEAL_STATUS_CANCELLED ||
        status == SEAL_STATUS_RESOURCE_EXHAUSTED)
        fprintf(stderr, "files-client: the same command goes on where this one stopped\n");
    return 1;
}

int client_cannot(const char *path, int error) {
    const char *remedy = error == EEXIST   ? "; remove it, or choose another name"
                         : error == EAGAIN ? ": another files-client is getting it"
                         : error == EISDIR ? "; give a plain file"
                         : error == ENOSPC ? "; make room, and run the command again"
                                           : "";
    fprintf(stderr, "files-client: %s: %s%s\n", path, strerror(error), remedy);
    return 1;
}

bool client_step(void *user, uint64_t done) {
    client *c = user;
    progress_step(&c->bar, done);
    return true;
}

void client_transfer_options(seal_call_options *options) {
    seal_call_options_init(options);
    options->timeout_us = SEAL_NO_DEADLINE; /* keepalive finds out when the server has gone */
}

/* ---- list ------------------------------------------------------------------------------------ */

int client_list(client *c) {
    Demo__ListRequest request = DEMO__LIST_REQUEST__INIT;
    seal_client_call *call = NULL;
    const Demo__File *file = NULL;
    if (demo_files_start_list(c->channel, &request, NULL, &call) < 0)
        return client_cannot("list", ENOMEM);
    while (demo_files_read_list(call, &file) == 1)
        if (name_is_good(file->name)) /* which a terminal can take */
            printf("%12" PRIu64 "  %s\n", file->size, file->name);
    seal_result *result = seal_client_call_finish(call);
    int status = seal_result_status(result) == SEAL_STATUS_OK ? 0 : client_failed(result);
    seal_result_free(result);
    seal_client_call_unref(call);
    return status;
}

/* ---- The command line ------------------------------------------------------------------------ */

static const char *leaf_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* words: TARGET, command and its arguments, ended by NULL. */
static int run(client *c, int n, char **words) {
    if (strcmp(words[1], "put") == 0 && (n == 3 || n == 4))
        return client_put(c, words[2], n == 4 ? words[3] : leaf_of(words[2]));
    if (strcmp(words[1], "get") == 0 && (n == 3 || n == 4))
        return client_get(c, words[2], n == 4 ? words[3] : words[2]);
    if (strcmp(words[1], "list") == 0 && n == 2)
        return client_list(c);
    return usage();
}

static bool parse_options(client *c, int *argc, char ***argv) {
    for (; *argc > 1 && strncmp((*argv)[1], "--", 2) == 0; (*argc)--, (*argv)++) {
        if (strcmp((*argv)[1], "--progress") == 0) {
            c->bar.show = true;
        } else if (strcmp((*argv)[1], "--limit") == 0 && *argc > 2) {
            char *end = NULL;
            c->bar.limit = strtoull((*argv)[2], &end, 10);
            if (*end != '\0' || c->bar.limit == 0)
                return false;
            (*argc)--;
            (*argv)++;
        } else {
            return false;
        }
    }
    return *argc >= 3;
}

int main(int argc, char **argv) {
    client c = {.bar = {.show = isatty(STDERR_FILENO) == 1}};
    seal_error *error = NULL;
    if (!parse_options(&c, &argc, &argv))
        return usage();
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (demo_files_channel_new(NULL, argv[1], NULL, &c.channel, &error) < 0) {
        fprintf(stderr, "files-client: %s\n", seal_error_message(error));
        seal_error_free(error);
        return 2;
    }
    int status = run(&c, argc - 1, argv + 1);
    seal_channel_free(c.channel);
    return status;
}
