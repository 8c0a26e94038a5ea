/* usage: greeter-async TARGET [NAME...]    SPDX-License-Identifier: Apache-2.0 */
/* One call for each name, all at once, on a libuv loop of the program's own. */
#include <stdio.h>
#include <uv.h>
#include "greeter.seal.h"

static int failures;

static void on_reply(const seal_result *result, const Demo__HelloReply *reply, void *user) {
    int *left = user;
    if (reply != NULL) {
        printf("reply: %s\n", reply->message);
    } else {
        fprintf(stderr, "greeter-async: %s\n", seal_result_message(result));
        failures++;
    }
    if (--*left == 0)
        printf("all calls have ended\n");
}

static int start_calls(seal_channel *channel, int n, char **names, int *left) {
    int started = 0;
    for (int i = 0; i < n; i++) {
        Demo__HelloRequest request = DEMO__HELLO_REQUEST__INIT;
        request.name = names[i];
        if (demo_greeter_call_say_hello(channel, &request, NULL, on_reply, left, NULL) == 0)
            started++;
    }
    return started;
}

int main(int argc, char **argv) {
    uv_loop_t *loop = uv_default_loop();
    seal_runtime_options options;
    seal_runtime_options_init(&options);
    options.loop = loop;
    seal_runtime *runtime = NULL;
    seal_channel *channel = NULL;
    seal_error *error = NULL;
    int rc = seal_runtime_new(&options, &runtime, &error);
    if (rc == 0)
        rc = demo_greeter_channel_new(runtime, argc > 1 ? argv[1] : "", NULL, &channel, &error);
    if (rc < 0) {
        fprintf(stderr, "greeter-async: %s\n", seal_error_message(error));
        return 2;
    }
    int left = start_calls(channel, argc - 2, argv + 2, &left);
    while (left > 0)
        uv_run(loop, UV_RUN_ONCE);
    seal_channel_free(channel);
    seal_runtime_free(runtime);
    uv_run(loop, UV_RUN_DEFAULT);
    return failures > 0;
}
