/* SPDX-License-Identifier: Apache-2.0 */
/* A connection's life, its timer, and the steps of the mechanism on the auth pool. */
#include "net/conn.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

enum { OUTBOX_MAX = 256 * 1024 * 1024 };

/* ---- Making ---- */

static size_t sealer_begin(void *user, seal__buf *out) {
    return seal__secure_record_begin(user, out);
}

static int sealer_end(void *user, seal__buf *out, size_t start) {
    return seal__secure_record_end(user, out, start);
}

static int sealer_end_with(void *user, seal__buf *out, size_t start, const seal__gather *gather) {
    return seal__secure_record_end_with(user, out, start, gather);
}

static int init_handles(seal__conn *conn, bool is_unix) {
    uv_loop_t *loop = conn->runtime->loop;
    int rc =
        is_unix ? uv_pipe_init(loop, &conn->socket.pipe, 0) : uv_tcp_init(loop, &conn->socket.tcp);
    if (rc != 0)
        return SEAL_ERROR_SYSTEM;
    uv_timer_init(loop, &conn->timer);
    conn->socket.handle.data = conn;
    conn->timer.data = conn;
    conn->timer_ns = UINT64_MAX;
    conn->alarm_ns = UINT64_MAX;
    conn->handles_open = 2;
    seal__runtime_hold(conn->runtime);
    conn->runtime->connections++;
    return 0;
}

static void init_buffers(seal__conn *conn) {
    const seal_allocator *alloc = seal__runtime_blocks(conn->runtime);
    seal__sealer sealer = {.begin = sealer_begin,
                           .end = sealer_end,
                           .end_with = sealer_end_with,
                           .user = conn->secure};
    seal__buf_init(&conn->in, alloc, SEAL__RECORD_MAX_BODY + SEAL__TOKEN_MAX + SEAL__READ_CHUNK);
    seal__buf_init(&conn->writing, alloc, OUTBOX_MAX);
    seal__outbox_init(&conn->outbox, alloc, &sealer);
}

/* The target is copied, because whoever dialed may forget it before the connection ends. */
static int init_secure(seal__conn *conn, const seal__secure_config *given) {
    seal__secure_config config = *given;
    config.keys = seal__auth_pool_keys(conn->pool);
    if (given->target != NULL) {
        conn->target = seal__strdup(seal__runtime_alloc(conn->runtime), given->target);
        if (conn->target == NULL)
            return SEAL_ERROR_NO_MEMORY;
        config.target = conn->target;
    }
    return seal__secure_new(&config, uv_hrtime(), &conn->secure, NULL);
}

int seal__conn_new(seal_runtime *runtime, const seal__conn_options *options, bool is_unix,
                   seal__conn **ret_conn) {
    const seal_allocator *alloc = seal__runtime_alloc(runtime);
    seal__conn *conn = seal__alloc_zeroed(alloc, 1, sizeof *conn);
    if (conn == NULL)
        return SEAL_ERROR_NO_MEMORY;
    conn->runtime = runtime;
    conn->ops = options->ops;
    conn->owner = options->owner;
    conn->pool = options->pool;
    conn->session_options = options->session;
    seal__list_init(&conn->owned);
    seal__list_init(&conn->dirty);
    int rc = init_secure(conn, &options->secure);
    if (rc == 0)
        rc = init_handles(conn, is_unix);
    if (rc < 0) {
        seal__secure_free(conn->secure);
        seal__release(alloc, conn->target);
        seal__release(alloc, conn);
        return rc;
    }
    init_buffers(conn);
    *ret_conn = conn;
    return 0;
}

/* ---- Steps ---- */

static void step_release(seal__conn_step *cs) {
    seal__shared *shared = cs->shared;
    seal__secure_step_free(cs->step);
    seal__release(&shared->alloc, cs);
    seal__shared_unref(shared);
}

/* Releases what the step came in. */
static seal__secure_step *step_take(seal__conn_step *cs) {
    seal__secure_step *step = cs->step;
    cs->step = NULL;
    step_release(cs);
    return step;
}

static void step_work(seal__auth_job *job) {
    seal__secure_step_run(SEAL__CONTAINER_OF(job, seal__conn_step, job)->step);
}

static void step_orphaned(seal__auth_job *job) {
    step_release(SEAL__CONTAINER_OF(job, seal__conn_step, job));
}

/* The old context goes on until its end, so this is no failure yet; but somebody should know. */
static void log_renewal(seal__conn *conn) {
    const seal_error *error = seal__secure_renewal_error(conn->secure);
    if (error != NULL && error != conn->renewal_logged)
        seal__log_line(seal__runtime_log(conn->runtime), SEAL_LOG_WARNING,
                       "re-authentication with %s failed, the connection lives until its ticket "
                       "ends: %s",
                       conn->address, seal_error_message(error));
    conn->renewal_logged = error;
}

/* No worker has come to it. That ends a handshake; a re-authentication is put off, as the old
 * context goes on. Returns as seal__secure_finish_step. */
static int step_not_run(seal__conn *conn, seal__secure_step *step, int code, const char *why,
                        seal_error **reterr) {
    seal_error *error = NULL;
    seal__error(&error, code, "%s", why);
    if (seal__secure_is_established(conn->secure)) {
        seal__secure_step_fail(step, code, error);
        return seal__secure_finish_step(conn->secure, uv_hrtime(), step, reterr);
    }
    seal__secure_step_free(step);
    *reterr = error;
    return code;
}

static void step_done(seal__auth_job *job, bool ran) {
    seal__conn_step *cs = SEAL__CONTAINER_OF(job, seal__conn_step, job);
    seal__conn *conn = cs->conn;
    if (conn == NULL) {
        step_release(cs);
        return;
    }
    conn->step = NULL;
    conn->has_stepped = true;
    seal_error *error = NULL;
    seal__secure_step *step = step_take(cs);
    int rc = ran ? seal__secure_finish_step(conn->secure, uv_hrtime(), step, &error)
                 : step_not_run(
                       conn, step, SEAL_ERROR_TIMEOUT,
                       "no thread was free for authentication in time; all are waiting for a KDC",
                       &error);
    if (rc < 0) {
        seal__conn_fail(conn, rc, error);
        return;
    }
    log_renewal(conn);
    seal__conn_process_waiting(conn);
    seal__conn_flush_dirty(conn); /* the peer waits for it, and for nothing else */
}

static int submit_step(seal__conn *conn, seal_error **reterr) {
    seal__shared *shared = conn->runtime->shared;
    seal__conn_step *cs = seal__alloc_zeroed(&shared->alloc, 1, sizeof *cs);
    if (cs == NULL)
        return seal__error_no_memory(reterr);
    cs->shared = seal__shared_ref(shared);
    cs->conn = conn;
    cs->step = seal__secure_take_step(conn->secure);
    cs->job = (seal__auth_job){.work = step_work, .done = step_done, .orphaned = step_orphaned};
    cs->job.deadline_ns = seal__secure_next_deadline(conn->secure);
    int rc = seal__runtime_submit(conn->runtime, conn->pool, &cs->job);
    if (rc == 0) {
        conn->step = cs;
        return 0;
    }
    rc = step_not_run(conn, step_take(cs), rc,
                      "too many connections are waiting for authentication", reterr);
    log_renewal(conn);
    seal__conn_mark_dirty(conn);
    return rc;
}

/* Takes the next step of the mechanism to a worker, if there is one to take. */
void seal__conn_submit_steps(seal__conn *conn) {
    if (conn->step != NULL || conn->state > SEAL__CONN_OPEN || !seal__secure_has_step(conn->secure))
        return;
    seal_error *error = NULL;
    int rc = submit_step(conn, &error);
    if (rc < 0)
        seal__conn_fail(conn, rc, error);
}

/* ---- What is done while the peer is at work ---- */

/* Outlives its connection. */
typedef struct aside {
    seal__auth_job job;
    seal__exchange *exchange;
    seal__shared *shared;
} aside;

static void aside_work(seal__auth_job *job) {
    seal__exchange_run(SEAL__CONTAINER_OF(job, aside, job)->exchange);
}

static void aside_release(seal__auth_job *job) {
    aside *a = SEAL__CONTAINER_OF(job, aside, job);
    seal__shared *shared = a->shared;
    seal__exchange_unref(a->exchange);
    seal__release(&shared->alloc, a);
    seal__shared_unref(shared);
}

static void aside_dropped(seal__auth_job *job, bool ran) {
    (void)ran;
    aside_release(job);
}

/* Where that fails, the connection does it itself when the time has come. */
static void submit_exchange(seal__conn *conn, seal__exchange *exchange) {
    seal__shared *shared = conn->runtime->shared;
    aside *a = seal__alloc_zeroed(&shared->alloc, 1, sizeof *a);
    if (a == NULL) {
        seal__exchange_unref(exchange);
        return;
    }
    a->exchange = exchange;
    a->shared = seal__shared_ref(shared);
    a->job = (seal__auth_job){.work = aside_work,
                              .done = aside_dropped,
                              .orphaned = aside_release,
                              .is_aside = true,
                              .deadline_ns = UINT64_MAX};
    if (seal__auth_pool_submit_for(conn->pool, conn->runtime, &a->job) < 0)
        aside_release(&a->job);
}

void seal__conn_use_wait(seal__conn *conn) {
    conn->has_stepped = false;
    seal__exchange *exchange = seal__secure_take_exchange(conn->secure);
    if (exchange != NULL)
        submit_exchange(conn, exchange);
    else
        seal__auth_pool_refill(conn->pool);
}

/* ---- Starting ---- */

int seal__conn_open(seal__conn *conn, int fd) {
    int rc = conn->socket.handle.type == UV_TCP ? uv_tcp_open(&conn->socket.tcp, fd)
                                                : uv_pipe_open(&conn->socket.pipe, fd);
    return rc == 0 ? 0 : SEAL_ERROR_TRANSPORT;
}

/* What the peer's kernel does not acknowledge is waited for no longer than what its program does
 * not answer; the system's own limit is a quarter of an hour. */
static void bound_silence(seal__conn *conn) {
    const seal__session_options *options = &conn->session_options;
    uint64_t ms = (options->keepalive_ns + options->keepalive_timeout_ns) / 1000000u;
    unsigned int limit = ms < INT32_MAX ? (unsigned int)ms : INT32_MAX;
    int fd = -1;
    if (options->keepalive_ns > 0 && uv_fileno(&conn->socket.handle, &fd) == 0)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof limit);
}

void seal__conn_start(seal__conn *conn) {
    conn->state = SEAL__CONN_HANDSHAKE;
    if (conn->socket.handle.type == UV_TCP) {
        uv_tcp_nodelay(&conn->socket.tcp, 1);
        bound_silence(conn);
    }
    seal__conn_read_start(conn);
    seal__conn_submit_steps(conn);
    if (conn->state == SEAL__CONN_HANDSHAKE) {
        seal__conn_arm_timer(conn);
        seal__conn_mark_dirty(conn);
    }
}

/* ---- Time ---- */

/* The timers of a loop that was busy run before it reads: what has come is a sign of life before it
 * is looked at. */
static void note_unread(seal__conn *conn, uint64_t now) {
    int fd = -1;
    int unread = 0;
    if (!conn->read_paused && uv_fileno(&conn->socket.handle, &fd) == 0 &&
        ioctl(fd, FIONREAD, &unread) == 0 && unread > 0)
        seal__session_heard(conn->session, now);
}

/* An answer of a slow peer comes after all that it is still taking, and may not even be listened to
 * (SEAL__CONN_PAUSE): as long as it takes something, and there is or was more, it lives. What it
 * takes when all is there may be the question itself, by the kernel of a program that is dead. */
static void note_progress(seal__conn *conn, uint64_t now) {
    int fd = -1;
    int in_kernel = 0;
    uint64_t left = uv_stream_get_write_queue_size(&conn->socket.stream);
    if (uv_fileno(&conn->socket.handle, &fd) == 0 && ioctl(fd, TIOCOUTQ, &in_kernel) == 0)
        left += (uint64_t)in_kernel;
    uint64_t taken = conn->outbox.written - left;
    if ((left > 0 || conn->was_behind) && taken != conn->taken)
        seal__session_heard(conn->session, now);
    conn->taken = taken;
    conn->was_behind = left > 0;
}

static void on_timer(uv_timer_t *timer) {
    seal__conn *conn = timer->data;
    conn->timer_ns = UINT64_MAX;
    if (conn->state == SEAL__CONN_CLOSING) {
        seal__conn_drop(conn);
        return;
    }
    uint64_t now = uv_hrtime();
    seal_error *error = NULL;
    int rc = seal__secure_tick(conn->secure, now, &error);
    if (rc < 0) {
        seal__conn_fail(conn, rc, error);
        return;
    }
    if (now >= conn->alarm_ns) {
        conn->alarm_ns = UINT64_MAX;
        conn->ops->alarm(conn);
    }
    if (conn->state == SEAL__CONN_OPEN) {
        if (conn->session_options.keepalive_ns > 0) {
            note_unread(conn, now);
            note_progress(conn, now);
        }
        seal__session_tick(conn->session, now);
    }
    seal__conn_process_waiting(conn);
}

void seal__conn_set_alarm(seal__conn *conn, uint64_t at_ns) {
    conn->alarm_ns = at_ns;
    seal__conn_arm_timer(conn);
}

/* The timer is only ever moved to an earlier time; when it fires too early it is armed again. So a
 * call whose deadline is later than another's costs nothing. */
void seal__conn_arm_timer(seal__conn *conn) {
    uint64_t next = seal__secure_next_deadline(conn->secure);
    next = conn->alarm_ns < next ? conn->alarm_ns : next;
    if (conn->session != NULL) {
        uint64_t deadline = seal__session_next_deadline(conn->session);
        next = deadline < next ? deadline : next;
    }
    if (next >= conn->timer_ns)
        return;
    uint64_t now = uv_hrtime();
    uint64_t wait_ms = next > now ? (next - now + 999999u) / 1000000u : 0;
    uv_update_time(conn->runtime->loop);
    uv_timer_start(&conn->timer, on_timer, wait_ms, 0);
    conn->timer_ns = next;
}
