/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime as a peer of tests/interop/run: the greeter, with a choice of the protection. */
#include "options.h"

int main(int argc, char **argv) {
    peer_options options;
    if (!peer_options_parse(argc, argv, &options))
        return 2;
    int status = options.server ? peer_server(&options) : peer_client(&options);
    peer_options_done(&options);
    return status;
}
