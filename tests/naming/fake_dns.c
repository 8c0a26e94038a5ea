/* SPDX-License-Identifier: Apache-2.0 */
#include "naming/fake_dns.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/cmocka_all.h"

static const struct sockaddr *any(const struct sockaddr_in *in) {
    return (const struct sockaddr *)(const void *)in;
}

static void took_query(fake_dns *fake, const uint8_t *query, size_t len, fake_connection *c) {
    assert_true(len > 12);
    fake->n_queries++;
    fake->n_tcp += c != NULL;
    fake->id = (uint16_t)(query[0] << 8 | query[1]);
    fake->over_tcp = c;
    fake->asked(fake);
}

/* ---- UDP ---- */

static void on_datagram(uv_poll_t *poll, int status, int events) {
    fake_dns *fake = poll->data;
    uint8_t query[512];
    socklen_t len = sizeof fake->from;
    if (status < 0 || (events & UV_READABLE) == 0)
        return;
    ssize_t n =
        recvfrom(fake->fd, query, sizeof query, 0, (struct sockaddr *)(void *)&fake->from, &len);
    if (n > 0)
        took_query(fake, query, (size_t)n, NULL);
}

/* ---- TCP ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    fake_connection *c = handle->data;
    (void)suggested;
    *buf = uv_buf_init((char *)c->in + c->len, (unsigned)(sizeof c->in - c->len));
}

static void close_connection(fake_connection *c) {
    if (!uv_is_closing((uv_handle_t *)&c->tcp))
        uv_close((uv_handle_t *)&c->tcp, NULL);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
    fake_connection *c = stream->data;
    (void)buf;
    if (n < 0) {
        close_connection(c);
        return;
    }
    c->len += (size_t)n;
    if (c->len < 2)
        return;
    size_t wanted = (size_t)c->in[0] << 8 | c->in[1];
    if (c->len < wanted + 2)
        return;
    c->len = 0;
    took_query(c->fake, c->in + 2, wanted, c);
}

static void on_connection(uv_stream_t *stream, int status) {
    fake_dns *fake = stream->data;
    assert_int_equal(status, 0);
    assert_true(fake->n_connections < FAKE_CONNECTIONS);
    fake_connection *c = &fake->connections[fake->n_connections++];
    *c = (fake_connection){.fake = fake};
    uv_tcp_init(fake->loop, &c->tcp);
    c->tcp.data = c;
    assert_int_equal(uv_accept(stream, (uv_stream_t *)&c->tcp), 0);
    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

typedef struct writing {
    uv_write_t request;
    uint8_t bytes[];
} writing;

static void on_written(uv_write_t *request, int status) {
    (void)status;
    free(request->data);
}

void fake_dns_send_raw(fake_dns *fake, const void *bytes, size_t len) {
    assert_non_null(fake->over_tcp);
    if (len == 0) {
        close_connection(fake->over_tcp);
        return;
    }
    writing *w = malloc(sizeof *w + len);
    assert_non_null(w);
    memcpy(w->bytes, bytes, len);
    w->request.data = w;
    uv_buf_t buf = uv_buf_init((char *)w->bytes, (unsigned)len);
    assert_int_equal(
        uv_write(&w->request, (uv_stream_t *)&fake->over_tcp->tcp, &buf, 1, on_written), 0);
}

/* ---- Both ---- */

void fake_dns_send_as(fake_dns *fake, wire *reply, uint16_t id) {
    reply->bytes[0] = (uint8_t)(id >> 8);
    reply->bytes[1] = (uint8_t)id;
    if (fake->over_tcp == NULL) {
        assert_int_equal(
            sendto(fake->fd, reply->bytes, reply->len, 0, any(&fake->from), sizeof fake->from),
            reply->len);
        return;
    }
    const uint8_t prefix[] = {(uint8_t)(reply->len >> 8), (uint8_t)reply->len};
    fake_dns_send_raw(fake, prefix, sizeof prefix);
    fake_dns_send_raw(fake, reply->bytes, reply->len);
}

void fake_dns_send(fake_dns *fake, wire *reply) {
    wire_end(reply);
    fake_dns_send_as(fake, reply, fake->id);
}

/* The port that UDP got may be taken for TCP: then another one. */
static bool try_port(fake_dns *fake, bool with_tcp) {
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof in;
    fake->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fake->fd >= 0);
    assert_int_equal(bind(fake->fd, any(&in), sizeof in), 0);
    assert_int_equal(getsockname(fake->fd, (struct sockaddr *)(void *)&in, &len), 0);
    fake->port = ntohs(in.sin_port);
    if (!with_tcp)
        return true;
    uv_tcp_init(fake->loop, &fake->listener);
    fake->listener.data = fake;
    if (uv_tcp_bind(&fake->listener, any(&in), 0) == 0 &&
        uv_listen((uv_stream_t *)&fake->listener, 8, on_connection) == 0)
        return true;
    close(fake->fd);
    uv_close((uv_handle_t *)&fake->listener, NULL);
    uv_run(fake->loop, UV_RUN_NOWAIT);
    return false;
}

void fake_dns_init(fake_dns *fake, uv_loop_t *loop, bool with_tcp, fake_dns_fn *asked, void *user) {
    memset(fake, 0, sizeof *fake);
    fake->asked = asked;
    fake->user = user;
    fake->loop = loop;
    fake->listens = with_tcp;
    int tries = 0;
    while (!try_port(fake, with_tcp))
        assert_true(++tries < 20);
    uv_poll_init(loop, &fake->poll, fake->fd);
    fake->poll.data = fake;
    uv_poll_start(&fake->poll, UV_READABLE, on_datagram);
}

void fake_dns_close(fake_dns *fake) {
    uv_close((uv_handle_t *)&fake->poll, NULL);
    close(fake->fd);
    if (fake->listens)
        uv_close((uv_handle_t *)&fake->listener, NULL);
    for (size_t i = 0; i < fake->n_connections; i++)
        close_connection(&fake->connections[i]);
}
