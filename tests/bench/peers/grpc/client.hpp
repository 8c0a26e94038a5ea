/* SPDX-License-Identifier: Apache-2.0 */
/* The load generator for gRPC: one thread, as many calls or streams at once as the load says. */
#ifndef SEAL_BENCH_GRPC_CLIENT_HPP
#define SEAL_BENCH_GRPC_CLIENT_HPP

#include <grpcpp/grpcpp.h>

#include <memory>
#include <vector>

#include "bench/payload.h"
#include "bench/window.h"
#include "peer.grpc.pb.h"
#include "peer.hpp"

namespace peer {

using Stub = std::unique_ptr<bench::Peer::Stub>;

struct Client {
    bench_load load;
    bench_window window;
    pid_t server;
    uint64_t calls; /* 0: time decides */
    double seconds;
    std::string target;
    std::shared_ptr<grpc::ChannelCredentials> credentials;
    grpc::CompletionQueue queue;
    bench::EchoRequest request; /* packed when an operation begins, so one is enough */
    uint64_t begun;
    unsigned in_flight; /* of what ends by itself */

    /* A connection of its own; it is made when the first call needs it. */
    Stub open();
    std::shared_ptr<grpc::Channel> open_channel();
    /* Calls that the next one is to have, which are now begun; 0: begin none. */
    unsigned take_calls();
    void make_request();
    /* The request with this number. */
    const bench::EchoRequest &request_of(uint64_t number);
    /* Ends the program unless it is the message with this number: its size, and where the number of
     * calls is given, every byte. */
    void check(const bench::EchoReply &reply, uint64_t number) const;
    /* Takes events until nothing is in flight. */
    void run_until_quiet();
    /* Takes events for so long. */
    void run_for_ms(int64_t ms);
};

/* Ends the program unless the call went well. */
void need(const grpc::Status &status);

/* The loads. */
void run_echo(Client &client);
void run_handshakes(Client &client);
void run_connects(Client &client);
void run_streams(Client &client);
void measure_idle(Client &client, double figures[BENCH_FIELDS]);

} // namespace peer

#endif
