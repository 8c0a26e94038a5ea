/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers run on the event loop, where nothing may block: they check the request, and hand the
 * call to a worker, which asks the database and answers from its own thread. */
#include "service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker.h"

enum { MAX_WAITING = 1000, DEFAULT_HISTORY = 10 };

struct service {
    store *store;
    worker *worker;
};

typedef struct job {
    void (*answer)(store *s, const struct job *job);
    seal_call *call;     /* a reference: keeps the request as well */
    const void *request; /* of the type that `answer` knows */
} job;

static void work(void *user, void *item) {
    service *svc = user;
    job *j = item;
    if (seal_call_is_cancelled(j->call))
        seal_call_fail(j->call, SEAL_STATUS_CANCELLED, "nobody waits for the answer");
    else
        j->answer(svc->store, j);
    seal_call_unref(j->call);
    free(j);
}

static void hand_over(service *svc, seal_call *call, const void *request,
                      void (*answer)(store *s, const job *j)) {
    job *j = malloc(sizeof *j);
    if (j != NULL) {
        *j = (job){.answer = answer, .call = seal_call_ref(call), .request = request};
        if (worker_submit(svc->worker, j))
            return;
        seal_call_unref(call);
        free(j);
    }
    seal_call_fail(call, SEAL_STATUS_RESOURCE_EXHAUSTED, "%d calls wait; try again later",
                   MAX_WAITING);
}

static void fail(seal_call *call, store *s, store_outcome outcome, const char *account) {
    switch (outcome) {
    case STORE_CONFLICT:
        seal_call_fail(call, SEAL_STATUS_ALREADY_EXISTS,
                       "this key was used for another entry; choose a new one for a new entry");
        break;
    case STORE_OVERFLOW:
        seal_call_fail(call, SEAL_STATUS_OUT_OF_RANGE, "the balance of %s would be too large",
                       account);
        break;
    default: /* the details are for the log only */
        fprintf(stderr, "ledger-server: database: %s\n", store_problem(s));
        seal_call_fail(call, SEAL_STATUS_INTERNAL, "the database failed");
    }
}

static bool check(seal_call *call, const char *what, const char *text, size_t min, size_t max) {
    size_t len = strlen(text);
    if (len >= min && len <= max)
        return true;
    seal_call_fail(call, SEAL_STATUS_INVALID_ARGUMENT, "%s has %zu bytes; %zu to %zu are possible",
                   what, len, min, max);
    return false;
}

/* ---- Post ---- */

static void answer_post(store *s, const job *j) {
    const Bank__Entry *request = j->request;
    store_receipt receipt;
    store_entry entry = {.key = request->key,
                         .account = request->account,
                         .amount = request->amount,
                         .text = request->text,
                         .author = seal_peer_principal(seal_call_peer(j->call))};
    store_outcome outcome = store_post(s, &entry, &receipt);
    if (outcome != STORE_OK) {
        fail(j->call, s, outcome, request->account);
        return;
    }
    char author[256];
    snprintf(author, sizeof author, "%s", entry.author);
    Bank__Receipt reply = BANK__RECEIPT__INIT;
    reply.number = receipt.number;
    reply.balance = receipt.balance;
    reply.author = author;
    bank_ledger_reply_post(j->call, &reply);
}

static void post(seal_call *call, const Bank__Entry *request, void *user) {
    if (check(call, "key", request->key, 1, STORE_NAME_MAX) &&
        check(call, "account", request->account, 1, STORE_NAME_MAX) &&
        check(call, "text", request->text, 0, STORE_TEXT_MAX))
        hand_over(user, call, request, answer_post);
}

/* ---- Balance ---- */

static void answer_balance(store *s, const job *j) {
    const Bank__BalanceRequest *request = j->request;
    Bank__BalanceReply reply = BANK__BALANCE_REPLY__INIT;
    store_outcome outcome = store_balance(s, request->account, &reply.balance, &reply.entries);
    if (outcome == STORE_OK)
        bank_ledger_reply_balance(j->call, &reply);
    else
        fail(j->call, s, outcome, request->account);
}

static void balance(seal_call *call, const Bank__BalanceRequest *request, void *user) {
    if (check(call, "account", request->account, 1, STORE_NAME_MAX))
        hand_over(user, call, request, answer_balance);
}

/* ---- History ---- */

static void reply_history(seal_call *call, store_row *rows, size_t n) {
    Bank__HistoryItem items[STORE_ROWS_MAX];
    Bank__HistoryItem *pointers[STORE_ROWS_MAX];
    for (size_t i = 0; i < n; i++) {
        bank__history_item__init(&items[i]);
        items[i].number = rows[i].number;
        items[i].amount = rows[i].amount;
        items[i].text = rows[i].text;
        items[i].author = rows[i].author;
        pointers[i] = &items[i];
    }
    Bank__HistoryReply reply = BANK__HISTORY_REPLY__INIT;
    reply.n_items = n;
    reply.items = pointers;
    bank_ledger_reply_history(call, &reply);
}

static void answer_history(store *s, const job *j) {
    const Bank__HistoryRequest *request = j->request;
    static store_row rows[STORE_ROWS_MAX]; /* there is one worker */
    size_t n = 0;
    uint32_t limit = request->limit == 0 ? DEFAULT_HISTORY : request->limit;
    store_outcome outcome = store_history(s, request->account, limit, rows, &n);
    if (outcome == STORE_OK)
        reply_history(j->call, rows, n);
    else
        fail(j->call, s, outcome, request->account);
}

static void history(seal_call *call, const Bank__HistoryRequest *request, void *user) {
    if (request->limit > STORE_ROWS_MAX)
        seal_call_fail(call, SEAL_STATUS_INVALID_ARGUMENT, "limit is at most %d", STORE_ROWS_MAX);
    else if (check(call, "account", request->account, 1, STORE_NAME_MAX))
        hand_over(user, call, request, answer_history);
}

const bank_ledger_ops service_ops = {
    .size = sizeof service_ops, .post = post, .balance = balance, .history = history};

service *service_start(store *s) {
    service *svc = malloc(sizeof *svc);
    if (svc == NULL)
        return NULL;
    *svc = (service){.store = s, .worker = worker_start(MAX_WAITING, work, svc)};
    if (svc->worker == NULL) {
        free(svc);
        return NULL;
    }
    return svc;
}

void service_stop(service *svc) {
    worker_stop(svc->worker);
    store_close(svc->store);
    free(svc);
}
