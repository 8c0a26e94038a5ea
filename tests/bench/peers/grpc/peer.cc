// SPDX-License-Identifier: Apache-2.0
#include "peer.hpp"

#include <grpc/grpc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

namespace peer {

void die(const std::string &what, const char *why) {
    std::fprintf(stderr, "seal-bench-grpc: %s: %s\n", what.c_str(), why != nullptr ? why : "");
    _exit(1);
}

std::vector<std::pair<std::string, int>> fast_arguments() {
    return {
        {GRPC_ARG_ENABLE_CENSUS, 0},
        {GRPC_ARG_ENABLE_CHANNELZ, 0},
        {GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0},
        {GRPC_ARG_MINIMAL_STACK, 1},
        {GRPC_ARG_HTTP2_MAX_FRAME_SIZE, 1 << 20},
        {GRPC_ARG_HTTP2_WRITE_BUFFER_SIZE, 1 << 20},
    };
}

static bool hints;

void choose_system(const std::string &name) {
    hints = name == "grpc-mtls-hints";
}

grpc::WriteOptions more_follows() {
    return hints ? grpc::WriteOptions().set_buffer_hint() : grpc::WriteOptions();
}

void prepare_process() {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

} // namespace peer
