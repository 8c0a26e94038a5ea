/* SPDX-License-Identifier: Apache-2.0 */
#include "naming/agent.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef struct message {
    seal__list node;
    void *content;
} message;

/* References: the owner's until it closes the agent, the thread's, and that of a queued task. The
 * runtime is held until the agent is closed and no task of it is queued. */
struct seal__agent {
    atomic_uint refs;
    seal__shared *shared;
    seal__agent_ops ops;
    void *state;
    void *owner;
    seal_runtime *runtime; /* not to be used by the thread once `closed` */
    int event_fd;
    seal__task task;
    uv_mutex_t lock;
    bool closed;         /* under lock */
    bool task_queued;    /* under lock */
    seal__list messages; /* under lock */
};

static void discard(seal__agent *agent, message *m) {
    agent->ops.drop(agent->shared, m->content);
    seal__release(&agent->shared->alloc, m);
}

static void unref(seal__agent *agent) {
    if (atomic_fetch_sub(&agent->refs, 1) != 1)
        return;
    seal__shared *shared = agent->shared;
    for (seal__list *node = NULL; (node = seal__list_take_first(&agent->messages)) != NULL;)
        discard(agent, SEAL__CONTAINER_OF(node, message, node));
    uv_mutex_destroy(&agent->lock);
    close(agent->event_fd);
    seal__release(&shared->alloc, agent);
    seal__shared_unref(shared);
}

/* ---- Messages ---- */

static message *take_message(seal__agent *agent, bool *ret_closed) {
    seal__list *node = NULL;
    uv_mutex_lock(&agent->lock);
    *ret_closed = agent->closed;
    if (!agent->closed)
        node = seal__list_take_first(&agent->messages);
    if (node == NULL)
        agent->task_queued = false;
    uv_mutex_unlock(&agent->lock);
    return node != NULL ? SEAL__CONTAINER_OF(node, message, node) : NULL;
}

static void deliver_messages(seal__task *task) {
    seal__agent *agent = SEAL__CONTAINER_OF(task, seal__agent, task);
    seal_runtime *runtime = agent->runtime;
    bool closed = false;
    for (message *m = NULL; (m = take_message(agent, &closed)) != NULL;) {
        void *content = m->content;
        seal__release(&agent->shared->alloc, m);
        agent->ops.deliver(agent->owner, content);
    }
    if (closed)
        seal__runtime_let_go(runtime);
    unref(agent);
}

void seal__agent_post(seal__agent *agent, void *content) {
    message *m = seal__alloc(&agent->shared->alloc, sizeof *m);
    if (m == NULL) {
        agent->ops.drop(agent->shared, content);
        return;
    }
    m->content = content;
    seal__list_init(&m->node);
    uv_mutex_lock(&agent->lock);
    bool closed = agent->closed;
    if (!closed) {
        seal__list_append(&agent->messages, &m->node);
        if (!agent->task_queued) {
            agent->task_queued = true;
            atomic_fetch_add(&agent->refs, 1);
            seal__runtime_queue(agent->runtime, &agent->task);
        }
    }
    uv_mutex_unlock(&agent->lock);
    if (closed)
        discard(agent, m);
}

/* ---- Sleeping ---- */

static void signal_event(const seal__agent *agent) {
    uint64_t one = 1;
    while (write(agent->event_fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

void seal__agent_wake(seal__agent *agent) {
    signal_event(agent);
}

static bool take_wake(const seal__agent *agent) {
    uint64_t count = 0;
    return read(agent->event_fd, &count, sizeof count) == sizeof count;
}

int seal__agent_sleep(seal__agent *agent, int fd, uint32_t ms) {
    struct pollfd fds[2] = {{.fd = agent->event_fd, .events = POLLIN},
                            {.fd = fd, .events = POLLIN}};
    int timeout = ms > INT32_MAX ? -1 : (int)ms;
    if (seal__agent_is_closed(agent))
        return SEAL__AGENT_WOKEN;
    if (poll(fds, fd < 0 ? 1 : 2, timeout) <= 0)
        return 0;
    int happened = fds[0].revents != 0 && take_wake(agent) ? SEAL__AGENT_WOKEN : 0;
    return happened | (fd >= 0 && fds[1].revents != 0 ? SEAL__AGENT_READABLE : 0);
}

seal__shared *seal__agent_shared(seal__agent *agent) {
    return agent->shared;
}

bool seal__agent_is_closed(seal__agent *agent) {
    uv_mutex_lock(&agent->lock);
    bool closed = agent->closed;
    uv_mutex_unlock(&agent->lock);
    return closed;
}

/* ---- The thread ---- */

static atomic_uint *count_of(seal__agent *agent) {
    return &agent->shared->agents;
}

static void *run(void *arg) {
    seal__agent *agent = arg;
    agent->ops.work(agent, agent->state);
    agent->ops.release(agent->shared, agent->state);
    atomic_fetch_sub(count_of(agent), 1);
    unref(agent);
    return NULL;
}

/* Signals are for the program's own threads. */
static int start_thread(seal__agent *agent) {
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t before;
    if (pthread_attr_init(&attributes) != 0)
        return SEAL_ERROR_SYSTEM;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&thread, &attributes, run, agent);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return code == 0 ? 0 : SEAL_ERROR_SYSTEM;
}

static int new_agent(seal_runtime *runtime, const seal__agent_ops *ops, seal__agent **ret_agent) {
    const seal_allocator *alloc = seal__runtime_alloc(runtime);
    seal__agent *agent = seal__alloc_zeroed(alloc, 1, sizeof *agent);
    if (agent == NULL)
        return SEAL_ERROR_NO_MEMORY;
    agent->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (agent->event_fd < 0 || uv_mutex_init(&agent->lock) != 0) {
        if (agent->event_fd >= 0)
            close(agent->event_fd);
        seal__release(alloc, agent);
        return SEAL_ERROR_SYSTEM;
    }
    atomic_init(&agent->refs, 2);
    agent->shared = seal__shared_ref(runtime->shared);
    agent->ops = *ops;
    agent->runtime = runtime;
    agent->task.run = deliver_messages;
    seal__list_init(&agent->messages);
    *ret_agent = agent;
    return 0;
}

static void undo(seal__agent *agent) {
    atomic_fetch_sub(count_of(agent), 1);
    unref(agent);
    unref(agent);
}

int seal__agent_start(seal_runtime *runtime, const seal__agent_ops *ops, void *state, void *owner,
                      seal__agent **ret_agent, seal_error **reterr) {
    seal__agent *agent = NULL;
    int rc = new_agent(runtime, ops, &agent);
    if (rc == SEAL_ERROR_NO_MEMORY)
        return seal__error_no_memory(reterr);
    if (rc < 0)
        return seal__error(reterr, rc, "no descriptor for a thread; raise the limit (ulimit -n)");
    agent->state = state;
    agent->owner = owner;
    if (atomic_fetch_add(count_of(agent), 1) >= SEAL__AGENTS_MAX) {
        undo(agent);
        return seal__error(reterr, SEAL_ERROR_TOO_MANY,
                           "%d threads for directories are in use in this runtime, which is the "
                           "limit; share channels",
                           SEAL__AGENTS_MAX);
    }
    rc = start_thread(agent);
    if (rc < 0) {
        undo(agent);
        return seal__error(reterr, rc, "no thread can be started; raise the limit (ulimit -u)");
    }
    seal__runtime_hold(runtime);
    *ret_agent = agent;
    return 0;
}

void seal__agent_close(seal__agent *agent) {
    uv_mutex_lock(&agent->lock);
    agent->closed = true;
    bool queued = agent->task_queued;
    uv_mutex_unlock(&agent->lock);
    if (!queued)
        seal__runtime_let_go(agent->runtime);
    signal_event(agent);
    unref(agent);
}
