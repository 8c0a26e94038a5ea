/* usage: greeter-client TARGET [NAME]    SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include "greeter.seal.h"

int main(int argc, char **argv) {
    char world[] = "world";
    seal_channel *channel = NULL;
    seal_error *error = NULL;
    if (demo_greeter_channel_new(NULL, argc > 1 ? argv[1] : "", NULL, &channel, &error) < 0) {
        fprintf(stderr, "greeter-client: %s\n", seal_error_message(error));
        return 2;
    }
    Demo__HelloRequest request = DEMO__HELLO_REQUEST__INIT;
    request.name = argc > 2 ? argv[2] : world;
    const Demo__HelloReply *reply = NULL;
    seal_result *result = demo_greeter_sync_say_hello(channel, &request, NULL, &reply);
    if (reply != NULL) {
        const seal_peer *peer = seal_result_peer(result);
        printf("server: %s\nclient: %s\nprotection: %s (%s)\nreply: %s\n",
               seal_peer_principal(peer), seal_peer_local_principal(peer),
               seal_level_name(seal_peer_level(peer)), seal_suite_name(seal_peer_suite(peer)),
               reply->message);
    } else {
        fprintf(stderr, "greeter-client: %s: %s\n", seal_status_name(seal_result_status(result)),
                seal_result_message(result));
    }
    seal_result_free(result);
    seal_channel_free(channel);
    return reply == NULL;
}
