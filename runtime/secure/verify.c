/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold once the mechanism is complete, whatever it says of itself. */
#include "secure/handshake.h"

#include <string.h>

static int missing(uint32_t flags, uint32_t wanted, const char *mechanism, seal_error **reterr) {
    static const struct {
        uint32_t flag;
        const char *name;
    } names[] = {
        {SEAL__MECH_MUTUAL, "mutual authentication"},
        {SEAL__MECH_CONF, "confidentiality"},
        {SEAL__MECH_INTEG, "integrity"},
        {SEAL__MECH_REPLAY, "replay detection"},
        {SEAL__MECH_SEQUENCE, "sequence detection"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if ((wanted & ~flags & names[i].flag) != 0)
            return seal__error(reterr, SEAL_ERROR_NOT_MUTUAL, "mechanism %s gives no %s", mechanism,
                               names[i].name);
    }
    return 0;
}

/* The flags alone prove nothing: NTLM's initiator reports MUTUAL against anybody. */
static int check_flags(seal__handshake *hs, const seal__mech_info *info, seal_error **reterr) {
    const uint32_t one_way = SEAL__MECH_CONF | SEAL__MECH_INTEG;
    const uint32_t full = one_way | SEAL__MECH_MUTUAL | SEAL__MECH_REPLAY | SEAL__MECH_SEQUENCE;
    if (info->authenticates_target && (info->flags & full) == full)
        return 0;
    /* The client may learn only from SERVER_HELLO whether the server permits one-way. */
    bool unknown = hs->config->role == SEAL__CLIENT && hs->state == SEAL__HS_STEP && !hs->heard;
    if (hs->one_way_agreed || (unknown && hs->config->allow_one_way)) {
        hs->one_way = true;
        return missing(info->flags, one_way, info->mechanism, reterr);
    }
    int rc = missing(info->flags, full, info->mechanism, reterr);
    if (rc != 0)
        return rc;
    return seal__error(reterr, SEAL_ERROR_NOT_MUTUAL,
                       "mechanism %s does not prove the server's identity to the client; "
                       "allow_one_way is not set on both ends",
                       info->mechanism);
}

static bool is_empty(const char *text) {
    return text == NULL || text[0] == '\0';
}

static int check_peer(seal__handshake *hs, const seal__mech_info *info, seal_error **reterr) {
    bool unproved = hs->one_way && hs->config->role == SEAL__CLIENT;
    if ((info->flags & SEAL__MECH_ANONYMOUS) != 0 && !hs->config->allow_anonymous)
        return seal__error(reterr, SEAL_ERROR_AUTHENTICATION, "an anonymous peer is not allowed");
    if (is_empty(info->peer) && !unproved)
        return seal__error(reterr, SEAL_ERROR_AUTHENTICATION, "mechanism %s names no peer",
                           info->mechanism);
    return 0;
}

/* The length of a principal up to its realm: to the last '@' that no backslash precedes. */
static size_t without_realm(const char *name) {
    size_t at = strlen(name);
    bool escaped = false;
    for (size_t i = 0; name[i] != '\0'; i++) {
        if (name[i] == '@' && !escaped)
            at = i;
        escaped = !escaped && name[i] == '\\';
    }
    return at;
}

static bool is_target(const char *wanted, const char *proved) {
    size_t n = without_realm(wanted);
    if (wanted[n] == '@')
        return strcmp(wanted, proved) == 0;
    return n == without_realm(proved) && memcmp(wanted, proved, n) == 0;
}

static int check_target(const seal__handshake *hs, const seal__mech_info *info,
                        seal_error **reterr) {
    if (hs->one_way)
        return 0;
    if (hs->config->role == SEAL__SERVER)
        return is_empty(info->local)
                   ? seal__error(reterr, SEAL_ERROR_WRONG_TARGET,
                                 "mechanism %s does not say which service was asked for",
                                 info->mechanism)
                   : 0;
    if (is_empty(info->target) || !is_target(hs->config->target, info->target))
        return seal__error(reterr, SEAL_ERROR_WRONG_TARGET, "the server proved to be %s, not %s",
                           is_empty(info->target) ? "nobody" : info->target, hs->config->target);
    return 0;
}

static int check_strength(const seal__handshake *hs, const seal__mech_info *info,
                          seal_error **reterr) {
    /* Who permits a mechanism that proves no server has no use for the strength of its keys: NTLM,
     * the one there is, says 64. */
    if (!hs->one_way && info->ssf != 0 && info->ssf < hs->config->min_ssf)
        return seal__error(
            reterr, SEAL_ERROR_PROTECTION,
            "the mechanism's keys have a strength of %u bits, at least %u are required",
            (unsigned)info->ssf, (unsigned)hs->config->min_ssf);
    if (info->lifetime_s == 0)
        return seal__error(reterr, SEAL_ERROR_CONTEXT_EXPIRED,
                           "the security context has expired already");
    return 0;
}

static const char *or_empty(const char *text) {
    return text == NULL ? "" : text;
}

static int check_same(const seal__handshake *hs, const seal__mech_info *info, seal_error **reterr) {
    const seal__hs_terms *terms = hs->terms;
    if (terms == NULL || (hs->one_way == terms->one_way &&
                          strcmp(or_empty(info->peer), or_empty(terms->peer)) == 0 &&
                          strcmp(or_empty(info->local), or_empty(terms->local)) == 0))
        return 0;
    return seal__error(reterr, SEAL_ERROR_AUTHENTICATION,
                       "re-authentication with another identity: %s to %s, before %s to %s",
                       or_empty(info->peer), or_empty(info->local), or_empty(terms->peer),
                       or_empty(terms->local));
}

int seal__hs_verify(seal__handshake *hs, seal_error **reterr) {
    const seal__mech_info *info = &hs->mech->info;
    hs->one_way = false;
    int rc = check_flags(hs, info, reterr);
    if (rc == 0)
        rc = check_peer(hs, info, reterr);
    if (rc == 0)
        rc = check_target(hs, info, reterr);
    if (rc == 0)
        rc = check_strength(hs, info, reterr);
    if (rc == 0)
        rc = check_same(hs, info, reterr);
    return rc;
}
