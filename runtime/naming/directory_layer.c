/* SPDX-License-Identifier: Apache-2.0 */
/* The security layer of SASL/GSSAPI (RFC 4752): packets of four octets of length and a sealed
 * message. */
#include "naming/directory_internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { HEAD = 4 };

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- Reading: never blocks, libldap waits in poll ---- */

static ber_slen_t receive(const seal__directory_layer *layer, void *to, size_t len) {
    ssize_t n = 0;
    do {
        n = recv(layer->fd, to, len, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n;
}

static ber_slen_t refuse(seal__directory_layer *layer) {
    layer->tampered = true;
    errno = ECONNABORTED;
    return -1;
}

/* Reads until the packet has `len` bytes. 1; 0: the end; -1 with errno. */
static ber_slen_t fill(seal__directory_layer *layer, size_t len) {
    while (layer->packet.len < len) {
        size_t have = layer->packet.len;
        uint8_t *to = seal__buf_reserve(&layer->packet, len - have);
        if (to == NULL) {
            errno = ENOMEM;
            return -1;
        }
        ber_slen_t n = receive(layer, to, len - have);
        layer->packet.len = have + (n > 0 ? (size_t)n : 0);
        if (n <= 0)
            return n;
    }
    return 1;
}

static ber_slen_t read_packet(seal__directory_layer *layer) {
    ber_slen_t n = fill(layer, HEAD);
    if (n <= 0)
        return n;
    uint32_t len = seal__load_u32(layer->packet.data);
    if (len == 0 || len > SEAL__DIRECTORY_MAX_PACKET)
        return refuse(layer);
    n = fill(layer, HEAD + (size_t)len);
    if (n <= 0)
        return n;
    seal__buf_reset(&layer->plain);
    layer->taken = 0;
    int rc =
        layer->mech->ops->unwrap(layer->mech, true, layer->packet.data + HEAD, len, &layer->plain);
    seal__buf_reset(&layer->packet);
    return rc < 0 ? refuse(layer) : 1;
}

static ber_slen_t layer_read(Sockbuf_IO_Desc *desc, void *to, ber_len_t len) {
    seal__directory_layer *layer = desc->sbiod_pvt;
    if (layer->mech == NULL)
        return receive(layer, to, len);
    if (layer->tampered)
        return refuse(layer);
    if (layer->taken == layer->plain.len) {
        ber_slen_t n = read_packet(layer);
        if (n <= 0)
            return n;
    }
    size_t left = layer->plain.len - layer->taken;
    if (left == 0) { /* a packet of nothing; libldap looks at the time before it comes again */
        errno = EAGAIN;
        return -1;
    }
    size_t n = len < left ? len : left;
    memcpy(to, layer->plain.data + layer->taken, n);
    layer->taken += n;
    return (ber_slen_t)n;
}

/* ---- Writing: all of it, or the connection is over ---- */

static bool wait_writable(const seal__directory_layer *layer, int64_t deadline_ms) {
    struct pollfd at = {.fd = layer->fd, .events = POLLOUT};
    int64_t left = deadline_ms - now_ms();
    int n = left <= 0 ? 0 : poll(&at, 1, (int)left);
    if (n == 0)
        errno = ETIMEDOUT;
    return n > 0 || (n < 0 && errno == EINTR);
}

static bool send_all(const seal__directory_layer *layer, const uint8_t *bytes, size_t len) {
    int64_t deadline_ms = now_ms() + layer->timeout_ms;
    while (len > 0) {
        ssize_t n = send(layer->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (!wait_writable(layer, deadline_ms))
                return false;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static bool send_sealed(seal__directory_layer *layer, const uint8_t *bytes, size_t len) {
    seal__buf_reset(&layer->out);
    uint8_t *head = seal__buf_reserve(&layer->out, HEAD);
    if (head == NULL || layer->mech->ops->wrap(layer->mech, true, bytes, len, &layer->out) < 0) {
        errno = ECONNABORTED;
        return false;
    }
    seal__store_u32(layer->out.data, (uint32_t)(layer->out.len - HEAD));
    return send_all(layer, layer->out.data, layer->out.len);
}

static ber_slen_t layer_write(Sockbuf_IO_Desc *desc, void *from, ber_len_t len) {
    seal__directory_layer *layer = desc->sbiod_pvt;
    if (layer->mech == NULL)
        return send_all(layer, from, len) ? (ber_slen_t)len : -1;
    size_t n = len < layer->send_max ? len : layer->send_max;
    return send_sealed(layer, from, n) ? (ber_slen_t)n : -1;
}

/* ---- In libldap's connection ---- */

static int layer_setup(Sockbuf_IO_Desc *desc, void *arg) {
    desc->sbiod_pvt = arg;
    return 0;
}

static int layer_remove(Sockbuf_IO_Desc *desc) {
    desc->sbiod_pvt = NULL;
    return 0;
}

/* libldap must not sleep on the socket while there is something to be handed up. */
static int layer_control(Sockbuf_IO_Desc *desc, int option, void *arg) {
    const seal__directory_layer *layer = desc->sbiod_pvt;
    if (option == LBER_SB_OPT_DATA_READY && layer->taken < layer->plain.len)
        return 1;
    return LBER_SBIOD_CTRL_NEXT(desc, option, arg);
}

static int layer_close(Sockbuf_IO_Desc *desc) {
    (void)desc;
    return 0;
}

bool seal__directory_layer_attach(seal__directory_layer *layer, Sockbuf *sockbuf) {
    static Sockbuf_IO io = {.sbi_setup = layer_setup,
                            .sbi_remove = layer_remove,
                            .sbi_ctrl = layer_control,
                            .sbi_read = layer_read,
                            .sbi_write = layer_write,
                            .sbi_close = layer_close};
    ber_len_t max = SEAL__DIRECTORY_MAX_LOGIN;
    return ber_sockbuf_ctrl(sockbuf, LBER_SB_OPT_GET_FD, &layer->fd) > 0 &&
           ber_sockbuf_ctrl(sockbuf, LBER_SB_OPT_SET_MAX_INCOMING, &max) >= 0 &&
           ber_sockbuf_add_io(sockbuf, &io, LBER_SBIOD_LEVEL_APPLICATION, layer) == 0;
}

void seal__directory_layer_init(seal__directory_layer *layer, const seal_allocator *alloc,
                                uint32_t timeout_ms) {
    *layer = (seal__directory_layer){.fd = -1, .timeout_ms = timeout_ms};
    seal__buf_init(&layer->packet, alloc, HEAD + SEAL__DIRECTORY_MAX_PACKET);
    seal__buf_init(&layer->plain, alloc, SEAL__DIRECTORY_MAX_PACKET);
    seal__buf_init(&layer->out, alloc, HEAD + 2 * SEAL__DIRECTORY_MAX_PACKET);
}

void seal__directory_layer_done(seal__directory_layer *layer) {
    if (layer->mech != NULL)
        layer->mech->ops->free(layer->mech);
    layer->mech = NULL;
    seal__buf_done_wiped(&layer->packet);
    seal__buf_done_wiped(&layer->plain);
    seal__buf_done_wiped(&layer->out);
}
