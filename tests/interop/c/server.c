/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>

#include "greeter.seal.h"
#include "support/port_file.h"

/* The log says in words how a connection ended; these are the words. */
static const struct {
    const char *text;
    int code;
} endings[] = {
    {"FINISHED does not verify", SEAL_ERROR_AUTHENTICATION},
    {"does not fit the keytab", SEAL_ERROR_AUTHENTICATION},
    {"no suite in common", SEAL_ERROR_PROTECTION},
    {"not accepted", SEAL_ERROR_PROTECTION},
    {"bytes were changed on the way", SEAL_ERROR_TAMPERED},
    {"authenticated close", SEAL_ERROR_TRUNCATED},
};

enum { DRAIN_MS = 100, RETRY_AFTER_MS = 1500 };

/* The entries whose keys begin with the prefix; NULL where there is no memory. */
static seal_metadata *pick(const seal_metadata *all, const char *prefix) {
    seal_metadata *picked = NULL;
    seal_metadata_entry entry;
    int rc = seal_metadata_new(NULL, &picked);
    for (size_t i = 0; rc == 0 && seal_metadata_at(all, i, &entry); i++) {
        size_t len = strlen(entry.key);
        if (strncmp(entry.key, prefix, strlen(prefix)) != 0)
            continue;
        if (len >= 4 && strcmp(entry.key + len - 4, "-bin") == 0)
            rc = seal_metadata_add_bytes(picked, entry.key, entry.value, entry.value_len, NULL);
        else
            rc = seal_metadata_add(picked, entry.key, entry.value, NULL);
    }
    if (rc == 0)
        return picked;
    seal_metadata_free(picked);
    return NULL;
}

/* What the client has marked for it goes back, before the reply and with the status. */
static int return_metadata(seal_call *call) {
    seal_metadata *initial = pick(seal_call_metadata(call), "initial-");
    seal_metadata *trailing = pick(seal_call_metadata(call), "trailing-");
    int rc = initial == NULL || trailing == NULL ? SEAL_ERROR_NO_MEMORY : 0;
    if (rc == 0 && seal_metadata_count(initial) > 0)
        rc = seal_call_send_metadata(call, initial);
    if (rc == 0)
        rc = seal_call_set_trailing_metadata(call, trailing);
    seal_metadata_free(initial);
    seal_metadata_free(trailing);
    return rc;
}

/* A failure with all that one can have: two details, and advice. */
static void refuse(seal_call *call, const Demo__HelloRequest *request) {
    union { /* protobuf-c's strings are not const, and nothing is written to them */
        const char *given;
        char *text;
    } client = {.given = seal_peer_principal(seal_call_peer(call))};
    Demo__HelloReply detail = DEMO__HELLO_REPLY__INIT;
    detail.message = client.text;
    int rc = seal_call_add_detail(call, &detail.base);
    if (rc == 0)
        rc = seal_call_add_detail(call, &request->base);
    seal_call_set_retry_after(call, RETRY_AFTER_MS);
    if (rc == 0)
        seal_call_fail(call, SEAL_STATUS_NOT_FOUND, "I do not know you.");
    else
        seal_call_fail(call, SEAL_STATUS_INTERNAL, "no details: %s", seal_error_code_text(rc));
}

static void say_hello(seal_call *call, const Demo__HelloRequest *request, void *user) {
    (void)user;
    int rc = return_metadata(call);
    if (rc < 0) {
        seal_call_fail(call, SEAL_STATUS_INTERNAL, "no metadata: %s", seal_error_code_text(rc));
        return;
    }
    if (strcmp(request->name, "nobody") == 0) {
        refuse(call, request);
        return;
    }
    const char *client = seal_peer_principal(seal_call_peer(call));
    size_t size = strlen(request->name) + strlen(client) + sizeof "Hello, ! You are .";
    char *text = malloc(size);
    if (text == NULL) {
        seal_call_fail(call, SEAL_STATUS_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    snprintf(text, size, "Hello, %s! You are %s.", request->name, client);
    Demo__HelloReply reply = DEMO__HELLO_REPLY__INIT;
    reply.message = text;
    demo_greeter_reply_say_hello(call, &reply);
    free(text);
}

static void log_line(void *user, seal_log_level level, const char *line) {
    (void)user;
    (void)level;
    if (strncmp(line, "connection ", 11) != 0)
        return;
    int code = SEAL_ERROR_INTERNAL;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (strstr(line, endings[i].text) != NULL) {
            code = endings[i].code;
            break;
        }
    }
    printf("end: %s: %s\n", peer_word(code), line);
    fflush(stdout);
}

static int serve(seal_server *server, const peer_options *options, seal_error **reterr) {
    static const demo_greeter_ops ops = {.size = sizeof ops, .say_hello = say_hello};
    int rc = demo_greeter_register(server, &ops, NULL, reterr);
    if (rc == 0)
        rc = seal_server_add_address(server, "localhost:0", reterr);
    return rc == 0 ? port_file_run(server, options->port_file, reterr) : rc;
}

static int new_server(const peer_options *options, seal_runtime *runtime, seal_server **ret_server,
                      seal_error **reterr) {
    const seal_mechanism both[] = {SEAL_MECHANISM_KRB5, SEAL_MECHANISM_SPNEGO};
    seal_server_options with;
    seal_server_options_init(&with);
    with.principal = options->principal;
    with.mechanisms = options->mechanism != 0 ? &options->mechanism : both;
    with.n_mechanisms = options->mechanism != 0 ? 1 : 2;
    with.suites = options->suites;
    with.n_suites = options->n_suites;
    with.min_level = options->level;
    if (options->drain)
        with.max_connection_age_ms = DRAIN_MS;
    return seal_server_new(runtime, &with, ret_server, reterr);
}

int peer_server(const peer_options *options) {
    seal_runtime_options with;
    seal_runtime_options_init(&with);
    with.log = log_line;
    seal_runtime *runtime = NULL;
    seal_server *server = NULL;
    seal_error *error = NULL;
    int rc = seal_runtime_new(&with, &runtime, &error);
    if (rc == 0)
        rc = new_server(options, runtime, &server, &error);
    if (rc == 0)
        rc = serve(server, options, &error);
    if (rc < 0)
        fprintf(stderr, "seal-interop-c: %s\n", seal_error_message(error));
    seal_error_free(error);
    seal_server_free(server);
    seal_runtime_free(runtime);
    return rc < 0;
}
