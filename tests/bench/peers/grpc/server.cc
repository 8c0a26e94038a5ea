// SPDX-License-Identifier: Apache-2.0
/*
 * usage: seal-bench-grpc-server SYSTEM [MAX_STREAMS]
 * gRPC with mutual TLS: prints "port: N" and serves on 127.0.0.1 until SIGTERM. SYSTEM: grpc-mtls or
 * grpc-mtls-hints (peer.hpp).
 */
#include "server.hpp"

#include <grpc/support/time.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "credentials.hpp"

namespace {

std::shared_ptr<grpc::ServerCredentials> mutual_tls() {
    peer::make_credentials();
    peer::Credentials files = peer::read_credentials();
    grpc::SslServerCredentialsOptions options(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = files.ca;
    options.pem_key_cert_pairs.push_back({files.key, files.certificate});
    return grpc::SslServerCredentials(options);
}

int start(peer::Serving &serving, int max_streams) {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", mutual_tls(), &port);
    builder.RegisterService(&serving.service);
    builder.SetMaxReceiveMessageSize(peer::max_message_bytes);
    builder.SetMaxSendMessageSize(peer::max_message_bytes);
    for (const auto &[name, value] : peer::fast_arguments())
        builder.AddChannelArgument(name, value);
    if (max_streams > 0)
        builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, max_streams);
    serving.queue = builder.AddCompletionQueue();
    serving.server = builder.BuildAndStart();
    if (serving.server == nullptr || port == 0)
        peer::die("cannot start", "see the messages of gRPC");
    return port;
}

/* SIGTERM is blocked in every thread, and comes to this one. */
void end_at_signal(peer::Serving &serving, const sigset_t &signals) {
    int number = 0;
    sigwait(&signals, &number);
    serving.server->Shutdown(gpr_time_0(GPR_CLOCK_MONOTONIC));
    serving.queue->Shutdown();
}

void serve(peer::Serving &serving) {
    void *tag = nullptr;
    bool ok = false;
    while (serving.queue->Next(&tag, &ok))
        static_cast<peer::Event *>(tag)->done(ok);
}

} // namespace

int main(int argc, char **argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: seal-bench-grpc-server SYSTEM [MAX_STREAMS]\n");
        return 2;
    }
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    peer::prepare_process();
    peer::choose_system(argv[1]);
    peer::Serving serving;
    int port = start(serving, argc > 2 ? std::atoi(argv[2]) : 0);
    peer::Methods methods(serving);
    std::thread ending(end_at_signal, std::ref(serving), std::cref(signals));
    std::printf("port: %d\n", port);
    std::fflush(stdout);
    serve(serving);
    ending.join();
    return 0;
}
