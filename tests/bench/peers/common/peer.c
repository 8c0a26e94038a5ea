/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peers/common/peer.h"

#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

_Noreturn void peer_die(const char *what, const char *why) {
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, why);
    _exit(1);
}

void *peer_alloc(size_t n, size_t size) {
    void *ptr = calloc(n, size);
    if (ptr == NULL)
        peer_die("memory", "none left");
    return ptr;
}

/* ---- The process ---- */

void peer_prepare_process(void) {
    struct rlimit files;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

void peer_block_sigterm(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

int peer_listen(uint16_t *ret_port) {
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *any = (struct sockaddr *)(void *)&addr;
    socklen_t len = sizeof addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, any, sizeof addr) < 0 || listen(fd, 4096) < 0 ||
        getsockname(fd, any, &len) < 0)
        peer_die("cannot listen on 127.0.0.1", strerror(errno));
    *ret_port = ntohs(addr.sin_port);
    return fd;
}

/* ---- The client ---- */

void peer_client_init(peer_client *client, int argc, char **argv, size_t max_size, unsigned kinds) {
    if (argc < 6 || !bench_load_parse(argv[4], &client->load)) {
        fprintf(stderr, "usage: %s SYSTEM PORT SERVER_PID LOAD SECONDS [CALLS]\n",
                program_invocation_short_name);
        exit(2);
    }
    if ((kinds >> client->load.kind & 1) == 0 || client->load.unread ||
        client->load.size > max_size) {
        fprintf(stderr, "%s: %s does not apply to %s\n", program_invocation_short_name, argv[4],
                argv[1]);
        exit(BENCH_EXIT_NOT_APPLICABLE);
    }
    peer_prepare_process();
    client->port = (uint16_t)strtoul(argv[2], NULL, 10);
    client->server = (pid_t)strtol(argv[3], NULL, 10);
    client->seconds = strtod(argv[5], NULL);
    client->calls = argc > 6 ? strtoull(argv[6], NULL, 10) : 0;
    client->payload = peer_alloc(1, client->load.size);
    bench_payload_fill(client->payload, client->load.size);
}

void peer_client_done(peer_client *client) {
    free(client->payload);
}

bool peer_begin_call(peer_client *client, uint64_t *ret_number) {
    if (bench_window_wants(&client->window, &client->load, client->begun) == 0)
        return false;
    *ret_number = client->begun++;
    return true;
}

void peer_fill(const peer_client *client, uint64_t number, void *payload) {
    memcpy(payload, client->payload, client->load.size);
    bench_payload_mark(payload, number);
}

void peer_check(const peer_client *client, uint64_t number, const void *payload, size_t len) {
    if (!bench_payload_is(payload, len, client->load.size, number,
                          client->calls > 0 ? client->payload : NULL))
        peer_die("echo", "not what was sent");
}

void peer_print_window(const peer_client *client) {
    double figures[BENCH_FIELDS];
    bench_window_figures(&client->window, figures);
    bench_print_figures(figures);
}

/* ---- Idle connections ---- */

enum { REST_MS = 2000, SETTLE_MS = 300, FILES_TO_SPARE = 100 };

static void rest_ms(unsigned ms) {
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    while (nanosleep(&time, &time) < 0 && errno == EINTR)
        continue;
}

/* As many as the limit on open files leaves, which is the same for the server. */
static unsigned possible(unsigned wanted, unsigned files_each) {
    struct rlimit files;
    unsigned n = wanted;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 &&
        files.rlim_cur < (rlim_t)wanted * files_each + FILES_TO_SPARE)
        n = ((unsigned)files.rlim_cur - FILES_TO_SPARE) / files_each;
    if (n < wanted)
        fprintf(stderr,
                "%s: %u idle connections instead of %u: no more files may be open (ulimit -Hn)\n",
                program_invocation_short_name, n, wanted);
    return n;
}

static void measure_rest(const peer_client *client, unsigned n, double figures[BENCH_FIELDS]) {
    uint64_t began = bench_now_ns();
    double server = bench_cpu_us(client->server);
    double self = bench_cpu_us(getpid());
    rest_ms(REST_MS);
    double seconds = (double)(bench_now_ns() - began) / 1e9;
    figures[2] = (bench_cpu_us(client->server) - server) / n / seconds;
    figures[3] = (bench_cpu_us(getpid()) - self) / n / seconds;
}

typedef struct opener {
    peer_client *client;
    const peer_idle_ops *ops;
    void **conns;
    unsigned n;
    unsigned first;
    pthread_t thread;
} opener;

static void *run_opener(void *arg) {
    const opener *self = arg;
    for (unsigned i = self->first; i < self->n; i += self->client->load.in_flight) {
        if (self->conns[i] == NULL)
            self->conns[i] = self->ops->open(self->client);
        else
            self->ops->close(self->client, self->conns[i]);
    }
    return NULL;
}

/* As many at a time as the load says: one after another mostly waits. Opens what is not
 * open, closes what is. */
static void open_or_close(peer_client *client, const peer_idle_ops *ops, void **conns, unsigned n) {
    unsigned n_openers = client->load.in_flight;
    opener *openers = peer_alloc(n_openers, sizeof *openers);
    for (unsigned i = 0; i < n_openers; i++) {
        openers[i] = (opener){.client = client, .ops = ops, .conns = conns, .n = n, .first = i};
        int rc = pthread_create(&openers[i].thread, NULL, run_opener, &openers[i]);
        if (rc != 0)
            peer_die("cannot start a thread", strerror(rc));
    }
    for (unsigned i = 0; i < n_openers; i++)
        pthread_join(openers[i].thread, NULL);
    free(openers);
}

/* The first connections pay for what is shared: threads, tables, the heap's first pages. */
void peer_run_idle(peer_client *client, const peer_idle_ops *ops) {
    double figures[BENCH_FIELDS] = {0};
    unsigned first = 2 * client->load.in_flight;
    unsigned n = client->calls > 0
                     ? (unsigned)client->calls
                     : possible(client->load.connections + first, ops->files_each) - first;
    void **conns = peer_alloc((size_t)first + n, sizeof(void *));
    mallopt(M_ARENA_MAX, 1); /* the threads that open connections go away */
    open_or_close(client, ops, conns, first);
    rest_ms(SETTLE_MS);
    double server = bench_resident_bytes(client->server);
    double self = bench_resident_bytes(getpid());
    open_or_close(client, ops, conns + first, n);
    rest_ms(SETTLE_MS);
    figures[0] = (bench_resident_bytes(client->server) - server) / n;
    figures[1] = (bench_resident_bytes(getpid()) - self) / n;
    if (client->calls == 0)
        measure_rest(client, n, figures);
    figures[4] = n;
    bench_print_figures(figures);
    open_or_close(client, ops, conns, first + n);
    free(conns);
}
