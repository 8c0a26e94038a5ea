/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/channel_internal.h"

#include <stdio.h>
#include <string.h>

enum { DEFAULT_SSF = 128 };
#define DEFAULT_HANDSHAKE_NS UINT64_C(10000000000)

/* ---- Failure ---- */

int seal__channel_failed(const seal__secure_channel *channel, seal_error **reterr) {
    if (reterr != NULL)
        *reterr = seal__error_copy(channel->error);
    return channel->failure;
}

static void prepare_alert(seal__secure_channel *channel, int code) {
    const seal__handshake *hs = channel->hs;
    channel->out.len = 0;
    /* Nothing to a peer that has not been spoken to, or that has refused already, or that expects
     * records from here because it has our FINISHED. */
    if (hs == NULL || hs->refused_by_peer || (!hs->heard && !hs->said_hello) ||
        seal__handshake_said_finished(hs))
        return;
    uint16_t alert = hs->alert != 0 ? hs->alert : (uint16_t)seal__close_code_for(code);
    seal__put_alert(&channel->out, alert, &hs->error_token);
}

int seal__channel_fail(seal__secure_channel *channel, int code, seal_error *error, bool tell,
                       seal_error **reterr) {
    if (channel->failure != 0) {
        seal_error_free(error);
        return seal__channel_failed(channel, reterr);
    }
    if (error == NULL)
        seal__error(&error, code, "%s", seal_error_code_text(code));
    channel->failure = code;
    channel->error = error;
    if (channel->established)
        channel->tell_peer = tell && !channel->close_sent;
    else if (tell)
        prepare_alert(channel, code);
    return seal__channel_failed(channel, reterr);
}

/* ---- Life ---- */

static int check_config(const seal__secure_config *c, seal_error **reterr) {
    if (c->role != SEAL__CLIENT && c->role != SEAL__SERVER)
        return seal__error(reterr, SEAL_ERROR_INVALID, "unknown role %d", (int)c->role);
    if (c->role == SEAL__CLIENT &&
        (c->target == NULL ||
         !seal__target_is_valid((const uint8_t *)c->target, strlen(c->target))))
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "the target must be a service principal of 1 to %d bytes",
                           SEAL__TARGET_MAX);
    if (c->min_level != 0 && c->min_level != SEAL_LEVEL_INTEGRITY &&
        c->min_level != SEAL_LEVEL_PRIVACY)
        return seal__error(reterr, SEAL_ERROR_INVALID, "unknown level %d", (int)c->min_level);
    if (c->n_suites > SEAL__MAX_SUITES ||
        c->n_mechanisms > sizeof c->mechanisms / sizeof c->mechanisms[0])
        return seal__error(reterr, SEAL_ERROR_INVALID, "too many suites or mechanisms");
    return 0;
}

static void fill_suites(seal__secure_config *c) {
    static const seal_suite defaults[] = {SEAL_SUITE_AES256_GCM, SEAL_SUITE_CHACHA20_POLY1305,
                                          SEAL_SUITE_AES128_GCM};
    size_t n = 0;
    if (c->n_suites == 0) {
        memcpy(c->suites, defaults, sizeof defaults);
        c->n_suites = sizeof defaults / sizeof defaults[0];
    }
    for (size_t i = 0; i < c->n_suites; i++) {
        bool known = seal__suite_find((unsigned)c->suites[i]) != NULL;
        for (size_t k = 0; k < n; k++)
            known = known && c->suites[k] != c->suites[i];
        if (known)
            c->suites[n++] = c->suites[i];
    }
    c->n_suites = n;
}

static void fill_defaults(seal__secure_config *c) {
    fill_suites(c);
    if (c->min_level == 0)
        c->min_level = SEAL_LEVEL_PRIVACY;
    if (c->n_mechanisms == 0)
        c->mechanisms[c->n_mechanisms++] = SEAL_MECHANISM_KRB5;
    if (c->min_ssf == 0)
        c->min_ssf = DEFAULT_SSF;
    if (c->handshake_timeout_ns == 0)
        c->handshake_timeout_ns = DEFAULT_HANDSHAKE_NS;
    if (c->key_update_records == 0 || c->key_update_records > SEAL__KEY_MAX_RECORDS)
        c->key_update_records = SEAL__KEY_MAX_RECORDS;
    if (c->key_update_bytes == 0 || c->key_update_bytes > SEAL__KEY_MAX_BYTES)
        c->key_update_bytes = SEAL__KEY_MAX_BYTES;
}

static uint64_t later(uint64_t now_ns, uint64_t ns) {
    return ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + ns;
}

static void init_buffers(seal__secure_channel *channel) {
    const seal_allocator *alloc = channel->config.alloc;
    seal__buf_init(&channel->out, alloc, SEAL__TOKEN_MAX + (size_t)SEAL__HELLO_MAX * 3);
    seal__buf_init(&channel->scratch, alloc, SEAL__RECORD_MAX_BODY);
    seal__buf_init(&channel->opened, alloc, SEAL__RECORD_MAX_BODY);
    seal__buf_init(&channel->pieces, alloc,
                   (size_t)SEAL__TOKEN_MAX + SEAL__FINISHED_MAX + SEAL__HELLO_MAX);
    seal__buf_init(&channel->alert_out, alloc, SEAL__ALERT_MAX + SEAL__RECORD_HEADER);
}

int seal__secure_new(const seal__secure_config *config, uint64_t now_ns,
                     seal__secure_channel **ret_channel, seal_error **reterr) {
    int rc = check_config(config, reterr);
    if (rc != 0)
        return rc;
    const seal_allocator *alloc = config->alloc != NULL ? config->alloc : &seal__default_allocator;
    seal__secure_channel *channel = seal__alloc_zeroed(alloc, 1, sizeof *channel);
    if (channel == NULL)
        return seal__error_no_memory(reterr);
    channel->config = *config;
    channel->config.alloc = alloc;
    fill_defaults(&channel->config);
    init_buffers(channel);
    channel->deadline_ns = later(now_ns, channel->config.handshake_timeout_ns);
    channel->update_credit = SEAL__UPDATE_CREDIT;
    channel->renew_at_ns = UINT64_MAX;
    if (channel->config.n_suites == 0)
        rc = seal__error(reterr, SEAL_ERROR_PROTECTION,
                         "none of the configured suites is available");
    else
        rc = seal__handshake_new(&channel->config, NULL, 0, &channel->hs, reterr);
    if (rc != 0) {
        seal__secure_free(channel);
        return rc;
    }
    *ret_channel = channel;
    return 0;
}

void seal__secure_set_scatter(seal__secure_channel *channel, seal__scatter *scatter) {
    channel->scatter = scatter;
}

void seal__secure_free(seal__secure_channel *channel) {
    if (channel == NULL)
        return;
    const seal_allocator *alloc = channel->config.alloc;
    seal__handshake_free(channel->hs);
    if (channel->mech != NULL)
        channel->mech->ops->free(channel->mech);
    seal__half_done(&channel->sending);
    seal__half_done(&channel->receiving);
    seal__buf_done(&channel->out);
    seal__buf_done_wiped(&channel->scratch);
    seal__buf_done_wiped(&channel->opened);
    seal__buf_done(&channel->pieces);
    seal__buf_done(&channel->alert_out);
    seal__release(alloc, channel->peer);
    seal__release(alloc, channel->local);
    seal__release(alloc, channel->mechanism);
    seal__release(alloc, channel->raw_peer);
    seal__release(alloc, channel->raw_local);
    seal__release(alloc, channel->hello_target);
    seal_error_free(channel->error);
    seal_error_free(channel->renewal_error);
    seal__wipe(channel, sizeof *channel);
    seal__release(alloc, channel);
}

/* ---- From the handshake to records ---- */

/* "one-way:" in front of a name that only one end proved. */
static char *marked(const seal_allocator *alloc, bool one_way, const char *name) {
    static const char mark[] = "one-way:";
    size_t size = sizeof mark + strlen(name);
    char *text = seal__alloc(alloc, size);
    if (text != NULL)
        snprintf(text, size, "%s%s", one_way ? mark : "", name);
    return text;
}

static const char *or_empty(const char *text) {
    return text == NULL ? "" : text;
}

static bool keep_names(seal__secure_channel *channel, const seal__handshake *hs) {
    const seal_allocator *alloc = channel->config.alloc;
    const seal__mech_info *info = &hs->mech->info;
    const char *peer = or_empty(info->peer);
    channel->raw_peer = marked(alloc, false, peer);
    channel->raw_local = marked(alloc, false, or_empty(info->local));
    if (peer[0] == '\0' && channel->config.target != NULL)
        peer = channel->config.target; /* one-way client: whom it meant to reach */
    channel->peer = marked(alloc, hs->one_way, peer);
    channel->local = marked(alloc, false, or_empty(info->local));
    channel->mechanism = marked(alloc, false, or_empty(info->mechanism));
    return channel->raw_peer != NULL && channel->raw_local != NULL && channel->peer != NULL &&
           channel->local != NULL && channel->mechanism != NULL;
}

int seal__channel_install(seal__secure_channel *channel, const seal__handshake *hs, bool sending) {
    bool client_to_server = sending == (channel->config.role == SEAL__CLIENT);
    return seal__half_init(sending ? &channel->sending : &channel->receiving, hs->suite, hs->level,
                           sending,
                           client_to_server ? hs->secrets.c_traffic : hs->secrets.s_traffic,
                           hs->suite->gss ? hs->mech : NULL);
}

int seal__channel_establish(seal__secure_channel *channel, uint64_t now_ns, seal_error **reterr) {
    seal__handshake *hs = channel->hs;
    int rc = keep_names(channel, hs) ? 0 : SEAL_ERROR_NO_MEMORY;
    if (rc == 0)
        rc = seal__channel_install(channel, hs, true);
    if (rc == 0)
        rc = seal__channel_install(channel, hs, false);
    if (rc != 0)
        return seal__channel_fail(channel, rc, NULL, true, reterr);
    channel->info = (seal__secure_info){.suite = hs->suite->code,
                                        .level = hs->level,
                                        .mechanism = channel->mechanism,
                                        .peer = channel->peer,
                                        .local = channel->local,
                                        .one_way = hs->one_way,
                                        .expires_ns = hs->expires_ns};
    memcpy(channel->info.id, hs->secrets.id, SEAL__HASH);
    channel->terms = (seal__hs_terms){.suite = hs->suite,
                                      .level = hs->level,
                                      .one_way = hs->one_way,
                                      .peer = channel->raw_peer,
                                      .local = channel->raw_local};
    memcpy(channel->terms.id, hs->secrets.id, SEAL__HASH);
    if (hs->suite->gss) {
        channel->mech = hs->mech;
        hs->mech = NULL;
    }
    seal__buf_done(&channel->out);
    channel->out = hs->out; /* the client's FINISHED */
    hs->out = (seal__buf){.alloc = channel->config.alloc};
    channel->hello_target = hs->target;
    hs->target = NULL;
    seal__handshake_free(hs);
    channel->hs = NULL;
    channel->established = true;
    channel->deadline_ns = UINT64_MAX;
    channel->valid_from_ns = now_ns;
    seal__renewal_plan(channel, now_ns);
    return 0;
}

/* ---- The end of the stream ---- */

int seal__secure_eof(seal__secure_channel *channel, seal_error **reterr) {
    seal_error *error = NULL;
    if (channel->close_received || seal__secure_awaits_reason(channel))
        return 0;
    if (channel->failure != 0)
        return seal__channel_failed(channel, reterr);
    int code = channel->established ? SEAL_ERROR_TRUNCATED : SEAL_ERROR_CLOSED;
    seal__error(&error, code, "%s",
                channel->established
                    ? "the connection ended without the peer's authenticated close: it was cut, or "
                      "the peer found bytes that were changed on the way (its log says so)"
                    : "the peer closed the connection during the handshake");
    return seal__channel_fail(channel, code, error, false, reterr);
}

bool seal__secure_awaits_reason(const seal__secure_channel *channel) {
    return channel->failure == 0 && !channel->established && channel->hs->asking_why;
}

/* ---- Steps ---- */

bool seal__secure_has_step(const seal__secure_channel *channel) {
    return channel->failure == 0 && channel->hs != NULL && channel->hs->step != NULL;
}

seal__secure_step *seal__secure_take_step(seal__secure_channel *channel) {
    if (!seal__secure_has_step(channel))
        return NULL;
    seal__secure_step *step = channel->hs->step;
    channel->hs->step = NULL;
    channel->hs->step_out = true;
    return step;
}

int seal__secure_finish_step(seal__secure_channel *channel, uint64_t now_ns,
                             seal__secure_step *step, seal_error **reterr) {
    if (channel->failure != 0) {
        seal__secure_step_free(step);
        return seal__channel_failed(channel, reterr);
    }
    if (channel->hs == NULL || !channel->hs->step_out || channel->hs->attempt != step->attempt) {
        seal__secure_step_free(step); /* of an attempt that was given up */
        return 0;
    }
    channel->step_announced = false;
    if (channel->established)
        return seal__renewal_step_back(channel, now_ns, step, reterr);
    int rc = seal__channel_check_time(channel, now_ns, reterr);
    if (rc != 0) {
        seal__secure_step_free(step);
        return rc;
    }
    seal_error *error = NULL;
    rc = seal__handshake_take_back(channel->hs, now_ns, step, &error);
    return rc == 0 ? 0 : seal__channel_fail(channel, rc, error, true, reterr);
}

seal__exchange *seal__secure_take_exchange(seal__secure_channel *channel) {
    seal__handshake *hs = channel->hs;
    if (channel->failure != 0 || hs == NULL || channel->config.role != SEAL__SERVER ||
        hs->state != SEAL__HS_FINISHED || hs->pair.key == NULL || !hs->has_peer_share)
        return NULL;
    hs->exchange = seal__exchange_new(channel->config.alloc, &hs->pair, hs->peer_share);
    return hs->exchange != NULL ? seal__exchange_ref(hs->exchange) : NULL;
}

/* ---- Time, questions ---- */

int seal__channel_check_time(seal__secure_channel *channel, uint64_t now_ns, seal_error **reterr) {
    seal_error *error = NULL;
    if (!channel->established && now_ns >= channel->deadline_ns) {
        seal__error(&error, SEAL_ERROR_TIMEOUT, "the handshake was not complete within %llu ms",
                    (unsigned long long)(channel->config.handshake_timeout_ns / 1000000));
        return seal__channel_fail(channel, SEAL_ERROR_TIMEOUT, error, true, reterr);
    }
    if (channel->established && now_ns >= channel->info.expires_ns) {
        seal__error(&error, SEAL_ERROR_CONTEXT_EXPIRED,
                    "the security context with %s has expired%s%s", channel->info.peer,
                    channel->renewal_error != NULL ? "; re-authentication failed: " : "",
                    channel->renewal_error != NULL ? seal_error_message(channel->renewal_error)
                                                   : "");
        return seal__channel_fail(channel, SEAL_ERROR_CONTEXT_EXPIRED, error, true, reterr);
    }
    return 0;
}

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

uint64_t seal__secure_next_deadline(const seal__secure_channel *channel) {
    if (channel->failure != 0)
        return UINT64_MAX;
    if (!channel->established)
        return channel->deadline_ns;
    uint64_t at = least(channel->info.expires_ns, channel->deadline_ns);
    return channel->hs == NULL ? least(at, channel->renew_at_ns) : at;
}

int seal__secure_tick(seal__secure_channel *channel, uint64_t now_ns, seal_error **reterr) {
    if (channel->failure != 0)
        return seal__channel_failed(channel, reterr);
    int rc = seal__channel_check_time(channel, now_ns, reterr);
    if (rc != 0 || !channel->established)
        return rc;
    return seal__renewal_tick(channel, now_ns, reterr);
}

bool seal__secure_is_established(const seal__secure_channel *channel) {
    return channel->established;
}

const seal__secure_info *seal__secure_get_info(const seal__secure_channel *channel) {
    return channel->established ? &channel->info : NULL;
}

const char *seal__secure_hello_target(const seal__secure_channel *channel) {
    if (channel->config.role == SEAL__CLIENT)
        return channel->config.target;
    if (channel->hello_target != NULL || channel->hs == NULL)
        return channel->hello_target;
    return channel->hs->target;
}

const seal_error *seal__secure_renewal_error(const seal__secure_channel *channel) {
    return channel->renewal_error;
}
