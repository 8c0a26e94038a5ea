/* SPDX-License-Identifier: Apache-2.0 */
#include "naming/dns_query.h"

#define CARES_NO_DEPRECATED /* later versions would rather have ares_query_dnsrec; 1.18 has none   \
                             */
#include <ares.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

enum {
    TRY_MS = 1000, /* the first wait for a server; doubles with each round */
    TRIES = 3,
    TOTAL_MS = 20000, /* of a query, however many servers there are */
    CLASS_IN = 1,
    CSV_MAX = 1024
};

/* A socket of c-ares, watched. */
typedef struct watch {
    uv_poll_t poll;
    seal__list node; /* in query->watches */
    seal__dns_query *query;
    ares_socket_t fd;
} watch;

/* Over when `channel` is NULL; released when its handles have been closed. */
struct seal__dns_query {
    seal_runtime *runtime;
    seal__dns_query_fn *answered;
    void *user;
    ares_channel channel;
    seal__list watches;
    uv_timer_t timer; /* retransmission, and the end */
    uint64_t deadline_ms;
    uint32_t handles_open;
    bool has_result; /* the next four */
    seal__dns_outcome outcome;
    const char *why;
    uint8_t *reply;
    size_t len;
};

/* ---- The end ---- */

static void release_when_closed(seal__dns_query *q) {
    if (q->handles_open > 0)
        return;
    seal_runtime *runtime = q->runtime;
    seal__release(seal__runtime_alloc(runtime), q->reply);
    seal__release(seal__runtime_alloc(runtime), q);
    seal__runtime_let_go(runtime);
}

static void on_timer_closed(uv_handle_t *handle) {
    seal__dns_query *q = handle->data;
    q->handles_open--;
    release_when_closed(q);
}

static void on_watch_closed(uv_handle_t *handle) {
    watch *w = handle->data;
    seal__dns_query *q = w->query;
    seal__release(seal__runtime_alloc(q->runtime), w);
    q->handles_open--;
    release_when_closed(q);
}

/* Ends the channel, which stops watching its sockets and then closes them. Not from inside c-ares.
 */
static void stop(seal__dns_query *q) {
    ares_channel channel = q->channel;
    q->channel = NULL;
    ares_destroy(channel);
    uv_close((uv_handle_t *)&q->timer, on_timer_closed);
}

static void finish(seal__dns_query *q) {
    stop(q);
    q->answered(q->user, q->outcome, q->reply, q->len, q->why);
}

void seal__dns_query_cancel(seal__dns_query *q) {
    stop(q);
}

/* ---- Results ---- */

static void set_result(seal__dns_query *q, seal__dns_outcome outcome, const char *why) {
    q->has_result = true;
    q->outcome = outcome;
    q->why = why;
}

/* Inside c-ares, which must not be destroyed here: the result waits until that has returned. */
static void on_answer(void *arg, int status, int timeouts, unsigned char *reply, int len) {
    seal__dns_query *q = arg;
    (void)timeouts;
    if (q->channel == NULL || q->has_result) /* being destroyed */
        return;
    if (status == ARES_ENOTFOUND) {
        set_result(q, SEAL__DNS_NO_NAME, "the name does not exist");
    } else if (status == ARES_ENODATA) {
        set_result(q, SEAL__DNS_NO_DATA, "the name has no such records");
    } else if (status != ARES_SUCCESS || reply == NULL || len <= 0) {
        set_result(q, SEAL__DNS_FAILED, ares_strerror(status));
    } else {
        q->reply = seal__alloc(seal__runtime_alloc(q->runtime), (size_t)len);
        if (q->reply == NULL) {
            set_result(q, SEAL__DNS_FAILED, "out of memory");
            return;
        }
        memcpy(q->reply, reply, (size_t)len);
        q->len = (size_t)len;
        set_result(q, SEAL__DNS_ANSWERED, NULL);
    }
}

/* ---- The loop ---- */

static void on_timer(uv_timer_t *timer);

/* When c-ares wants to be called again, at the latest. */
static void arm(seal__dns_query *q) {
    struct timeval left = {.tv_sec = 0};
    uint64_t now = uv_now(q->runtime->loop);
    uint64_t ms = q->deadline_ms > now ? q->deadline_ms - now : 0;
    const struct timeval *next = ares_timeout(q->channel, NULL, &left);
    if (q->has_result)
        ms = 0;
    else if (next != NULL && (uint64_t)next->tv_sec * 1000 + (uint64_t)next->tv_usec / 1000 < ms)
        ms = (uint64_t)next->tv_sec * 1000 + (uint64_t)next->tv_usec / 1000 + 1;
    uv_timer_start(&q->timer, on_timer, ms, 0);
}

static void process(seal__dns_query *q, ares_socket_t readable, ares_socket_t writable) {
    ares_process_fd(q->channel, readable, writable);
    if (q->has_result)
        finish(q);
    else
        arm(q);
}

static void on_timer(uv_timer_t *timer) {
    seal__dns_query *q = timer->data;
    if (!q->has_result && uv_now(q->runtime->loop) >= q->deadline_ms)
        set_result(q, SEAL__DNS_FAILED, "time is up");
    if (q->has_result)
        finish(q);
    else
        process(q, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

/* On an error c-ares reads and writes, and finds it itself. */
static void on_ready(uv_poll_t *poll, int status, int events) {
    const watch *w = poll->data;
    process(w->query, status < 0 || (events & UV_READABLE) != 0 ? w->fd : ARES_SOCKET_BAD,
            status < 0 || (events & UV_WRITABLE) != 0 ? w->fd : ARES_SOCKET_BAD);
}

static watch *find_watch(seal__dns_query *q, ares_socket_t fd) {
    for (seal__list *node = q->watches.next; node != &q->watches; node = node->next) {
        watch *w = SEAL__CONTAINER_OF(node, watch, node);
        if (w->fd == fd)
            return w;
    }
    return NULL;
}

static watch *new_watch(seal__dns_query *q, ares_socket_t fd) {
    watch *w = seal__alloc_zeroed(seal__runtime_alloc(q->runtime), 1, sizeof *w);
    if (w == NULL || uv_poll_init_socket(q->runtime->loop, &w->poll, fd) != 0) {
        seal__release(seal__runtime_alloc(q->runtime), w);
        return NULL;
    }
    w->poll.data = w;
    w->query = q;
    w->fd = fd;
    q->handles_open++;
    seal__list_append(&q->watches, &w->node);
    return w;
}

/* c-ares closes a socket as soon as it has said that it wants nothing of it: its number may be used
 * again at once. So watching ends here, and not later. */
static void on_socket(void *arg, ares_socket_t fd, int readable, int writable) {
    seal__dns_query *q = arg;
    watch *w = find_watch(q, fd);
    int events = (readable != 0 ? UV_READABLE : 0) | (writable != 0 ? UV_WRITABLE : 0);
    if (events == 0) {
        if (w == NULL)
            return;
        seal__list_remove(&w->node);
        uv_close((uv_handle_t *)&w->poll, on_watch_closed);
        return;
    }
    if (w == NULL)
        w = new_watch(q, fd);
    if (w == NULL || uv_poll_start(&w->poll, events, on_ready) != 0)
        set_result(q, SEAL__DNS_FAILED, "a socket cannot be watched");
}

/* ---- The beginning ---- */

bool seal__dns_servers_text(const seal__address *servers, size_t n, char *text, size_t size) {
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        bool v6 = strchr(servers[i].host, ':') != NULL;
        int len = snprintf(text + at, size - at, "%s%s%s%s:%u", i > 0 ? "," : "", v6 ? "[" : "",
                           servers[i].host, v6 ? "]" : "",
                           servers[i].port != 0 ? (unsigned)servers[i].port : 53u);
        if (len < 0 || (size_t)len >= size - at)
            return false;
        at += (size_t)len;
    }
    return true;
}

static int set_servers(seal__dns_query *q, const seal__dns_question *question) {
    char csv[CSV_MAX];
    if (question->n_servers == 0)
        return ARES_SUCCESS;
    if (!seal__dns_servers_text(question->servers, question->n_servers, csv, sizeof csv))
        return ARES_EBADSTR;
    return ares_set_servers_ports_csv(q->channel, csv);
}

/* c-ares wants this once in a process; outside Windows it does next to nothing. */
static uv_once_t library_once = UV_ONCE_INIT;
static int library_status;

static void init_library(void) {
    library_status = ares_library_init(ARES_LIB_INIT_ALL);
}

static int open_channel(seal__dns_query *q, const seal__dns_question *question) {
    struct ares_options options = {.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
                                   .timeout = TRY_MS,
                                   .tries = TRIES,
                                   .sock_state_cb = on_socket,
                                   .sock_state_cb_data = q};
    uv_once(&library_once, init_library);
    if (library_status != ARES_SUCCESS)
        return library_status;
    int status = ares_init_options(&q->channel, &options,
                                   ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                                       ARES_OPT_SOCK_STATE_CB);
    if (status != ARES_SUCCESS) {
        q->channel = NULL;
        return status;
    }
    status = set_servers(q, question);
    if (status != ARES_SUCCESS) {
        ares_destroy(q->channel);
        q->channel = NULL;
    }
    return status;
}

static int report(int status, const char *name, seal_error **reterr) {
    if (status == ARES_ENOMEM)
        return seal__error_no_memory(reterr);
    return seal__error(reterr, status == ARES_EBADSTR ? SEAL_ERROR_INVALID : SEAL_ERROR_SYSTEM,
                       "no query of DNS for %s can be made: %s; check the name servers", name,
                       ares_strerror(status));
}

int seal__dns_query_start(seal_runtime *runtime, const seal__dns_question *question,
                          seal__dns_query_fn *answered, void *user, seal__dns_query **ret_query,
                          seal_error **reterr) {
    const seal_allocator *alloc = seal__runtime_alloc(runtime);
    seal__dns_query *q = seal__alloc_zeroed(alloc, 1, sizeof *q);
    if (q == NULL)
        return seal__error_no_memory(reterr);
    q->runtime = runtime;
    q->answered = answered;
    q->user = user;
    seal__list_init(&q->watches);
    int status = open_channel(q, question);
    if (status != ARES_SUCCESS) {
        seal__release(alloc, q);
        return report(status, question->name, reterr);
    }
    seal__runtime_hold(runtime);
    uv_timer_init(runtime->loop, &q->timer);
    q->timer.data = q;
    q->handles_open = 1;
    q->deadline_ms = uv_now(runtime->loop) + TOTAL_MS;
    ares_query(q->channel, question->name, CLASS_IN, question->type, on_answer, q);
    arm(q);
    *ret_query = q;
    return 0;
}
