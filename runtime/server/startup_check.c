/* SPDX-License-Identifier: Apache-2.0 */
#include "server/startup_check.h"

#include <stdio.h>

#include "naming/spn_audit.h"

enum { TIME_LIMIT_MS = 5000 };

typedef enum question_kind { ASK_KDC, ASK_DIRECTORY, QUESTIONS } question_kind;

/* Its job may outlast the check, and keeps it in memory. */
typedef struct question {
    seal__auth_job job;
    seal__startup_check *check;
    bool asked;
    bool answered; /* report and error are the loop's again */
    seal__spn_report report;
    seal_error *error;
} question;

struct seal__startup_check {
    atomic_uint refs; /* the server's until it is told, each job, the timer */
    seal__shared *shared;
    seal_server *server; /* NULL: told, or abandoned */
    seal__gss_acceptor *acceptor;
    seal__publish_config *publish; /* NULL: no directory */
    question questions[QUESTIONS];
    uv_timer_t timer;
    bool timer_open;
    seal__startup_checked_fn *checked;
    void *owner;
};

static void unref(seal__startup_check *check) {
    if (atomic_fetch_sub(&check->refs, 1) != 1)
        return;
    seal__shared *shared = check->shared;
    for (size_t i = 0; i < QUESTIONS; i++)
        seal_error_free(check->questions[i].error);
    seal__gss_acceptor_unref(check->acceptor);
    seal__publish_config_unref(check->publish);
    seal__release(&shared->alloc, check);
    seal__shared_unref(shared);
}

static void on_timer_closed(uv_handle_t *handle) {
    unref(handle->data);
}

/* The server's reference goes. */
static void let_go(seal__startup_check *check) {
    check->server = NULL;
    if (check->timer_open)
        uv_close((uv_handle_t *)&check->timer, on_timer_closed);
    check->timer_open = false;
    unref(check);
}

/* ---- Judging ---- */

static const char *subject(const seal__startup_check *check, size_t kind, char *text, size_t size) {
    const char *principal = check->server->config.principals[0];
    if (kind == ASK_KDC)
        snprintf(text, size, "could not check with the KDC that the keys of %.300s are current",
                 principal);
    else
        snprintf(text, size, "could not check in the directory which account has %.300s",
                 principal);
    return text;
}

static void warn_unknown(const seal__startup_check *check, size_t kind, const char *why,
                         const char *remedy) {
    char text[512];
    seal__log_line(seal__runtime_log(check->server->runtime), SEAL_LOG_WARNING, "%s: %s%s%s",
                   subject(check, kind, text, sizeof text), why, remedy[0] == '\0' ? "" : "; ",
                   remedy);
}

/* The first proof becomes the error, everything else a line in the log. */
static void judge_fact(const seal__startup_check *check, size_t kind, const seal__spn_fact *fact,
                       seal_error **error) {
    if (fact->fatal && *error == NULL)
        seal__spn_fact_error(fact, error);
    else if (fact->finding == SEAL__SPN_UNKNOWN)
        warn_unknown(check, kind, fact->text, fact->remedy);
    else
        seal__log_line(seal__runtime_log(check->server->runtime),
                       fact->fatal ? SEAL_LOG_ERROR : SEAL_LOG_WARNING, "%s%s%s", fact->text,
                       fact->remedy[0] == '\0' ? "" : "; ", fact->remedy);
}

static void judge(const seal__startup_check *check, size_t kind, seal_error **error) {
    const question *q = &check->questions[kind];
    if (!q->asked)
        return;
    if (!q->answered) {
        char why[64];
        snprintf(why, sizeof why, "no answer within %d s", TIME_LIMIT_MS / 1000);
        warn_unknown(check, kind, why, "");
        return;
    }
    if (q->error != NULL)
        warn_unknown(check, kind, seal_error_message(q->error), "");
    for (size_t i = 0; i < q->report.n; i++)
        judge_fact(check, kind, &q->report.facts[i], error);
}

/* The directory explains what the KDC says when a name is there twice. */
static bool directory_leads(const seal__startup_check *check) {
    const question *q = &check->questions[ASK_DIRECTORY];
    return q->asked && q->answered && q->report.n > 0 &&
           q->report.facts[0].finding == SEAL__SPN_DUPLICATE;
}

static void tell(seal__startup_check *check) {
    seal_error *error = NULL;
    size_t first = directory_leads(check) ? ASK_DIRECTORY : ASK_KDC;
    for (size_t i = 0; i < QUESTIONS; i++)
        judge(check, (first + i) % QUESTIONS, &error);
    seal__startup_checked_fn *checked = check->checked;
    void *owner = check->owner;
    let_go(check);
    checked(owner, error);
}

static bool is_complete(const seal__startup_check *check) {
    for (size_t i = 0; i < QUESTIONS; i++) {
        if (check->questions[i].asked && !check->questions[i].answered)
            return false;
    }
    return true;
}

static void on_timeout(uv_timer_t *timer) {
    tell(timer->data);
}

/* ---- Asking ---- */

static void kdc_work(seal__auth_job *job) {
    question *q = SEAL__CONTAINER_OF(job, question, job);
    seal__gss_acceptor_check_kdc(q->check->acceptor, &q->report, &q->error);
}

static void directory_work(seal__auth_job *job) {
    question *q = SEAL__CONTAINER_OF(job, question, job);
    const seal__publish_config *config = q->check->publish;
    seal__directory *directory = NULL;
    int rc = seal__publish_open(config, 0, &directory, &q->error);
    if (rc == 0)
        seal__spn_audit(directory, config->spn, config->account, &q->report, &q->error);
    seal__directory_close(directory);
}

static void on_done(seal__auth_job *job, bool ran) {
    question *q = SEAL__CONTAINER_OF(job, question, job);
    seal__startup_check *check = q->check;
    q->answered = true;
    if (!ran)
        seal__error(&q->error, SEAL_ERROR_TIMEOUT, "no worker was free to ask");
    if (check->server != NULL && is_complete(check))
        tell(check);
    unref(check);
}

static void on_orphaned(seal__auth_job *job) {
    unref(SEAL__CONTAINER_OF(job, question, job)->check);
}

static void ask(seal__startup_check *check, size_t kind, void (*work)(seal__auth_job *job)) {
    seal_runtime *runtime = check->server->runtime;
    question *q = &check->questions[kind];
    q->check = check;
    q->job = (seal__auth_job){.deadline_ns = uv_hrtime() + (uint64_t)TIME_LIMIT_MS * 1000000u,
                              .work = work,
                              .done = on_done,
                              .orphaned = on_orphaned};
    atomic_fetch_add(&check->refs, 1);
    int rc = seal__runtime_submit(runtime, runtime->initiators, &q->job);
    q->asked = rc == 0;
    if (rc < 0) {
        warn_unknown(check, kind, seal_error_code_text(rc), "");
        unref(check);
    }
}

/* ---- DNS ---- */

/* Belongs to nobody but its job. */
typedef struct dns_question {
    seal__auth_job job;
    seal__shared *shared;
    seal__spn_report report;
    size_t n;
    char *principals[SEAL__SERVER_MAX_PRINCIPALS];
} dns_question;

static void dns_release(dns_question *q) {
    seal__shared *shared = q->shared;
    for (size_t i = 0; i < q->n; i++)
        seal__release(&shared->alloc, q->principals[i]);
    seal__release(&shared->alloc, q);
    seal__shared_unref(shared);
}

static void dns_work(seal__auth_job *job) {
    dns_question *q = SEAL__CONTAINER_OF(job, dns_question, job);
    for (size_t i = 0; i < q->n; i++)
        seal__spn_check_dns(q->principals[i], &q->report);
}

static void dns_done(seal__auth_job *job, bool ran) {
    dns_question *q = SEAL__CONTAINER_OF(job, dns_question, job);
    for (size_t i = 0; ran && i < q->report.n; i++)
        seal__log_line(&q->shared->log, SEAL_LOG_WARNING, "%s%s%s", q->report.facts[i].text,
                       q->report.facts[i].remedy[0] == '\0' ? "" : "; ", q->report.facts[i].remedy);
    dns_release(q);
}

static void dns_orphaned(seal__auth_job *job) {
    dns_release(SEAL__CONTAINER_OF(job, dns_question, job));
}

/* Without memory there is no warning; nothing hangs on it. */
static void ask_dns(const seal_server *server) {
    seal_runtime *runtime = server->runtime;
    const seal_allocator *alloc = seal__runtime_alloc(runtime);
    dns_question *q = seal__alloc_zeroed(alloc, 1, sizeof *q);
    if (q == NULL)
        return;
    q->shared = seal__shared_ref(runtime->shared);
    for (size_t i = 0; i < server->config.n_principals; i++) {
        q->principals[q->n] = seal__strdup(alloc, server->config.principals[i]);
        q->n += q->principals[q->n] != NULL;
    }
    q->job = (seal__auth_job){.deadline_ns = uv_hrtime() + (uint64_t)TIME_LIMIT_MS * 1000000u,
                              .work = dns_work,
                              .done = dns_done,
                              .orphaned = dns_orphaned};
    if (seal__runtime_submit(runtime, runtime->initiators, &q->job) < 0)
        dns_release(q);
}

/* ---- The check ---- */

static void start_timer(seal__startup_check *check) {
    uv_timer_init(check->server->runtime->loop, &check->timer);
    check->timer.data = check;
    check->timer_open = true;
    atomic_fetch_add(&check->refs, 1);
    uv_timer_start(&check->timer, on_timeout, TIME_LIMIT_MS, 0);
}

seal__startup_check *seal__startup_check_start(seal_server *server,
                                               seal__startup_checked_fn *checked, void *owner) {
    seal_runtime *runtime = server->runtime;
    seal__startup_check *check = seal__alloc_zeroed(seal__runtime_alloc(runtime), 1, sizeof *check);
    if (check == NULL) {
        seal__log_line(seal__runtime_log(runtime), SEAL_LOG_WARNING,
                       "%s is not checked at start-up: out of memory",
                       server->config.principals[0]);
        return NULL;
    }
    atomic_init(&check->refs, 1);
    check->shared = seal__shared_ref(runtime->shared);
    check->server = server;
    check->acceptor = seal__gss_acceptor_ref(server->acceptor);
    check->publish = seal__server_publish_config(server);
    check->checked = checked;
    check->owner = owner;
    ask(check, ASK_KDC, kdc_work);
    if (check->publish != NULL)
        ask(check, ASK_DIRECTORY, directory_work);
    if (is_complete(check)) { /* none could be submitted */
        let_go(check);
        return NULL;
    }
    start_timer(check);
    ask_dns(server);
    return check;
}

void seal__startup_check_abandon(seal__startup_check *check) {
    if (check != NULL)
        let_go(check);
}
