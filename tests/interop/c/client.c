/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <stdio.h>
#include <time.h>

#include "greeter.seal.h"

static void print_reply(const seal_result *result, const Demo__HelloReply *reply) {
    const seal_peer *peer = seal_result_peer(result);
    printf("server: %s\nclient: %s\nprotection: %s (%s)\nreply: %s\n", seal_peer_principal(peer),
           seal_peer_local_principal(peer), seal_level_name(seal_peer_level(peer)),
           seal_suite_name(seal_peer_suite(peer)), reply->message);
}

static void print_failure(const seal_result *result) {
    seal_error_code cause = seal_result_cause(result);
    printf("error: %s: %s: %s\n", cause == SEAL_OK ? "STATUS" : peer_word((int)cause),
           seal_status_name(seal_result_status(result)), seal_result_message(result));
}

static int call(seal_channel *channel, const peer_options *options, bool last,
                uint64_t *ret_expires_at) {
    Demo__HelloRequest request = DEMO__HELLO_REQUEST__INIT;
    request.name = options->name;
    seal_call_options with;
    seal_call_options_init(&with);
    with.min_level = options->level; /* else the method asks for privacy */
    const Demo__HelloReply *reply = NULL;
    seal_result *result = demo_greeter_sync_say_hello(channel, &request, &with, &reply);
    int status = reply == NULL;
    if (reply == NULL)
        print_failure(result);
    else if (last)
        print_reply(result, reply);
    if (reply != NULL)
        *ret_expires_at = seal_peer_expires_at(seal_result_peer(result));
    seal_result_free(result);
    return status;
}

/* Until the channel has re-authenticated by itself, which it does when its ticket is about to end.
 */
static int call_until_renewed(seal_channel *channel, const peer_options *options) {
    const struct timespec pause = {.tv_nsec = 50000000};
    uint64_t before = 0;
    uint64_t now = 0;
    int status = call(channel, options, false, &before);
    for (now = before; status == 0 && now <= before;) {
        nanosleep(&pause, NULL);
        status = call(channel, options, false, &now);
    }
    return status;
}

int peer_client(const peer_options *options) {
    seal_channel_options with;
    seal_channel_options_init(&with);
    with.server_principal = options->principal;
    with.mechanism = options->mechanism;
    with.suites = options->suites;
    with.n_suites = options->n_suites;
    with.min_level = options->level;
    seal_channel *channel = NULL;
    seal_error *error = NULL;
    if (demo_greeter_channel_new(NULL, options->client, &with, &channel, &error) < 0) {
        printf("error: OTHER: %s\n", seal_error_message(error));
        seal_error_free(error);
        return 1;
    }
    uint64_t expires_at = 0;
    int status = options->until_renewed ? call_until_renewed(channel, options) : 0;
    for (int i = 1; i <= options->calls && status == 0; i++)
        status = call(channel, options, i == options->calls, &expires_at);
    seal_channel_free(channel);
    return status;
}
