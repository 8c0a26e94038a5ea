// SPDX-License-Identifier: Apache-2.0
/*
 * usage: seal-bench-grpc-client SYSTEM PORT SERVER_PID LOAD SECONDS [CALLS]
 * Puts one load on the server of gRPC and prints "result:" and the figures, as seal-bench-client
 * does. SYSTEM: grpc-mtls or grpc-mtls-hints (peer.hpp).
 */
#include "client.hpp"

#include <cstdio>
#include <cstdlib>

#include "credentials.hpp"

namespace peer {

// ---- Connections ----

static std::shared_ptr<grpc::ChannelCredentials> mutual_tls() {
    Credentials files = read_credentials();
    return grpc::SslCredentials({files.ca, files.key, files.certificate});
}

std::shared_ptr<grpc::Channel> Client::open_channel() {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(max_message_bytes);
    arguments.SetMaxSendMessageSize(max_message_bytes);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1); /* or all would share a connection */
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    for (const auto &[name, value] : fast_arguments())
        arguments.SetInt(name, value);
    return grpc::CreateCustomChannel(target, credentials, arguments);
}

Stub Client::open() {
    return bench::Peer::NewStub(open_channel());
}

// ---- Events ----

unsigned Client::take_calls() {
    unsigned n = bench_window_wants(&window, &load, begun);
    begun += n;
    return n;
}

void Client::make_request() {
    std::string *payload = request.mutable_payload();
    payload->resize(load.size);
    bench_payload_fill(bytes(payload), load.size);
}

const bench::EchoRequest &Client::request_of(uint64_t number) {
    bench_payload_mark(bytes(request.mutable_payload()), number);
    return request;
}

void Client::check(const bench::EchoReply &reply, uint64_t number) const {
    const std::string &payload = reply.payload();
    if (!bench_payload_is(bytes(payload), payload.size(), load.size, number,
                          calls > 0 ? bytes(request.payload()) : nullptr))
        die("a message", "not the one that was expected");
}

void Client::run_until_quiet() {
    void *tag = nullptr;
    bool ok = false;
    while (in_flight > 0 && queue.Next(&tag, &ok))
        static_cast<Event *>(tag)->done(ok);
}

void Client::run_for_ms(int64_t ms) {
    auto end = std::chrono::system_clock::now() + std::chrono::milliseconds(ms);
    void *tag = nullptr;
    bool ok = false;
    while (queue.AsyncNext(&tag, &ok, end) == grpc::CompletionQueue::GOT_EVENT)
        static_cast<Event *>(tag)->done(ok);
}

void need(const grpc::Status &status) {
    if (!status.ok())
        die("a call failed", status.error_message().c_str());
}

// ---- Start ----

static bool parse(int argc, char **argv, Client &client) {
    if (argc < 6 || !bench_load_parse(argv[4], &client.load))
        return false;
    choose_system(argv[1]);
    client.target = std::string("ipv4:127.0.0.1:") + argv[2];
    client.server = static_cast<pid_t>(std::strtol(argv[3], nullptr, 10));
    client.seconds = std::strtod(argv[5], nullptr);
    client.calls = argc > 6 ? std::strtoull(argv[6], nullptr, 10) : 0;
    return true;
}

/* False: there is no such load for gRPC. */
static bool run(Client &client, double figures[BENCH_FIELDS]) {
    switch (client.load.kind) {
    case BENCH_ECHO:
        run_echo(client);
        break;
    case BENCH_CONNECT:
        run_connects(client);
        break;
    case BENCH_HANDSHAKE:
        run_handshakes(client);
        break;
    case BENCH_PULL:
    case BENCH_PUSH:
    case BENCH_PING:
        run_streams(client);
        break;
    case BENCH_IDLE:
        measure_idle(client, figures);
        return true;
    default:
        return false;
    }
    bench_window_figures(&client.window, figures);
    return true;
}

} // namespace peer

int main(int argc, char **argv) {
    peer::Client client{};
    double figures[BENCH_FIELDS] = {0};
    if (!peer::parse(argc, argv, client)) {
        std::fprintf(stderr, "usage: seal-bench-grpc-client SYSTEM PORT SERVER_PID LOAD SECONDS "
                             "[CALLS]\n");
        return 2;
    }
    peer::prepare_process();
    client.credentials = peer::mutual_tls();
    client.make_request();
    if (client.load.unread || !peer::run(client, figures))
        return BENCH_EXIT_NOT_APPLICABLE;
    bench_print_figures(figures);
    return 0;
}
