/* usage: greeter-server [ADDRESS]    localhost:0 if none. SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include "greeter.seal.h"

static void say_hello(seal_call *call, const Demo__HelloRequest *request, void *user) {
    (void)user;
    char text[512];
    snprintf(text, sizeof text, "Hello, %s! You are %s.", request->name,
             seal_peer_principal(seal_call_peer(call)));
    Demo__HelloReply reply = DEMO__HELLO_REPLY__INIT;
    reply.message = text;
    demo_greeter_reply_say_hello(call, &reply);
}

static void say_port(seal_server *server, void *user) {
    (void)user;
    printf("port: %u\n", seal_server_port(server));
    fflush(stdout);
}

int main(int argc, char **argv) {
    static const demo_greeter_ops ops = {.size = sizeof ops, .say_hello = say_hello};
    seal_server_options options;
    seal_server_options_init(&options);
    options.principal = "greeter/localhost";
    seal_server *server = NULL;
    seal_error *error = NULL;
    int rc = seal_server_new(NULL, &options, &server, &error);
    if (rc == 0)
        rc = demo_greeter_register(server, &ops, NULL, &error);
    if (rc == 0)
        rc = seal_server_add_address(server, argc > 1 ? argv[1] : "localhost:0", &error);
    if (rc == 0) {
        seal_server_on_listening(server, say_port, NULL);
        rc = seal_server_run(server, &error); /* until SIGTERM */
    }
    if (rc < 0)
        fprintf(stderr, "greeter-server: %s\n", seal_error_message(error));
    seal_error_free(error);
    seal_server_free(server);
    return rc < 0;
}
