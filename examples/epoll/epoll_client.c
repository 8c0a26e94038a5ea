/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: epoll-client TARGET [NAME...]
 *
 * A program with an event loop of its own, made of epoll, in which sealrpc is a guest. libuv's loop
 * has one descriptor that becomes readable when there is something to do (uv_backend_fd), says
 * how long it may wait at most (uv_backend_timeout), and does what there is without waiting
 * (UV_RUN_NOWAIT). So all callbacks come on the one thread, between the program's own events: a
 * timer, and lines of standard input, each of which is one more name to greet.
 *
 * See README.md. Greets the names of the command line, and those of the input until it ends.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <uv.h>

#include "greeter.seal.h"

enum { MAX_EVENTS = 8, MAX_NAME = 200, TICK_MS = 250 };

typedef struct program {
    int epoll;
    int timer;
    uv_loop_t *loop;
    seal_channel *channel;
    unsigned waiting; /* calls that have not ended */
    unsigned failed;
    unsigned ticks;
    bool input_ended;
    char line[MAX_NAME + 1];
    size_t line_len;
} program;

/* ---- Calls ----------------------------------------------------------------------------------- */

static void on_reply(const seal_result *result, const Demo__HelloReply *reply, void *user) {
    program *p = user;
    p->waiting--;
    if (reply != NULL) {
        printf("reply: %s\n", reply->message);
        return;
    }
    fprintf(stderr, "epoll-client: %s\n", seal_result_message(result));
    p->failed++;
}

static void greet(program *p, char *name) {
    Demo__HelloRequest request = DEMO__HELLO_REQUEST__INIT;
    request.name = name;
    int rc = demo_greeter_call_say_hello(p->channel, &request, NULL, on_reply, p, NULL);
    if (rc == 0) {
        p->waiting++;
    } else { /* such as a name that is not UTF-8 */
        fprintf(stderr, "epoll-client: this name cannot be sent\n");
        p->failed++;
    }
}

/* ---- The program's own events ---------------------------------------------------------------- */

static void end_line(program *p) {
    p->line[p->line_len] = '\0';
    if (p->line_len > 0)
        greet(p, p->line);
    p->line_len = 0;
}

static void on_input(program *p) {
    char bytes[512];
    ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    for (ssize_t i = 0; i < n; i++) {
        if (bytes[i] == '\n' || p->line_len == MAX_NAME)
            end_line(p);
        if (bytes[i] != '\n')
            p->line[p->line_len++] = bytes[i];
    }
    if (n > 0 || (n < 0 && errno == EINTR))
        return;
    end_line(p);
    p->input_ended = true;
    epoll_ctl(p->epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
}

static void on_timer(program *p) {
    uint64_t expired = 0;
    if (read(p->timer, &expired, sizeof expired) == sizeof expired)
        p->ticks += (unsigned)expired;
}

static bool add_descriptor(const program *p, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool set_up(program *p) {
    struct itimerspec every = {.it_interval.tv_nsec = TICK_MS * 1000000L,
                               .it_value.tv_nsec = TICK_MS * 1000000L};
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    p->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (p->epoll < 0 || p->timer < 0 || timerfd_settime(p->timer, 0, &every, NULL) != 0 ||
        !add_descriptor(p, p->timer) || !add_descriptor(p, uv_backend_fd(p->loop)))
        return false;
    if (add_descriptor(p, STDIN_FILENO))
        return true;
    while (errno == EPERM && !p->input_ended) /* a plain file, which is always ready */
        on_input(p);
    return p->input_ended;
}

/* ---- The loop -------------------------------------------------------------------------------- */

/* Waits for the next events of anybody, and handles them. */
static bool turn(program *p) {
    struct epoll_event events[MAX_EVENTS];
    /* First what was asked of libuv since, so that its descriptor and its time-out are right. */
    uv_run(p->loop, UV_RUN_NOWAIT);
    if (p->input_ended && p->waiting == 0)
        return true;
    int n = epoll_wait(p->epoll, events, MAX_EVENTS, uv_backend_timeout(p->loop));
    for (int i = 0; i < n; i++) {
        if (events[i].data.fd == STDIN_FILENO)
            on_input(p);
        else if (events[i].data.fd == p->timer)
            on_timer(p);
    }
    return n >= 0 || errno == EINTR;
}

static int greet_all(program *p, int n, char **names) {
    if (!set_up(p)) {
        fprintf(stderr, "epoll-client: %s\n", strerror(errno));
        return 1;
    }
    for (int i = 0; i < n; i++)
        greet(p, names[i]);
    bool ok = true;
    while (ok && !(p->input_ended && p->waiting == 0))
        ok = turn(p);
    printf("all calls have ended, and the timer has ticked %u times\n", p->ticks);
    return ok && p->failed == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
    uv_loop_t loop;
    program p = {.epoll = -1, .timer = -1, .loop = &loop};
    seal_runtime_options options;
    seal_runtime_options_init(&options);
    options.loop = &loop;
    seal_runtime *runtime = NULL;
    seal_error *error = NULL;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (uv_loop_init(&loop) != 0)
        return 1;
    int rc = seal_runtime_new(&options, &runtime, &error);
    if (rc == 0)
        rc = demo_greeter_channel_new(runtime, argc > 1 ? argv[1] : "", NULL, &p.channel, &error);
    if (rc < 0)
        fprintf(stderr, "epoll-client: %s\n", seal_error_message(error));
    int status = rc < 0 ? 2 : greet_all(&p, argc - 2, argv + 2);
    seal_error_free(error);
    seal_channel_free(p.channel);
    if (runtime != NULL)
        seal_runtime_free(runtime);
    uv_run(&loop, UV_RUN_DEFAULT); /* until everything is closed */
    uv_loop_close(&loop);
    if (p.timer >= 0)
        close(p.timer);
    if (p.epoll >= 0)
        close(p.epoll);
    return status;
}
