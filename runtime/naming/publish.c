/* SPDX-License-Identifier: Apache-2.0 */
#include "naming/publish.h"

#include <stdio.h>
#include <string.h>

#include "naming/resolver.h"
#include "secure/gss/spn_check.h"

enum { LOOK_MS = 30000, LEAST_PAUSE_MS = 300, REPEAT_MS = 500 };

/* ---- Configuration ---- */

seal__publish_config *seal__publish_config_new(seal__shared *shared) {
    seal__publish_config *config = seal__alloc_zeroed(&shared->alloc, 1, sizeof *config);
    if (config == NULL)
        return NULL;
    atomic_init(&config->refs, 1);
    config->shared = seal__shared_ref(shared);
    return config;
}

seal__publish_config *seal__publish_config_ref(seal__publish_config *config) {
    atomic_fetch_add(&config->refs, 1);
    return config;
}

static void release_text(seal__shared *shared, const char *text) {
    seal__release(&shared->alloc, (void *)(uintptr_t)text);
}

void seal__publish_config_unref(seal__publish_config *config) {
    if (config == NULL || atomic_fetch_sub(&config->refs, 1) != 1)
        return;
    seal__shared *shared = config->shared;
    release_text(shared, config->directory.uris);
    release_text(shared, config->directory.base);
    release_text(shared, config->directory.ccache);
    release_text(shared, config->directory.client_keytab);
    release_text(shared, config->directory.client_principal);
    release_text(shared, config->principal);
    release_text(shared, config->keytab);
    release_text(shared, config->spn);
    release_text(shared, config->account);
    release_text(shared, config->name);
    seal__release(&shared->alloc, config);
    seal__shared_unref(shared);
}

int seal__publish_open(const seal__publish_config *config, uint32_t first,
                       seal__directory **ret_directory, seal_error **reterr) {
    const seal_allocator *alloc = &config->shared->alloc;
    seal__directory_config directory = config->directory;
    seal__spn_client client;
    directory.first = first;
    if (directory.ccache == NULL && directory.client_keytab == NULL &&
        directory.client_principal == NULL) {
        int rc = seal__spn_find_client(alloc, config->keytab, config->principal, &client, reterr);
        if (rc < 0)
            return rc;
        directory.client_keytab = client.keytab;
        directory.client_principal = client.principal;
    }
    return seal__directory_open(alloc, &directory, ret_directory, reterr);
}

/* ---- The thread's state ---- */

typedef struct message {
    seal__publication_state state;
    seal_error *error;
    char dn[SEAL__SCP_DN_MAX];
} message;

typedef struct work_state {
    uv_mutex_t lock;
    seal__publish_config *config; /* under lock until it is there; then constant */
    bool remove;                  /* under lock */
    /* The thread's own. */
    seal__directory *directory; /* NULL: not connected */
    seal__scp scp;              /* with its DN once it has been published */
    bool written;               /* it may be in the directory */
    bool up;
    uint32_t first; /* server to begin with */
    uint32_t failures;
    uint32_t pause_ms;
} work_state;

/* The loop's. */
struct seal__publication {
    seal__shared *shared;
    seal__agent *agent;
    work_state *state; /* until closed */
    seal__publication_fn *changed;
    void *user;
};

static void post(seal__agent *agent, const work_state *w, seal__publication_state state,
                 seal_error *error) {
    const seal_allocator *alloc = &seal__agent_shared(agent)->alloc;
    message *m = seal__alloc_zeroed(alloc, 1, sizeof *m);
    if (m == NULL) {
        seal_error_free(error);
        return;
    }
    m->state = state;
    m->error = error;
    snprintf(m->dn, sizeof m->dn, "%s", w->scp.dn);
    seal__agent_post(agent, m);
}

static void drop(seal__shared *shared, void *content) {
    message *m = content;
    seal_error_free(m->error);
    seal__release(&shared->alloc, m);
}

static void deliver(void *owner, void *content) {
    seal__publication *p = owner;
    message *m = content;
    seal__shared *shared = seal__shared_ref(p->shared); /* p may be closed by its user */
    p->changed(p->user, m->state, m->dn[0] == '\0' ? NULL : m->dn, m->error);
    drop(shared, m);
    seal__shared_unref(shared);
}

static bool must_remove(seal__agent *agent, work_state *w) {
    if (seal__agent_is_closed(agent))
        return true;
    uv_mutex_lock(&w->lock);
    bool remove = w->remove;
    uv_mutex_unlock(&w->lock);
    return remove;
}

/* ---- Its work ---- */

static uint32_t pause_for(uint32_t lease_s) {
    uint64_t ms = lease_s == SEAL__PUBLISH_NO_LEASE ? LOOK_MS : (uint64_t)lease_s * 1000 / 3;
    if (ms > LOOK_MS)
        ms = LOOK_MS;
    return ms < LEAST_PAUSE_MS ? LEAST_PAUSE_MS : (uint32_t)ms;
}

static uint32_t lease_of(const work_state *w) {
    return seal__directory_has_leases(w->directory) ? w->config->lease_s : SEAL__PUBLISH_NO_LEASE;
}

static int find_account(work_state *w, char account[SEAL__SCP_DN_MAX], seal_error **reterr) {
    const seal__publish_config *config = w->config;
    if (config->account == NULL)
        return seal__scp_find_account(w->directory, config->spn, account, reterr);
    snprintf(account, SEAL__SCP_DN_MAX, "%s", config->account);
    return 0;
}

static int publish(work_state *w, seal_error **reterr) {
    char account[SEAL__SCP_DN_MAX];
    int rc = find_account(w, account, reterr);
    if (rc < 0)
        return rc;
    rc = seal__scp_publish(w->directory, account, w->config->name, &w->scp, lease_of(w), reterr);
    if (rc == 0 || rc == SEAL_ERROR_DIRECTORY) /* the answer may have got lost */
        w->written = true;
    w->pause_ms = pause_for(lease_of(w));
    return rc;
}

static bool saw_entry(void *user, const seal__directory_entry *entry) {
    (void)user;
    (void)entry;
    return true;
}

/* Prolongs the lease, or looks whether the entry is there. SEAL_ERROR_NOT_FOUND: it is not. */
static int refresh(work_state *w, seal_error **reterr) {
    static const char *const attributes[] = {"cn", NULL};
    uint32_t lease_s = lease_of(w);
    uint32_t granted = 0;
    if (lease_s == SEAL__PUBLISH_NO_LEASE)
        return seal__directory_search(w->directory, w->scp.dn, SEAL__SCOPE_BASE, "(objectClass=*)",
                                      attributes, saw_entry, NULL, reterr);
    int rc = seal__directory_refresh(w->directory, w->scp.dn, lease_s, &granted, reterr);
    if (rc == 0)
        w->pause_ms = pause_for(granted > 0 && granted < lease_s ? granted : lease_s);
    return rc;
}

static void disconnect(work_state *w) {
    seal__directory_close(w->directory);
    w->directory = NULL;
}

/* At one server; at the first that can be reached, counted from w->first. */
static int publish_somewhere(seal__agent *agent, work_state *w, seal_error **reterr) {
    disconnect(w);
    int rc = seal__publish_open(w->config, w->first, &w->directory, reterr);
    if (rc < 0)
        return rc;
    w->first = seal__directory_index(w->directory);
    return must_remove(agent, w) ? 0 : publish(w, reterr);
}

/* A server may be ill, or a copy that takes no changes: all that are named, once each. */
static int connect_and_publish(seal__agent *agent, work_state *w, seal_error **reterr) {
    for (uint32_t tried = 1;; tried++) {
        seal_error *error = NULL;
        int rc = publish_somewhere(agent, w, &error);
        if (rc == 0)
            return 0;
        if (rc != SEAL_ERROR_DIRECTORY || w->directory == NULL ||
            tried >= seal__directory_servers(w->directory) || must_remove(agent, w))
            return seal__error_pass(reterr, error);
        seal_error_free(error);
        w->first++;
    }
}

/* One attempt: connected, the entry there and fresh. */
static int keep_up(seal__agent *agent, work_state *w, seal_error **reterr) {
    if (w->directory == NULL)
        return connect_and_publish(agent, w, reterr);
    if (!w->up)
        return publish(w, reterr);
    seal_error *error = NULL;
    int rc = refresh(w, &error);
    if (rc == SEAL_ERROR_NOT_FOUND) {
        w->up = false;
        post(agent, w, SEAL__PUBLICATION_GONE, error);
        return publish(w, reterr);
    }
    if (rc == SEAL_ERROR_DIRECTORY) { /* a connection at rest may have been closed */
        seal_error_free(error);
        return connect_and_publish(agent, w, reterr);
    }
    if (rc < 0)
        *reterr = error;
    return rc;
}

/* The connection stays where only the right to write is missing, or the account. Otherwise another
 * server is next. */
static void failed(seal__agent *agent, work_state *w, int rc, seal_error *error) {
    w->up = false;
    w->failures++;
    if (rc != SEAL_ERROR_DIRECTORY_DENIED && rc != SEAL_ERROR_NOT_FOUND) {
        w->first += w->directory != NULL;
        disconnect(w);
    }
    post(agent, w, SEAL__PUBLICATION_FAILED, error);
}

static void keep_published(seal__agent *agent, work_state *w) {
    while (!must_remove(agent, w)) {
        seal_error *error = NULL;
        int rc = keep_up(agent, w, &error);
        if (must_remove(agent, w)) {
            seal_error_free(error);
            return;
        }
        if (rc < 0) {
            failed(agent, w, rc, error);
            seal__agent_sleep(agent, -1, seal__backoff_ms(w->failures));
            continue;
        }
        w->up = true;
        post(agent, w, SEAL__PUBLICATION_UP, NULL); /* each time: one may get lost for memory */
        w->failures = 0;
        seal__agent_sleep(agent, -1, w->pause_ms);
    }
}

/* Once more with a new connection where the old one is dead, if somebody waits for it. */
static int remove_entry(seal__agent *agent, work_state *w, seal_error **reterr) {
    seal_error *error = NULL;
    int rc = SEAL_ERROR_DIRECTORY;
    if (w->directory != NULL)
        rc = seal__scp_remove(w->directory, w->scp.dn, &error);
    if (rc == SEAL_ERROR_DIRECTORY && !seal__agent_is_closed(agent)) {
        seal_error_free(error);
        error = NULL;
        disconnect(w);
        rc = seal__publish_open(w->config, w->first, &w->directory, &error);
        if (rc == 0)
            rc = seal__scp_remove(w->directory, w->scp.dn, &error);
    }
    if (rc == SEAL_ERROR_NOT_FOUND) {
        seal_error_free(error);
        return 0;
    }
    *reterr = error;
    return rc;
}

static bool wait_for_go(seal__agent *agent, work_state *w) {
    for (;;) {
        uv_mutex_lock(&w->lock);
        bool go = w->config != NULL;
        uv_mutex_unlock(&w->lock);
        if (go)
            return true;
        if (must_remove(agent, w))
            return false;
        seal__agent_sleep(agent, -1, UINT32_MAX);
    }
}

static void work(seal__agent *agent, void *state) {
    work_state *w = state;
    seal_error *error = NULL;
    if (wait_for_go(agent, w)) {
        w->scp = w->config->scp;
        keep_published(agent, w);
        if (w->written && w->scp.dn[0] != '\0')
            remove_entry(agent, w, &error);
        disconnect(w);
    }
    while (!seal__agent_is_closed(agent)) {
        post(agent, w, SEAL__PUBLICATION_REMOVED, error);
        error = NULL;
        seal__agent_sleep(agent, -1, REPEAT_MS);
    }
    seal_error_free(error);
}

static void release(seal__shared *shared, void *state) {
    work_state *w = state;
    disconnect(w);
    seal__publish_config_unref(w->config);
    uv_mutex_destroy(&w->lock);
    seal__release(&shared->alloc, w);
}

/* ---- For the loop ---- */

static work_state *state_new(const seal_allocator *alloc) {
    work_state *w = seal__alloc_zeroed(alloc, 1, sizeof *w);
    if (w != NULL && uv_mutex_init(&w->lock) != 0) {
        seal__release(alloc, w);
        return NULL;
    }
    return w;
}

int seal__publication_start(seal_runtime *runtime, seal__publication_fn *changed, void *user,
                            seal__publication **ret_publication, seal_error **reterr) {
    static const seal__agent_ops ops = {
        .work = work, .deliver = deliver, .drop = drop, .release = release};
    const seal_allocator *alloc = seal__runtime_alloc(runtime);
    seal__publication *p = seal__alloc_zeroed(alloc, 1, sizeof *p);
    if (p == NULL)
        return seal__error_no_memory(reterr);
    p->state = state_new(alloc);
    if (p->state == NULL) {
        seal__release(alloc, p);
        return seal__error_no_memory(reterr);
    }
    p->shared = seal__shared_ref(runtime->shared);
    p->changed = changed;
    p->user = user;
    int rc = seal__agent_start(runtime, &ops, p->state, p, &p->agent, reterr);
    if (rc < 0) {
        release(p->shared, p->state);
        seal__release(alloc, p);
        seal__shared_unref(runtime->shared);
        return rc;
    }
    *ret_publication = p;
    return 0;
}

void seal__publication_go(seal__publication *p, seal__publish_config *config) {
    uv_mutex_lock(&p->state->lock);
    p->state->config = seal__publish_config_ref(config);
    uv_mutex_unlock(&p->state->lock);
    seal__agent_wake(p->agent);
}

void seal__publication_remove(seal__publication *p) {
    uv_mutex_lock(&p->state->lock);
    p->state->remove = true;
    uv_mutex_unlock(&p->state->lock);
    seal__agent_wake(p->agent);
}

void seal__publication_close(seal__publication *p) {
    seal__shared *shared = p->shared;
    seal__agent_close(p->agent);
    seal__release(&shared->alloc, p);
    seal__shared_unref(shared);
}
