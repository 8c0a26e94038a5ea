/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: seal-bench-tirpc-server SYSTEM [MAX_STREAMS]
 * An echo server with libtirpc: ONC RPC, RPCSEC_GSS with Kerberos, sealed calls only. One thread,
 * as the library has it; connections are watched with epoll, which is quicker than svc_run's poll.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <rpc/auth_gss.h>
#include <rpc/rpcsec_gss.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/peers/common/peer.h"
#include "tirpc.h"

/* ---- Calls ---- */

/* The client picks the protection; a service has to look itself. */
static bool is_sealed(const struct svc_req *request) {
    const struct rpc_gss_cred *cred = (const void *)request->rq_clntcred;
    return request->rq_cred.oa_flavor == RPCSEC_GSS && cred->gc_svc == RPCSEC_GSS_SVC_PRIVACY;
}

static void echo(SVCXPRT *conn) {
    static char payload[TIRPC_MAX_PAYLOAD]; /* spares an allocation for each call */
    tirpc_echo_data data = {.payload = {.payload_val = payload}};
    if (!svc_getargs(conn, (xdrproc_t)xdr_tirpc_echo_data, (char *)&data))
        svcerr_decode(conn);
    else
        svc_sendreply(conn, (xdrproc_t)xdr_tirpc_echo_data, (char *)&data);
}

static void dispatch(struct svc_req *request, SVCXPRT *conn) {
    if (!is_sealed(request))
        svcerr_weakauth(conn);
    else if (request->rq_proc != TIRPC_ECHO)
        svcerr_noproc(conn);
    else
        echo(conn);
}

/* ---- Connections ---- */

static void watch(int epoll, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        peer_die("epoll_ctl", strerror(errno));
}

/* libtirpc's own accepting does the same, and does not tell the descriptor. */
static void accept_one(int epoll, int listener) {
    int on = 1;
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (svc_fd_create(fd, TIRPC_BUFFER, TIRPC_BUFFER) == NULL)
        peer_die("svc_fd_create", "no transport for a connection");
    watch(epoll, fd);
}

/* A connection that ends is closed by libtirpc, and so leaves the set. */
static void serve(int epoll, int listener, int signals) {
    struct epoll_event events[256];
    for (;;) {
        int n = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == signals)
                return;
            if (fd == listener)
                accept_one(epoll, listener);
            else
                svc_getreq_common(fd);
        }
    }
}

static int open_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    peer_block_sigterm();
    int fd = signalfd(-1, &set, SFD_CLOEXEC);
    if (fd < 0)
        peer_die("signalfd", strerror(errno));
    return fd;
}

int main(void) {
    uint16_t port = 0;
    peer_prepare_process();
    int signals = open_signals();
    int listener = peer_listen(&port);
    /* The listener's transport is there because services are registered with one. */
    SVCXPRT *transport = svc_vc_create(listener, TIRPC_BUFFER, TIRPC_BUFFER);
    if (transport == NULL ||
        !svc_reg(transport, TIRPC_ECHO_PROGRAM, TIRPC_ECHO_VERSION, dispatch, NULL))
        peer_die("svc_reg", "the service cannot be registered");
    if (!rpc_gss_set_svc_name(tirpc_service, tirpc_mechanism, 0, TIRPC_ECHO_PROGRAM,
                              TIRPC_ECHO_VERSION))
        peer_die("rpc_gss_set_svc_name",
                 "no key for bench/localhost in the keytab; see with klist -k \"$KRB5_KTNAME\"");
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        peer_die("epoll_create1", strerror(errno));
    watch(epoll, signals);
    watch(epoll, listener);
    printf("port: %u\n", port);
    fflush(stdout);
    serve(epoll, listener, signals);
    return 0;
}
