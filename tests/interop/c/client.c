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
    if (cause == SEAL_OK)
        printf("code: %d\nexecution: %d\n", (int)seal_result_status(result),
               (int)seal_result_execution(result));
}

static void print_hex(const char *word, const char *key, const void *bytes, size_t len) {
    const uint8_t *byte = bytes;
    printf("%s: %s=", word, key);
    for (size_t i = 0; i < len; i++)
        printf("%02x", byte[i]);
    printf("\n");
}

static void print_metadata(const char *word, const seal_metadata *metadata) {
    seal_metadata_entry entry;
    for (size_t i = 0; seal_metadata_at(metadata, i, &entry); i++)
        print_hex(word, entry.key, entry.value, entry.value_len);
}

/* What else the server said. */
static void print_rest(const seal_result *result) {
    print_metadata("initial", seal_result_initial_metadata(result));
    print_metadata("trailing", seal_result_trailing_metadata(result));
    for (size_t i = 0; i < seal_result_detail_count(result); i++) {
        seal_bytes value = seal_result_detail_value(result, i);
        print_hex("detail", seal_result_detail_type(result, i), value.data, value.len);
    }
}

static int call(seal_channel *channel, const peer_options *options, bool last,
                uint64_t *ret_expires_at) {
    Demo__HelloRequest request = DEMO__HELLO_REQUEST__INIT;
    request.name = options->name;
    seal_call_options with;
    seal_call_options_init(&with);
    with.min_level = options->level; /* else the method asks for privacy */
    with.metadata = options->metadata;
    const Demo__HelloReply *reply = NULL;
    seal_result *result = demo_greeter_sync_say_hello(channel, &request, &with, &reply);
    int status = reply == NULL;
    if (reply == NULL)
        print_failure(result);
    else if (last)
        print_reply(result, reply);
    if (reply == NULL || last)
        print_rest(result);
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

/* Until the server has sent the channel away, and it has called on a new connection. */
static int call_until_drained(seal_channel *channel, const peer_options *options) {
    seal_channel_stats stats = {0};
    uint64_t expires_at = 0;
    int status = 0;
    while (status == 0 && stats.connections_made < 2) {
        status = call(channel, options, false, &expires_at);
        seal_channel_get_stats(channel, &stats);
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
    if (options->until_drained && status == 0)
        status = call_until_drained(channel, options);
    for (int i = 1; i <= options->calls && status == 0; i++)
        status = call(channel, options, i == options->calls, &expires_at);
    seal_channel_free(channel);
    return status;
}
