/* SPDX-License-Identifier: Apache-2.0 */
#include "naming/ldap_agent.h"

#include <uv.h>

#include "naming/ldap_look.h"
#include "naming/resolver.h"
#include "naming/scp.h"

enum {
    SETTLE_MS = 200,   /* changes that come together are looked at together */
    WATCHED_POLLS = 2, /* for what no watch tells, such as a name that is taken from an account */
    STEADY_MS = 60000  /* a watch that lasts as long is one that works */
};

static uint64_t now_ms(void) {
    return uv_hrtime() / 1000000;
}

typedef struct agent_state {
    seal__shared *shared;
    seal__ldap_question question;
    seal__ldap_memory memory;
    seal__directory *directory;
    seal__directory *watcher; /* a connection of its own; NULL: the directory is polled */
    seal__directory_watch_kind watch_kind;
    bool watch_failed; /* which has been logged */
    uint64_t watch_began_ms;
    uint32_t watches_ended; /* in a row, soon after they began */
    uint32_t first;         /* server to begin with */
    uint32_t failures;
    size_t refused; /* by the last look */
} agent_state;

void seal__ldap_question_done(seal__ldap_question *question, const seal_allocator *alloc) {
    seal__release(alloc, question->uris);
    seal__release(alloc, question->base);
    seal__release(alloc, question->service);
    seal__release(alloc, question->ccache);
    seal__release(alloc, question->client_keytab);
    seal__release(alloc, question->client_principal);
    seal__release(alloc, question->server_principal);
    seal__release(alloc, question->spn_class);
    seal__release(alloc, question->spn_name);
}

/* ---- Messages ---- */

void seal__ldap_message_free(seal__shared *shared, void *message) {
    seal__ldap_message *m = message;
    seal__endpoints_unref(m->list);
    seal_error_free(m->error);
    seal__release(&shared->alloc, m);
}

/* Takes over what is in it. */
static void post(seal__agent *agent, const agent_state *s, seal__ldap_message content) {
    seal__ldap_message *message = seal__alloc(&s->shared->alloc, sizeof *message);
    if (message == NULL) {
        seal__endpoints_unref(content.list);
        seal_error_free(content.error);
        return;
    }
    *message = content;
    seal__agent_post(agent, message);
}

/* ---- Connections ---- */

static seal__directory_config config_of(const agent_state *s) {
    const seal__ldap_question *q = &s->question;
    return (seal__directory_config){.uris = q->uris,
                                    .base = q->base,
                                    .ccache = q->ccache,
                                    .client_keytab = q->client_keytab,
                                    .client_principal = q->client_principal,
                                    .timeout_ms = q->timeout_ms,
                                    .first = s->first};
}

static void close_watcher(agent_state *s) {
    seal__directory_close(s->watcher);
    s->watcher = NULL;
}

static void close_all(agent_state *s) {
    close_watcher(s);
    seal__directory_close(s->directory);
    s->directory = NULL;
}

static int begin_watch(agent_state *s, seal_error **reterr) {
    char filter[2048];
    if (!seal__scp_filter(s->question.service, filter, sizeof filter))
        return seal__error(reterr, SEAL_ERROR_INVALID, "the name of the service is too long");
    return seal__directory_watch(s->watcher, NULL, filter, "serviceConnectionPoint", &s->watch_kind,
                                 reterr);
}

/* On the server that is looked at; without it the directory is polled. */
static void open_watcher(agent_state *s) {
    seal__directory_config config = config_of(s);
    seal_error *error = NULL;
    config.uris = seal__directory_server(s->directory);
    config.base = seal__directory_base(s->directory);
    if (!seal__directory_can_watch(s->directory))
        return;
    int rc = seal__directory_open(&s->shared->alloc, &config, &s->watcher, &error);
    if (rc == 0)
        rc = begin_watch(s, &error);
    if (rc < 0 && !s->watch_failed)
        seal__log_line(&s->shared->log, SEAL_LOG_WARNING,
                       "%s; changes are looked for every %u s instead of being told",
                       seal_error_message(error), s->question.poll_ms / 1000);
    s->watch_failed = s->watch_failed || rc < 0;
    s->watch_began_ms = now_ms();
    if (rc < 0 || s->watch_kind == SEAL__WATCH_NONE)
        close_watcher(s);
    seal_error_free(error);
}

/* ---- Looking ---- */

static int look(agent_state *s, seal__ldap_message *ret_message, seal_error **reterr) {
    if (s->directory == NULL) {
        seal__directory_config config = config_of(s);
        int rc = seal__directory_open(&s->shared->alloc, &config, &s->directory, reterr);
        if (rc < 0)
            return rc;
    }
    /* First the watch: what changes after it has begun is told, what did before is found. */
    if (s->watcher == NULL)
        open_watcher(s);
    int rc = seal__ldap_look(s->directory, &s->question, s->shared, &s->memory, ret_message,
                             &s->refused, reterr);
    if (rc < 0) {
        close_all(s);
        s->first++;
    }
    return rc;
}

/* A connection that is of no use any more, because the server has closed it or the ticket has come
 * to its end, is no outage. */
static int look_again(agent_state *s, seal__ldap_message *ret_message, seal_error **reterr) {
    bool kept = s->directory != NULL;
    seal_error *error = NULL;
    int rc = look(s, ret_message, &error);
    if (rc < 0 && kept) {
        seal_error_free(error);
        return look(s, ret_message, reterr);
    }
    if (rc < 0)
        *reterr = error;
    return rc;
}

/* ---- Waiting ---- */

/*
 * Most likely the server is going away: so another look follows at once, at another server if need
 * be. Only where watches end again and again there are pauses.
 */
static void end_watch(seal__agent *agent, agent_state *s, const seal_error *why) {
    bool steady = now_ms() - s->watch_began_ms >= STEADY_MS;
    close_all(s);
    s->watches_ended = steady ? 1 : s->watches_ended + 1;
    s->watch_failed = s->watch_failed && !steady;
    if (s->watches_ended == 1)
        return;
    if (!s->watch_failed)
        seal__log_line(&s->shared->log, SEAL_LOG_WARNING,
                       "the watch ended again soon after it began: %s; see the log of the "
                       "directory; changes are looked for at intervals of up to a minute",
                       seal_error_message(why));
    s->watch_failed = true;
    seal__agent_sleep(agent, -1, seal__backoff_ms(s->watches_ended - 1));
}

/* true: something may have changed, or the watch is over. */
static bool take_news(seal__agent *agent, agent_state *s) {
    seal_error *error = NULL;
    bool changed = false;
    if (s->watcher == NULL)
        return false;
    int rc = seal__directory_watch_take(s->watcher, &changed, &error);
    if (rc == 0 && changed) {
        seal__agent_sleep(agent, -1, SETTLE_MS);
        rc = seal__directory_watch_take(s->watcher, &(bool){false}, &error);
    }
    if (rc < 0)
        end_watch(agent, s, error);
    seal_error_free(error);
    return rc < 0 || changed;
}

/* Until it is time for another look. Active Directory tells only
 * administrators when an entry is removed, unless seal__scp_remove did it. */
static void wait_for_news(seal__agent *agent, agent_state *s) {
    bool watched = s->watcher != NULL && s->watch_kind == SEAL__WATCH_SYNC && s->refused == 0;
    uint64_t period_ms = (uint64_t)s->question.poll_ms * (watched ? WATCHED_POLLS : 1);
    uint64_t end_ms = now_ms() + period_ms;
    while (!take_news(agent, s)) {
        uint64_t now = now_ms();
        int fd = s->watcher == NULL ? -1 : seal__directory_watch_fd(s->watcher);
        if (now >= end_ms)
            return;
        int happened = seal__agent_sleep(agent, fd, (uint32_t)(end_ms - now));
        if ((happened & SEAL__AGENT_WOKEN) != 0)
            return;
    }
}

static void work(seal__agent *agent, void *state) {
    agent_state *s = state;
    while (!seal__agent_is_closed(agent)) {
        seal__ldap_message message = {.list = NULL};
        int rc = look_again(s, &message, &message.error);
        post(agent, s, message);
        s->failures = rc == 0 ? 0 : s->failures + 1;
        if (rc == 0)
            wait_for_news(agent, s);
        else
            seal__agent_sleep(agent, -1, seal__backoff_ms(s->failures));
    }
    close_all(s);
}

/* ---- Starting ---- */

static void release(seal__shared *shared, void *state) {
    agent_state *s = state;
    close_all(s);
    seal__ldap_question_done(&s->question, &shared->alloc);
    seal__release(&shared->alloc, s);
}

int seal__ldap_agent_start(seal_runtime *runtime, const seal__ldap_question *question,
                           void (*deliver)(void *owner, void *message), void *owner,
                           seal__agent **ret_agent, seal_error **reterr) {
    const seal__agent_ops ops = {
        .work = work, .deliver = deliver, .drop = seal__ldap_message_free, .release = release};
    agent_state *s = seal__alloc_zeroed(seal__runtime_alloc(runtime), 1, sizeof *s);
    if (s == NULL)
        return seal__error_no_memory(reterr);
    s->shared = runtime->shared; /* which the agent holds for longer than this */
    s->question = *question;
    int rc = seal__agent_start(runtime, &ops, s, owner, ret_agent, reterr);
    if (rc < 0)
        seal__release(seal__runtime_alloc(runtime), s);
    return rc;
}
