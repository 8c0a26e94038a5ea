/* SPDX-License-Identifier: Apache-2.0 */
/* Calls, sockets and files of the harness. */
#include "harness.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/temporary_folder.h"

enum { READ_WAIT_MS = 60000 };

/* ---- Calls ---- */

static void request_init(Itest__Request *message, const it_request *request) {
    static char no_text[] = "";
    itest__request__init(message);
    message->mode = request->mode;
    message->number = request->number;
    message->text = no_text;
    if (request->text != NULL)
        memcpy(&message->text, &request->text, sizeof request->text);
    message->data.len = request->size;
    message->data.data = malloc(request->size + 1);
    for (size_t i = 0; i < request->size; i++)
        message->data.data[i] = (uint8_t)(i * 31 + 7);
}

static void options_of(const it_request *request, seal_call_options *options) {
    seal_call_options_init(options);
    options->timeout_us = request->timeout_us;
    options->min_level = request->min_level;
    options->wait_for_ready = request->wait_for_ready;
}

seal_result *it_sync(seal_channel *channel, it_sync_fn *method, const it_request *request) {
    Itest__Request message;
    seal_call_options options;
    request_init(&message, request);
    options_of(request, &options);
    const Itest__Reply *reply = NULL;
    seal_result *result =
        (method != NULL ? method : itest_echo_sync_call)(channel, &message, &options, &reply);
    free(message.data.data);
    return result;
}

bool it_echo_works(seal_channel *channel, size_t size) {
    seal_result *result = it_sync(channel, NULL, &(it_request){.size = size});
    const Itest__Reply *reply = seal_result_reply(result);
    bool works = seal_result_status(result) == SEAL_STATUS_OK && reply != NULL &&
                 reply->data.len == size && it_pattern_matches(reply->data.data, size);
    if (!works)
        print_error(
            "echo of %zu: %s (%s): %s\n", size, seal_status_name(seal_result_status(result)),
            seal_execution_name(seal_result_execution(result)), seal_result_message(result));
    seal_result_free(result);
    return works;
}

void it_echo(seal_channel *channel, size_t size) {
    assert_true(it_echo_works(channel, size));
}

void it_expect(seal_result *result, seal_status status, seal_execution execution,
               const char *part) {
    const char *message = seal_result_message(result);
    bool right = seal_result_status(result) == status &&
                 seal_result_execution(result) == execution &&
                 (part == NULL || strstr(message, part) != NULL) && strchr(message, '\n') == NULL &&
                 (seal_result_reply(result) != NULL) == (status == SEAL_STATUS_OK);
    if (!right || getenv("IT_VERBOSE") != NULL)
        print_error("%s %s (%s) \"%s\", got %s (%s): %s\n", right ? "as wanted:" : "wanted",
                    seal_status_name(status), seal_execution_name(execution),
                    part != NULL ? part : "", seal_status_name(seal_result_status(result)),
                    seal_execution_name(seal_result_execution(result)), message);
    seal_result_free(result);
    assert_true(right);
}

void it_expect_ok(seal_result *result) {
    it_expect(result, SEAL_STATUS_OK, SEAL_EXECUTED, NULL);
}

static void on_end(const seal_result *result, const Itest__Reply *reply, void *user) {
    it_ends *ends = user;
    seal_status status = seal_result_status(result);
    if (reply != NULL && !it_pattern_matches(reply->data.data, reply->data.len))
        atomic_fetch_add(&ends->wrong_data, 1);
    atomic_fetch_add(&ends->by_status[status <= 16 ? status : SEAL_STATUS_UNKNOWN], 1);
    atomic_fetch_add(&ends->by_execution[seal_result_execution(result)], 1);
    atomic_fetch_add(&ends->n, 1);
}

int it_async(seal_channel *channel, const it_request *request, it_ends *ends,
             seal_client_call **ret_call) {
    Itest__Request message;
    seal_call_options options;
    request_init(&message, request);
    options_of(request, &options);
    int rc = itest_echo_call_call(channel, &message, &options, on_end, ends, ret_call);
    free(message.data.data);
    return rc;
}

void it_async_many(seal_channel *channel, const it_request *request, unsigned n, it_ends *ends) {
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(it_async(channel, request, ends, NULL), 0);
}

void it_wait_ends(it_ends *ends, unsigned n) {
    it_wait_at_least(&ends->n, n, "calls to end");
    assert_int_equal(atomic_load(&ends->n), n);
    assert_int_equal(atomic_load(&ends->wrong_data), 0);
}

/* ---- Sockets ---- */

int it_connect(uint16_t port) {
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)(const void *)&addr, sizeof addr), 0);
    return fd;
}

int it_listen(uint16_t *ret_port) {
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)(const void *)&addr, sizeof addr), 0);
    assert_int_equal(listen(fd, 128), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)(void *)&addr, &len), 0);
    *ret_port = ntohs(addr.sin_port);
    return fd;
}

void it_expect_shed(uint16_t port) {
    uint8_t rest[64];
    int fd = it_connect(port);
    assert_int_equal(it_read_to_end(fd, rest, sizeof rest), 0);
    close(fd);
}

uint16_t it_closed_port(void) {
    uint16_t port = 0;
    close(it_listen(&port));
    return port;
}

void it_send(int fd, const void *bytes, size_t len) {
    const uint8_t *at = bytes;
    for (size_t done = 0; done < len;) {
        ssize_t n = send(fd, at + done, len - done, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* the peer may have closed already, which is what the tests wait for */
        done += (size_t)n;
    }
}

size_t it_read_to_end(int fd, uint8_t *bytes, size_t size) {
    size_t len = 0;
    uint8_t rest[4096];
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, READ_WAIT_MS), 1);
        ssize_t n = len < size ? read(fd, bytes + len, size - len) : read(fd, rest, sizeof rest);
        if (n <= 0)
            return len;
        if (len < size)
            len += (size_t)n;
    }
}

/* ---- Files ---- */

static char folder[128];

static void remove_folder(void) {
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command) != 0) /* NOLINT(cert-env33-c): the name is ours */
        fprintf(stderr, "cannot remove %s\n", folder);
}

const char *it_path(const char *name) {
    static char paths[16][256];
    static unsigned next;
    if (folder[0] == '\0') {
        assert_int_equal(temporary_folder("sealrpc-it", folder, sizeof folder), 0);
        atexit(remove_folder);
    }
    char *path = paths[next++ % 16];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

void it_write_file(const char *path, const void *bytes, size_t len) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

void it_shell(const char *command) {
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): the command is the test's */
}
