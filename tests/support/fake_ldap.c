/* SPDX-License-Identifier: Apache-2.0 */
#include "support/fake_ldap.h"

#include <assert.h>
#include <lber.h>
#include <ldap.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "secure/gss/gss.h"

enum { MAX_CONNECTIONS = 64, MAX_STREAM = 1 << 20 };

typedef struct connection {
    struct fake_ldap *fake;
    pthread_t thread;
    int fd;
    seal__mech *mech;
    int stage; /* of the login: legs, offer, choice */
    bool sealed;
    seal__buf in;   /* opened, not taken yet */
    seal__buf held; /* to be sent with what follows */
} connection;

struct fake_ldap {
    fake_ldap_mode mode;
    fake_ldap_script script;
    seal__gss_acceptor *acceptor;
    int listen_fd;
    int stop_fds[2];
    char uri[64];
    pthread_t thread;
    pthread_mutex_t lock;
    unsigned n; /* under lock */
    connection connections[MAX_CONNECTIONS];
};

/* ---- Bytes ---- */

static bool write_all(int fd, const void *bytes, size_t len) {
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool read_all(int fd, void *bytes, size_t len) {
    char *at = bytes;
    while (len > 0) {
        ssize_t n = recv(fd, at, len, 0);
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool send_sealed(const connection *c, const uint8_t *bytes, size_t len) {
    fake_ldap_mode mode = c->fake->mode;
    seal__buf out;
    seal__buf_init(&out, &seal__default_allocator, 1 << 22);
    seal__buf_put_u32(&out, 0);
    bool ok = c->mech->ops->wrap(c->mech, true, bytes, len, &out) == 0;
    seal__store_u32(out.data, mode == FAKE_LDAP_GIANT ? 0x7fffffff : (uint32_t)out.len - 4);
    if (mode == FAKE_LDAP_TAMPERED)
        out.data[out.len - 1] ^= 1;
    ok = ok && write_all(c->fd, out.data, mode == FAKE_LDAP_HALF ? out.len / 2 : out.len);
    if (mode == FAKE_LDAP_REPLAYED)
        ok = ok && write_all(c->fd, out.data, out.len);
    seal__buf_done(&out);
    return ok;
}

static bool send_bytes(const connection *c, const uint8_t *at, size_t left) {
    bool clear = !c->sealed || c->fake->mode == FAKE_LDAP_CLEAR;
    bool ok = true;
    while (ok && left > 0) {
        size_t n = left < 32768 ? left : 32768;
        ok = clear ? write_all(c->fd, at, n) : send_sealed(c, at, n);
        at += n;
        left -= n;
    }
    return ok;
}

/* Takes over `ber`. */
static bool reply(connection *c, BerElement *ber, bool is_last) {
    struct berval flat;
    bool ok = ber_flatten2(ber, &flat, 0) == 0;
    if (ok)
        seal__buf_put(&c->held, flat.bv_val, flat.bv_len);
    ber_free(ber, 1);
    if (ok && (is_last || c->fake->mode != FAKE_LDAP_PACKED)) {
        ok = send_bytes(c, c->held.data, c->held.len);
        seal__buf_reset(&c->held);
    }
    return ok && !c->held.failed;
}

static bool receive(connection *c) {
    uint8_t chunk[65536];
    if (!c->sealed) {
        ssize_t n = recv(c->fd, chunk, sizeof chunk, 0);
        seal__buf_put(&c->in, chunk, n > 0 ? (size_t)n : 0);
        return n > 0;
    }
    uint8_t head[4];
    if (!read_all(c->fd, head, sizeof head))
        return false;
    uint32_t len = seal__load_u32(head);
    return len <= sizeof chunk && read_all(c->fd, chunk, len) &&
           c->mech->ops->unwrap(c->mech, true, chunk, len, &c->in) == 0;
}

/* The length of the message at the beginning of the stream; 0: not known yet. */
static size_t message_length(const seal__buf *in) {
    if (in->len < 2)
        return 0;
    size_t len = in->data[1];
    size_t more = len & 0x80 ? len & 0x7f : 0;
    if (more > 4 || in->len < 2 + more)
        return 0;
    len = more > 0 ? 0 : len;
    for (size_t i = 0; i < more; i++)
        len = len << 8 | in->data[2 + i];
    return 2 + more + len;
}

static bool next_message(connection *c, struct berval *ret_message) {
    for (;;) {
        size_t len = message_length(&c->in);
        if (len > 0 && c->in.len >= len) {
            ret_message->bv_len = len;
            ret_message->bv_val = malloc(len);
            memcpy(ret_message->bv_val, c->in.data, len);
            seal__buf_consume(&c->in, len);
            return true;
        }
        if (!receive(c))
            return false;
    }
}

/* ---- Answers ---- */

static bool send_result(connection *c, int msgid, ber_tag_t tag, int code) {
    BerElement *ber = ber_alloc_t(LBER_USE_DER);
    ber_printf(ber, "{it{ess}}", msgid, tag, code, "", "");
    return reply(c, ber, true);
}

static bool send_bind(connection *c, int msgid, int code, const void *token, size_t len) {
    BerElement *ber = ber_alloc_t(LBER_USE_DER);
    ber_printf(ber, "{it{ess", msgid, LDAP_RES_BIND, code, "", "");
    if (token != NULL)
        ber_printf(ber, "to", LDAP_TAG_SASL_RES_CREDS, (const char *)token, len);
    ber_printf(ber, "}}");
    return reply(c, ber, true);
}

static bool send_entry(connection *c, int msgid, const char *dn, size_t n,
                       const fake_ldap_value *values) {
    BerElement *ber = ber_alloc_t(LBER_USE_DER);
    ber_printf(ber, "{it{s{", msgid, LDAP_RES_SEARCH_ENTRY, dn);
    for (size_t i = 0; i < n;) {
        const char *name = values[i].name;
        ber_printf(ber, "{s[", name);
        for (; i < n && strcmp(values[i].name, name) == 0; i++)
            ber_printf(ber, "o", values[i].value, values[i].len);
        ber_printf(ber, "]}");
    }
    ber_printf(ber, "}}}");
    return reply(c, ber, false);
}

static bool send_reference(connection *c, int msgid) {
    BerElement *ber = ber_alloc_t(LBER_USE_DER);
    ber_printf(ber, "{it{s}}", msgid, LDAP_RES_SEARCH_REFERENCE,
               "ldap://localhost:1/dc=elsewhere,dc=test??sub");
    return reply(c, ber, false);
}

/* {0, [APPLICATION 24] {success, "", "", [10] ""}} */
static const uint8_t notice[] = {0x30, 0x0e, 0x02, 0x01, 0x00, 0x78, 0x09, 0x0a,
                                 0x01, 0x00, 0x04, 0x00, 0x04, 0x00, 0x8a, 0x00};

static bool send_root(connection *c, int msgid) {
    static const fake_ldap_value values[] = {
        {"namingContexts", "dc=sealrpc,dc=test", 18},
        {"supportedControl", LDAP_CONTROL_SYNC, sizeof LDAP_CONTROL_SYNC - 1}};
    return send_entry(c, msgid, "", c->fake->script.sync_result != 0 ? 2 : 1, values) &&
           send_result(c, msgid, LDAP_RES_SEARCH_RESULT, LDAP_SUCCESS);
}

static bool send_script(connection *c, int msgid) {
    const fake_ldap_script *s = &c->fake->script;
    bool ok = true;
    for (size_t i = 0; ok && i < s->references; i++)
        ok = send_reference(c, msgid);
    for (size_t i = 0; ok && i < s->n; i++)
        ok = send_entry(c, msgid, s->entries[i].dn, s->entries[i].n, s->entries[i].values);
    for (size_t i = 0; ok && i < s->repeat; i++) {
        const fake_ldap_entry *last = &s->entries[s->n - 1];
        char dn[512];
        snprintf(dn, sizeof dn, "cn=%zu,%s", i, last->dn);
        ok = send_entry(c, msgid, dn, last->n, last->values);
    }
    return ok && send_result(c, msgid, LDAP_RES_SEARCH_RESULT, s->result);
}

static bool send_account(connection *c, int msgid) {
    return send_entry(c, msgid, c->fake->script.account, 0, NULL) &&
           send_result(c, msgid, LDAP_RES_SEARCH_RESULT, LDAP_SUCCESS);
}

/* ---- The login of those with a key ---- */

static bool bind_leg(connection *c, int msgid, const struct berval *token) {
    static const uint8_t offers[2][4] = {{7, 0, 0xff, 0xff}, {1, 0, 0xff, 0xff}};
    const uint8_t *in = (const uint8_t *)token->bv_val;
    seal__buf out;
    seal__buf_init(&out, &seal__default_allocator, MAX_STREAM);
    int rc = 0;
    if (c->mech == NULL)
        rc = seal__gss_acceptor_context(c->fake->acceptor, SEAL_MECHANISM_KRB5, NULL, &c->mech,
                                        NULL);
    int code = LDAP_SASL_BIND_IN_PROGRESS;
    if (rc == 0 && c->stage == 0) {
        rc = c->mech->ops->step(c->mech, in, token->bv_len, &out, NULL);
        c->stage += rc == SEAL__MECH_DONE;
        rc = rc > 0 ? 0 : rc;
    } else if (rc == 0 && c->stage == 1) {
        rc = c->mech->ops->wrap(c->mech, false, offers[c->fake->mode == FAKE_LDAP_NO_LAYER], 4,
                                &out);
        c->stage++;
    } else if (rc == 0) {
        rc = c->mech->ops->unwrap(c->mech, false, in, token->bv_len, &out);
        code = LDAP_SUCCESS;
    }
    if (rc < 0)
        code = LDAP_INVALID_CREDENTIALS;
    bool ok =
        send_bind(c, msgid, code, code == LDAP_SASL_BIND_IN_PROGRESS ? out.data : NULL, out.len);
    c->sealed = code == LDAP_SUCCESS;
    seal__buf_done(&out);
    return ok;
}

static bool answer_bind(connection *c, int msgid, BerElement *ber) {
    ber_int_t version = 0;
    ber_len_t len = 0;
    struct berval name = {0, NULL};
    struct berval mechanism = {0, NULL};
    struct berval token = {0, NULL};
    if (c->fake->mode == FAKE_LDAP_IMPOSTOR)
        return send_bind(c, msgid, LDAP_SUCCESS, NULL, 0);
    if (c->fake->mode == FAKE_LDAP_BAD_TOKEN)
        return send_bind(c, msgid, LDAP_SASL_BIND_IN_PROGRESS, "rubbish", 7);
    if (ber_scanf(ber, "{im{m", &version, &name, &mechanism) == LBER_ERROR)
        return false;
    if (ber_peek_tag(ber, &len) == LBER_OCTETSTRING)
        ber_scanf(ber, "m", &token);
    return bind_leg(c, msgid, &token);
}

static bool has_text(const struct berval *message, const char *text) {
    return memmem(message->bv_val, message->bv_len, text, strlen(text)) != NULL;
}

/* What comes before the answer; false: there will be none. */
static bool prepare(connection *c) {
    bool ok = true;
    for (int i = 0; ok && c->fake->mode == FAKE_LDAP_NOTICES && i < 3; i++)
        ok = send_bytes(c, notice, sizeof notice);
    while (ok && c->fake->mode == FAKE_LDAP_EMPTY)
        ok = send_sealed(c, NULL, 0);
    return ok;
}

static bool answer_search(connection *c, int msgid, BerElement *ber, const struct berval *message) {
    struct berval base = {0, NULL};
    if (ber_scanf(ber, "{m", &base) == LBER_ERROR || !prepare(c))
        return false;
    if (has_text(message, LDAP_CONTROL_SYNC))
        return send_result(c, msgid, LDAP_RES_SEARCH_RESULT, c->fake->script.sync_result);
    if (c->fake->script.account != NULL && has_text(message, "servicePrincipalName"))
        return send_account(c, msgid);
    return base.bv_len == 0 ? send_root(c, msgid) : send_script(c, msgid);
}

static bool answer(connection *c, const struct berval *message) {
    struct berval bytes = *message;
    ber_int_t msgid = 0;
    ber_len_t len = 0;
    BerElement *ber = ber_init(&bytes);
    ber_scanf(ber, "{i", &msgid);
    bool ok = false;
    switch (ber_peek_tag(ber, &len)) {
    case LDAP_REQ_BIND:
        ok = answer_bind(c, msgid, ber);
        break;
    case LDAP_REQ_SEARCH:
        ok = c->fake->mode == FAKE_LDAP_STALLED || answer_search(c, msgid, ber, message);
        break;
    case LDAP_REQ_COMPARE:
        ok = send_result(c, msgid, LDAP_RES_COMPARE, LDAP_COMPARE_TRUE);
        break;
    case LDAP_REQ_ABANDON:
        ok = true;
        break;
    default:
        break;
    }
    ber_free(ber, 1);
    return ok;
}

/* ---- Connections ---- */

static void spoil(const connection *c) {
    static const uint8_t huge[] = {0x30, 0x84, 0x40, 0, 0, 0, 0x02, 0x01, 0x01};
    static const uint8_t large[] = {0x30, 0x84, 0, 0x10, 0, 0, 0x02, 0x01, 0x01};
    static const char noise[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    if (c->fake->mode == FAKE_LDAP_NOISE)
        write_all(c->fd, noise, sizeof noise - 1);
    if (c->fake->mode == FAKE_LDAP_HUGE)
        write_all(c->fd, huge, sizeof huge);
    if (c->fake->mode == FAKE_LDAP_LARGE)
        write_all(c->fd, large, sizeof large);
    if (c->fake->mode == FAKE_LDAP_NOTICE)
        write_all(c->fd, notice, sizeof notice);
    if (c->fake->mode != FAKE_LDAP_HANGUP) {
        char byte = 0;
        while (recv(c->fd, &byte, 1, 0) > 0) {
        }
    }
}

static void *serve(void *arg) {
    connection *c = arg;
    fake_ldap_mode mode = c->fake->mode;
    struct berval message;
    seal__buf_init(&c->in, &seal__default_allocator, MAX_STREAM);
    seal__buf_init(&c->held, &seal__default_allocator, 1 << 24);
    bool going = true;
    while (going && next_message(c, &message)) {
        going = mode == FAKE_LDAP_IMPOSTOR || mode >= FAKE_LDAP_BAD_TOKEN;
        if (going)
            going = answer(c, &message);
        else
            spoil(c);
        free(message.bv_val);
    }
    shutdown(c->fd, SHUT_RDWR);
    seal__buf_done(&c->in);
    seal__buf_done(&c->held);
    if (c->mech != NULL)
        c->mech->ops->free(c->mech);
    return NULL;
}

static void take_connection(fake_ldap *fake, int fd) {
    pthread_mutex_lock(&fake->lock);
    if (fake->n == MAX_CONNECTIONS) {
        close(fd);
    } else {
        connection *c = &fake->connections[fake->n++];
        c->fake = fake;
        c->fd = fd;
        if (pthread_create(&c->thread, NULL, serve, c) != 0)
            abort();
    }
    pthread_mutex_unlock(&fake->lock);
}

static void *listen_thread(void *arg) {
    fake_ldap *fake = arg;
    struct pollfd fds[2] = {{.fd = fake->listen_fd, .events = POLLIN},
                            {.fd = fake->stop_fds[0], .events = POLLIN}};
    while (poll(fds, 2, -1) >= 0 && fds[1].revents == 0) {
        int fd = accept(fake->listen_fd, NULL, NULL);
        int on = 1; /* an answer has several writes */
        if (fd >= 0 && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0)
            take_connection(fake, fd);
    }
    return NULL;
}

/* ---- The server ---- */

static void start_listening(fake_ldap *fake) {
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof addr;
    fake->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fake->listen_fd < 0 || bind(fake->listen_fd, (struct sockaddr *)&addr, len) != 0 ||
        listen(fake->listen_fd, 16) != 0 ||
        getsockname(fake->listen_fd, (struct sockaddr *)&addr, &len) != 0 ||
        pipe(fake->stop_fds) != 0)
        abort();
    snprintf(fake->uri, sizeof fake->uri, "ldap://localhost:%u", (unsigned)ntohs(addr.sin_port));
}

fake_ldap *fake_ldap_start(fake_ldap_mode mode, const char *keytab,
                           const fake_ldap_script *script) {
    static const char *const principals[] = {"ldap/localhost"};
    static const seal_mechanism mechanisms[] = {SEAL_MECHANISM_KRB5};
    fake_ldap *fake = calloc(1, sizeof *fake);
    const seal__gss_acceptor_options options = {.alloc = &seal__default_allocator,
                                                .principals = principals,
                                                .n_principals = 1,
                                                .keytab = keytab,
                                                .mechanisms = mechanisms,
                                                .n_mechanisms = 1};
    if (fake == NULL ||
        (keytab != NULL && seal__gss_acceptor_new(&options, &fake->acceptor, NULL) != 0))
        abort();
    fake->mode = mode;
    if (script != NULL)
        fake->script = *script;
    pthread_mutex_init(&fake->lock, NULL);
    start_listening(fake);
    if (pthread_create(&fake->thread, NULL, listen_thread, fake) != 0)
        abort();
    return fake;
}

void fake_ldap_stop(fake_ldap *fake) {
    if (write(fake->stop_fds[1], "x", 1) != 1)
        abort();
    pthread_join(fake->thread, NULL);
    for (unsigned i = 0; i < fake->n; i++) {
        connection *c = &fake->connections[i];
        shutdown(c->fd, SHUT_RDWR);
        pthread_join(c->thread, NULL);
        close(c->fd);
    }
    close(fake->listen_fd);
    close(fake->stop_fds[0]);
    close(fake->stop_fds[1]);
    pthread_mutex_destroy(&fake->lock);
    if (fake->acceptor != NULL)
        seal__gss_acceptor_unref(fake->acceptor);
    free(fake);
}

const char *fake_ldap_uri(const fake_ldap *fake) {
    return fake->uri;
}

unsigned fake_ldap_connections(fake_ldap *fake) {
    pthread_mutex_lock(&fake->lock);
    unsigned n = fake->n;
    pthread_mutex_unlock(&fake->lock);
    return n;
}
