/* SPDX-License-Identifier: Apache-2.0 */
/* A client of examples/files that does not keep to the rules, against the real server. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "files.seal.h"
#include "support/temporary_folder.h"

enum { SHA256_LEN = 32, PATH_LEN = 4000 };

static char folder[PATH_LEN]; /* with secret, and served/ in it */
static pid_t server;
static seal_channel *channel;
static uint8_t digest[SHA256_LEN];

/* ---- The server ------------------------------------------------------------------------------ */

static void in_folder(const char *name, char *path) {
    assert_true(snprintf(path, PATH_LEN + 100, "%s/%s", folder, name) < PATH_LEN + 100);
}

static pid_t start_program(const char *served, FILE **ret_output) {
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(fds[1], STDOUT_FILENO);
        close(fds[0]);
        close(fds[1]);
        execl(FILES_SERVER, FILES_SERVER, served, (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    *ret_output = fdopen(fds[0], "r");
    assert_non_null(*ret_output);
    return child;
}

static int start(void **state) {
    (void)state;
    char path[PATH_LEN + 100];
    char target[64];
    unsigned port = 0;
    FILE *output = NULL;
    assert_int_equal(temporary_folder("sealrpc-files", folder, sizeof folder), 0);
    in_folder("secret", path);
    FILE *secret = fopen(path, "w");
    assert_non_null(secret);
    fclose(secret);
    in_folder("served", path);
    assert_int_equal(mkdir(path, 0700), 0);
    server = start_program(path, &output);
    assert_int_equal(fscanf(output, "port: %u", &port), 1);
    snprintf(target, sizeof target, "localhost:%u", port);
    return demo_files_channel_new(NULL, target, NULL, &channel, NULL);
}

static int stop(void **state) {
    (void)state;
    char command[PATH_LEN + 100];
    int status = 0;
    seal_channel_free(channel);
    kill(server, SIGTERM);
    assert_int_equal(waitpid(server, &status, 0), server);
    in_folder("served", command);
    rmdir(command); /* fails where something was kept that must not be */
    assert_int_equal(access(command, F_OK), -1);
    in_folder("secret", command);
    unlink(command);
    rmdir(folder);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* ---- Calls ----------------------------------------------------------------------------------- */

static seal_status end_of(seal_client_call *call) {
    seal_result *result = seal_client_call_finish(call);
    seal_status status = seal_result_status(result);
    seal_result_free(result);
    seal_client_call_unref(call);
    return status;
}

static seal_status get(const char *name, uint64_t offset) {
    char copy[1000];
    Demo__GetRequest request = DEMO__GET_REQUEST__INIT;
    const Demo__Piece *piece = NULL;
    seal_client_call *call = NULL;
    snprintf(copy, sizeof copy, "%s", name);
    request.name = copy;
    request.offset = offset;
    assert_int_equal(demo_files_start_get(channel, &request, NULL, &call), 0);
    assert_int_equal(demo_files_read_get(call, &piece), 0);
    return end_of(call);
}

static Demo__Offer offer_of(char *name, uint64_t size) {
    Demo__Offer offer = DEMO__OFFER__INIT;
    offer.name = name;
    offer.size = size;
    offer.sha256 = (ProtobufCBinaryData){sizeof digest, digest};
    return offer;
}

static seal_status prepare(const Demo__Offer *offer) {
    seal_result *result = demo_files_sync_prepare(channel, offer, NULL, NULL);
    seal_status status = seal_result_status(result);
    seal_result_free(result);
    return status;
}

static seal_client_call *begin(Demo__Offer *offer, uint64_t offset) {
    Demo__Begin begin = DEMO__BEGIN__INIT;
    Demo__Part part = DEMO__PART__INIT;
    seal_client_call *call = NULL;
    begin.offer = offer;
    begin.offset = offset;
    part.what_case = DEMO__PART__WHAT_BEGIN;
    part.begin = &begin;
    assert_int_equal(demo_files_start_put(channel, NULL, &call), 0);
    assert_int_equal(demo_files_push_put(call, &part), 0);
    return call;
}

/* The server may have answered before all is sent. */
static void push(seal_client_call *call, const char *text) {
    Demo__Part part = DEMO__PART__INIT;
    char bytes[100];
    int len = snprintf(bytes, sizeof bytes, "%s", text);
    part.what_case = DEMO__PART__WHAT_DATA;
    part.data = (ProtobufCBinaryData){(size_t)len, (uint8_t *)bytes};
    int rc = demo_files_push_put(call, &part);
    assert_true(rc == 0 || rc == SEAL_ERROR_CLOSED);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

/* The last one has a control character that is written in two bytes. */
static const char *const bad_names[] = {"../secret",   "..",          ".",        "",
                                        "/etc/passwd", "served/../x", ".upload-", "a/b",
                                        "a\nb",        "a\x1b[2J",    "a\302\233"};

static void names_stay_in_the_folder(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad_names / sizeof bad_names[0]; i++) {
        char name[100];
        snprintf(name, sizeof name, "%s", bad_names[i]);
        Demo__Offer offer = offer_of(name, 1);
        assert_int_equal(get(name, 0), SEAL_STATUS_INVALID_ARGUMENT);
        assert_int_equal(prepare(&offer), SEAL_STATUS_INVALID_ARGUMENT);
        assert_int_equal(end_of(begin(&offer, 0)), SEAL_STATUS_INVALID_ARGUMENT);
    }
    char longest[300];
    memset(longest, 'a', sizeof longest);
    longest[201] = '\0';
    assert_int_equal(get(longest, 0), SEAL_STATUS_INVALID_ARGUMENT);
    longest[200] = '\0';
    assert_int_equal(get(longest, 0), SEAL_STATUS_NOT_FOUND);
}

static void uploads_begin_with_begin(void **state) {
    (void)state;
    seal_client_call *call = NULL;
    assert_int_equal(demo_files_start_put(channel, NULL, &call), 0);
    push(call, "data");
    assert_int_equal(end_of(call), SEAL_STATUS_INVALID_ARGUMENT);
    assert_int_equal(demo_files_start_put(channel, NULL, &call), 0);
    assert_int_equal(end_of(call), SEAL_STATUS_INVALID_ARGUMENT);
    assert_int_equal(end_of(begin(NULL, 0)), SEAL_STATUS_INVALID_ARGUMENT);
}

static void offers_are_checked(void **state) {
    (void)state;
    char name[] = "x";
    Demo__Offer offer = offer_of(name, 1);
    offer.sha256.len = SHA256_LEN - 1;
    assert_int_equal(prepare(&offer), SEAL_STATUS_INVALID_ARGUMENT);
    assert_int_equal(end_of(begin(&offer, 0)), SEAL_STATUS_INVALID_ARGUMENT);
    offer = offer_of(name, UINT64_MAX);
    assert_int_equal(prepare(&offer), SEAL_STATUS_INVALID_ARGUMENT);
    offer = offer_of(name, 1);
    assert_int_equal(prepare(&offer), SEAL_STATUS_OK);
}

/* All but the last of these leave what came, of which the last keeps nothing. */
static void data_is_what_was_offered(void **state) {
    (void)state;
    char name[] = "x";
    Demo__Offer offer = offer_of(name, 6);
    assert_int_equal(end_of(begin(&offer, 1)), SEAL_STATUS_ABORTED);
    assert_int_equal(end_of(begin(&offer, UINT64_MAX)), SEAL_STATUS_ABORTED);
    assert_int_equal(end_of(begin(&offer, 7)), SEAL_STATUS_ABORTED);
    seal_client_call *call = begin(&offer, 0);
    push(call, "abc");
    assert_int_equal(end_of(call), SEAL_STATUS_ABORTED); /* not all of it */
    call = begin(&offer, 2);
    push(call, "cdefg");
    assert_int_equal(end_of(call), SEAL_STATUS_INVALID_ARGUMENT); /* more than that */
    call = begin(&offer, 2);
    push(call, "cdef");
    assert_int_equal(end_of(call), SEAL_STATUS_DATA_LOSS); /* with another checksum */
    assert_int_equal(get(name, 0), SEAL_STATUS_NOT_FOUND);
    const Demo__Accepted *accepted = NULL;
    seal_result *result = demo_files_sync_prepare(channel, &offer, NULL, &accepted);
    assert_non_null(accepted);
    assert_int_equal(accepted->offset, 0);
    seal_result_free(result);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_stay_in_the_folder),
        cmocka_unit_test(uploads_begin_with_begin),
        cmocka_unit_test(offers_are_checked),
        cmocka_unit_test(data_is_what_was_offered),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
