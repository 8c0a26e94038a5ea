/* SPDX-License-Identifier: Apache-2.0 */
#include "support/kdc_relay.h"

#include "support/cmocka_all.h"

#include <arpa/inet.h>
#include <krb5.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { AS_REQ = 0x6a, SIZE = 64 * 1024 };

static struct {
    int fd;
    pthread_t thread;
    uint16_t kdc_port;
    char realm[64];
    char word[64];
} relay;

static bool move(int fd, void *bytes, size_t len, bool out) {
    for (size_t done = 0; done < len;) {
        ssize_t n = out ? send(fd, (char *)bytes + done, len - done, MSG_NOSIGNAL)
                        : recv(fd, (char *)bytes + done, len - done, 0);
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

/* A message with its length of four bytes in front; 0: none. */
static size_t receive(int fd, uint8_t *bytes) {
    uint32_t len = 0;
    if (!move(fd, &len, sizeof len, false) || ntohl(len) > SIZE)
        return 0;
    len = ntohl(len);
    return move(fd, bytes, len, false) ? len : 0;
}

static bool deliver(int fd, uint8_t *bytes, size_t len) {
    uint32_t head = htonl((uint32_t)len);
    return move(fd, &head, sizeof head, true) && move(fd, bytes, len, true);
}

static size_t refuse(uint8_t *bytes) {
    krb5_context krb5 = NULL;
    krb5_error error = {.error = KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN - ERROR_TABLE_BASE_krb5};
    krb5_data reply = {0};
    char name[160];
    size_t len = 0;
    snprintf(name, sizeof name, "krbtgt/%s@%s", relay.realm, relay.realm);
    if (krb5_init_context(&krb5) != 0)
        return 0;
    if (krb5_parse_name(krb5, name, &error.server) == 0 &&
        krb5_us_timeofday(krb5, &error.stime, &error.susec) == 0 &&
        krb5_mk_error(krb5, &error, &reply) == 0 && reply.length <= SIZE) {
        len = reply.length;
        memcpy(bytes, reply.data, len);
    }
    krb5_free_data_contents(krb5, &reply);
    krb5_free_principal(krb5, error.server);
    krb5_free_context(krb5);
    return len;
}

static size_t ask_kdc(uint8_t *bytes, size_t len) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(relay.kdc_port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    size_t got = 0;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 && deliver(fd, bytes, len))
        got = receive(fd, bytes);
    close(fd);
    return got;
}

static void *run(void *arg) {
    uint8_t *bytes = arg;
    for (int fd = -1; (fd = accept(relay.fd, NULL, NULL)) >= 0; close(fd)) {
        size_t len = receive(fd, bytes);
        if (len == 0)
            continue;
        bool hidden =
            bytes[0] == AS_REQ && memmem(bytes, len, relay.word, strlen(relay.word)) != NULL;
        len = hidden ? refuse(bytes) : ask_kdc(bytes, len);
        if (len > 0)
            deliver(fd, bytes, len);
    }
    free(bytes);
    return NULL;
}

uint16_t kdc_relay_start(uint16_t kdc_port, const char *realm, const char *word) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    relay.kdc_port = kdc_port;
    snprintf(relay.realm, sizeof relay.realm, "%s", realm);
    snprintf(relay.word, sizeof relay.word, "%s", word);
    relay.fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(relay.fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(relay.fd, 16), 0);
    assert_int_equal(getsockname(relay.fd, (struct sockaddr *)&address, &len), 0);
    void *bytes = malloc(SIZE);
    assert_non_null(bytes);
    assert_int_equal(pthread_create(&relay.thread, NULL, run, bytes), 0);
    return ntohs(address.sin_port);
}

void kdc_relay_stop(void) {
    shutdown(relay.fd, SHUT_RDWR);
    pthread_join(relay.thread, NULL);
    close(relay.fd);
}

uint16_t kdc_port_of_config(void) {
    char text[8192] = "";
    unsigned port = 0;
    FILE *file = fopen(getenv("KRB5_CONFIG"), "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = '\0';
    const char *kdc = strstr(text, "kdc = 127.0.0.1:");
    assert_non_null(kdc);
    assert_int_equal(sscanf(kdc, "kdc = 127.0.0.1:%u", &port), 1);
    return (uint16_t)port;
}
