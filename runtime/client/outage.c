/* SPDX-License-Identifier: Apache-2.0 */
/* While nothing can be reached: which calls fail, and with which words, which wait, and for how
 * long. */
#include <stdio.h>

#include "client/client_internal.h"
#include "secure/crypto/crypto.h"

enum { MS = 1000000, NOTE_MAX = 64 };

static uint32_t random_number(void) {
    uint32_t number = 0;
    return seal__random((uint8_t *)&number, sizeof number) == 0 ? number : UINT32_MAX / 2;
}

static void remember(seal_channel *channel, int code, const char *text) {
    seal_error_free(channel->failure);
    channel->failure = NULL;
    seal__error(&channel->failure, code, "%s", text);
}

void seal__channel_fail_waiting(seal_channel *channel, int code, const char *text) {
    seal__channel_fail_impatient(channel, &(seal__outcome){.status = seal__status_of(code),
                                                           .execution = SEAL_NOT_EXECUTED,
                                                           .cause = (seal_error_code)code,
                                                           .message = text});
}

void seal__channel_put_off(seal_channel *channel, int code, const char *text) {
    seal__backoff_failed(&channel->backoff, uv_hrtime(), random_number());
    remember(channel, code, text);
}

/* Where all servers are going away, and have said for how long. */
static void heed_bans(seal_channel *channel, uint64_t now) {
    const seal__endpoints *list = channel->source.list;
    uint64_t end = list != NULL ? seal__avoid_bans_end(&channel->avoid, list, now) : 0;
    if (end <= channel->backoff.until_ns)
        return;
    char place[SEAL__PLACE_MAX];
    char text[SEAL__ROUND_TEXT];
    seal__channel_place(channel, NULL, place);
    snprintf(text, sizeof text, "%s: %s", place, SEAL__BANNED_TEXT);
    seal__backoff_not_before(&channel->backoff, end);
    remember(channel, SEAL_ERROR_CLOSED, text);
}

bool seal__channel_is_put_off(seal_channel *channel) {
    uint64_t now = uv_hrtime();
    heed_bans(channel, now);
    uint64_t rest = seal__backoff_rest_ns(&channel->backoff, now);
    if (rest == 0) {
        seal__backoff_skip(&channel->backoff); /* used up */
        return false;
    }
    if (rest > SEAL__BACKOFF_PATIENCE_NS) {
        char text[SEAL__ROUND_TEXT + NOTE_MAX];
        snprintf(text, sizeof text, "%.*s; the next attempt is in %llu ms", SEAL__ROUND_TEXT,
                 seal_error_message(channel->failure), (unsigned long long)((rest + MS - 1) / MS));
        seal__channel_fail_waiting(channel, seal_error_get_code(channel->failure), text);
    }
    seal__channel_arm_timer(channel);
    return true;
}

uint64_t seal__channel_next_connect(const seal_channel *channel) {
    bool waits = channel->n_pending > 0 && !channel->connecting && channel->conn == NULL;
    return waits && channel->backoff.until_ns != 0 ? channel->backoff.until_ns : UINT64_MAX;
}

uint64_t seal__channel_backoff_ms(const seal_channel *channel) {
    if (channel->connecting || channel->conn != NULL)
        return 0;
    return (seal__backoff_rest_ns(&channel->backoff, uv_hrtime()) + MS - 1) / MS;
}

void seal__channel_disconnected(seal_channel *channel, const seal__endpoint *endpoint,
                                const seal_error *why) {
    uint64_t now = uv_hrtime();
    seal__backoff_lost(&channel->backoff, now, random_number());
    if (seal__backoff_rest_ns(&channel->backoff, now) == 0)
        return;
    char place[SEAL__PLACE_MAX];
    char text[SEAL__ROUND_TEXT];
    seal__channel_place(channel, endpoint, place);
    snprintf(text, sizeof text, "%s: connections are established and lost again at once: %.1000s",
             place, why != NULL ? seal_error_message(why) : "the server closes them");
    remember(channel, why != NULL ? (int)seal_error_get_code(why) : SEAL_ERROR_CLOSED, text);
}
