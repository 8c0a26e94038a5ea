/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: seal-bench-tirpc-client SYSTEM PORT SERVER_PID LOAD SECONDS [CALLS]
 * Puts one load on seal-bench-tirpc-server. A call blocks its connection, so each call in flight
 * has a connection and a thread of its own, however many connections the load asks for.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <rpc/rpcsec_gss.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/peers/common/peer.h"
#include "tirpc.h"

typedef struct worker {
    peer_client *client;
    CLIENT *conn;
    uint8_t *request;
    uint8_t *reply;
    pthread_t thread;
} worker;

/* Guards begun and window of the client. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- Connections ---- */

static int connect_to(const struct sockaddr_in *addr) {
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)(const void *)addr, sizeof *addr) < 0)
        peer_die("cannot connect", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

_Noreturn static void die_of_refusal(const rpc_gss_options_ret_t *status) {
    OM_uint32 minor = 0;
    OM_uint32 more = 0;
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    char why[512];
    gss_display_status(&minor, (OM_uint32)status->minor_status, GSS_C_MECH_CODE, GSS_C_NO_OID,
                       &more, &text);
    snprintf(why, sizeof why, "%.*s (GSSAPI %#x); see klist, and klist -k for the server",
             (int)text.length, (const char *)text.value, (unsigned)status->major_status);
    peer_die(tirpc_service, why);
}

static void authenticate(CLIENT *conn) {
    rpc_gss_options_ret_t status = {.major_status = 0};
    conn->cl_auth = rpc_gss_seccreate(conn, tirpc_service, tirpc_mechanism, rpcsec_gss_svc_privacy,
                                      NULL, NULL, &status);
    if (conn->cl_auth == NULL)
        die_of_refusal(&status);
}

static CLIENT *open_conn(const peer_client *client) {
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons(client->port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct netbuf address = {.maxlen = sizeof addr, .len = sizeof addr, .buf = &addr};
    CLIENT *conn = clnt_vc_create(connect_to(&addr), &address, TIRPC_ECHO_PROGRAM,
                                  TIRPC_ECHO_VERSION, TIRPC_BUFFER, TIRPC_BUFFER);
    if (conn == NULL)
        peer_die("cannot make a client", clnt_spcreateerror("clnt_vc_create"));
    clnt_control(conn, CLSET_FD_CLOSE, NULL);
    authenticate(conn);
    return conn;
}

/* The context is destroyed at the server, too; it would keep it otherwise. */
static void close_conn(CLIENT *conn) {
    auth_destroy(conn->cl_auth);
    clnt_destroy(conn);
}

/* ---- Calls ---- */

static void init_worker(worker *self, peer_client *client) {
    *self = (worker){.client = client,
                     .request = peer_alloc(1, client->load.size),
                     .reply = peer_alloc(1, TIRPC_MAX_PAYLOAD)};
}

static void done_worker(worker *self) {
    free(self->request);
    free(self->reply);
}

static void call_echo(const worker *self, uint64_t number) {
    const struct timeval timeout = {.tv_sec = PEER_TIMEOUT_S};
    const peer_client *client = self->client;
    tirpc_echo_data request = {
        .payload = {.payload_len = (u_int)client->load.size, .payload_val = (char *)self->request}};
    tirpc_echo_data reply = {.payload = {.payload_val = (char *)self->reply}};
    peer_fill(client, number, self->request);
    enum clnt_stat status =
        clnt_call(self->conn, TIRPC_ECHO, (xdrproc_t)xdr_tirpc_echo_data, (char *)&request,
                  (xdrproc_t)xdr_tirpc_echo_data, (char *)&reply, timeout);
    if (status != RPC_SUCCESS)
        peer_die("a call failed", clnt_sperrno(status));
    peer_check(client, number, reply.payload.payload_val, reply.payload.payload_len);
}

/* Counts the call that has ended, if any, and takes the next. */
static bool take_next(peer_client *client, uint64_t started_ns, uint64_t now, uint64_t *number) {
    pthread_mutex_lock(&lock);
    if (now != 0)
        bench_window_count(&client->window, started_ns, now, 1);
    bool more = peer_begin_call(client, number);
    pthread_mutex_unlock(&lock);
    return more;
}

static void *run_worker(void *arg) {
    worker *self = arg;
    peer_client *client = self->client;
    bool fresh = client->load.kind == BENCH_HANDSHAKE;
    uint64_t number = 0;
    uint64_t now = 0;
    for (uint64_t started = bench_now_ns(); take_next(client, started, now, &number);) {
        started = now != 0 ? now : started;
        if (fresh)
            self->conn = open_conn(client);
        call_echo(self, number);
        if (fresh)
            close_conn(self->conn);
        now = bench_now_ns();
    }
    return NULL;
}

static void run_calls(peer_client *client) {
    unsigned n = client->load.in_flight;
    bool fresh = client->load.kind == BENCH_HANDSHAKE;
    worker *workers = peer_alloc(n, sizeof *workers);
    for (unsigned i = 0; i < n; i++) {
        init_worker(&workers[i], client);
        workers[i].conn = fresh ? NULL : open_conn(client);
    }
    bench_window_start(&client->window, &client->load, client->server, client->seconds,
                       client->calls);
    for (unsigned i = 0; i < n; i++) {
        int rc = pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]);
        if (rc != 0)
            peer_die("cannot start a thread", strerror(rc));
    }
    for (unsigned i = 0; i < n; i++) {
        pthread_join(workers[i].thread, NULL);
        if (!fresh)
            close_conn(workers[i].conn);
        done_worker(&workers[i]);
    }
    free(workers);
    peer_print_window(client);
}

/* ---- Idle connections ---- */

static void *open_idle(peer_client *client) {
    worker self;
    init_worker(&self, client);
    self.conn = open_conn(client);
    call_echo(&self, 0);
    done_worker(&self);
    return self.conn;
}

static void close_idle(peer_client *client, void *conn) {
    (void)client;
    close_conn(conn);
}

int main(int argc, char **argv) {
    static const peer_idle_ops idle_ops = {.open = open_idle, .close = close_idle, .files_each = 1};
    static peer_client client;
    peer_client_init(&client, argc, argv, TIRPC_MAX_PAYLOAD,
                     1 << BENCH_ECHO | 1 << BENCH_HANDSHAKE | 1 << BENCH_IDLE);
    if (client.load.kind == BENCH_IDLE)
        peer_run_idle(&client, &idle_ops);
    else
        run_calls(&client);
    peer_client_done(&client);
    return 0;
}
