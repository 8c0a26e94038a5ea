// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <deque>
#include <optional>

#include "client.hpp"

namespace peer {
namespace {

/* One call. */
class EchoCall : public Event {
  public:
    explicit EchoCall(Client &client) : client_(client) {}
    virtual ~EchoCall() = default;

    void begin(bench::Peer::Stub &stub) {
        number_ = client_.begun;
        clear();
        context_.emplace();
        client_.in_flight++;
        reader_ = stub.AsyncEcho(&*context_, client_.request_of(number_), &client_.queue);
        reader_->Finish(&reply_, &status_, static_cast<Event *>(this));
    }

    void done(bool ok) override {
        if (!ok)
            die("echo", "the call did not end");
        need(status_);
        client_.check(reply_, number_);
        client_.in_flight--;
        ended(bench_now_ns());
    }

  protected:
    virtual void ended(uint64_t now) = 0;

    /* Lets go of the channel. The reader is in memory of the context. */
    void clear() {
        reader_.reset();
        context_.reset();
    }

    Client &client_;

  private:
    uint64_t number_ = 0;
    std::optional<grpc::ClientContext> context_;
    std::unique_ptr<grpc::ClientAsyncResponseReader<bench::EchoReply>> reader_;
    bench::EchoReply reply_;
    grpc::Status status_;
};

class Echo final : public EchoCall {
  public:
    Echo(Client &client, bench::Peer::Stub &stub) : EchoCall(client), stub_(stub) {
        next(bench_now_ns());
    }

  private:
    void next(uint64_t now) {
        if (client_.take_calls() == 0)
            return;
        started_ns_ = now;
        begin(stub_);
    }

    void ended(uint64_t now) override {
        bench_window_count(&client_.window, started_ns_, now, 1);
        next(now);
    }

    bench::Peer::Stub &stub_;
    uint64_t started_ns_ = 0;
};

class Handshake final : public EchoCall {
  public:
    explicit Handshake(Client &client) : EchoCall(client) {
        next(bench_now_ns());
    }

  private:
    void next(uint64_t now) {
        if (client_.take_calls() == 0)
            return;
        started_ns_ = now;
        stub_ = client_.open();
        begin(*stub_);
    }

    void ended(uint64_t now) override {
        bench_window_count(&client_.window, started_ns_, now, 1);
        clear();
        stub_.reset();
        next(now);
    }

    Stub stub_;
    uint64_t started_ns_ = 0;
};

/* A connection without a call: over when it is ready. */
class Connect final : public Event {
  public:
    explicit Connect(Client &client) : client_(client) {
        next(bench_now_ns());
    }

    void done(bool ok) override {
        if (!ok)
            die("a connection", "it was not ready in time");
        if (channel_->GetState(false) != GRPC_CHANNEL_READY) {
            wait();
            return;
        }
        uint64_t now = bench_now_ns();
        client_.in_flight--;
        bench_window_count(&client_.window, started_ns_, now, 1);
        channel_.reset();
        next(now);
    }

  private:
    void next(uint64_t now) {
        if (client_.take_calls() == 0)
            return;
        client_.in_flight++;
        started_ns_ = now;
        channel_ = client_.open_channel();
        wait();
    }

    void wait() {
        auto end = std::chrono::system_clock::now() + std::chrono::seconds(30);
        grpc_connectivity_state state = channel_->GetState(true);
        channel_->NotifyOnStateChange(state, end, &client_.queue, static_cast<Event *>(this));
    }

    Client &client_;
    std::shared_ptr<grpc::Channel> channel_;
    uint64_t started_ns_ = 0;
};

/* A connection that makes one call. */
class Resting final : public EchoCall {
  public:
    explicit Resting(Client &client) : EchoCall(client), stub_(client.open()) {
        client.begun++;
        begin(*stub_);
    }

  private:
    void ended(uint64_t) override {
        clear();
    }

    Stub stub_;
};

void start_window(Client &client) {
    bench_window_start(&client.window, &client.load, client.server, client.seconds, client.calls);
}

/* One after another in each place. */
template <class Connection> void run_connections(Client &client) {
    start_window(client);
    std::deque<Connection> places;
    for (unsigned i = 0; i < client.load.in_flight; i++)
        places.emplace_back(client);
    client.run_until_quiet();
}

} // namespace

void run_echo(Client &client) {
    std::vector<Stub> stubs;
    for (unsigned i = 0; i < client.load.connections; i++)
        stubs.push_back(client.open());
    start_window(client);
    bench_window_wait_for_first(&client.window);
    std::deque<Echo> calls;
    for (unsigned i = 0; i < client.load.in_flight; i++)
        calls.emplace_back(client, *stubs[i % stubs.size()]);
    client.run_until_quiet();
}

void run_handshakes(Client &client) {
    run_connections<Handshake>(client);
}

void run_connects(Client &client) {
    run_connections<Connect>(client);
}

// ---- Connections at rest ----

/* As client_idle.c measures the other systems. */
static constexpr int64_t rest_ms = 2000;
static constexpr int64_t settle_ms = 300;
static constexpr unsigned files_to_spare = 100;

static void open_some(Client &client, std::deque<Resting> &connections, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        connections.emplace_back(client);
        if (client.in_flight == client.load.in_flight)
            client.run_until_quiet();
    }
    client.run_until_quiet();
    client.run_for_ms(settle_ms);
}

/* As many as the limit on open files leaves, which is the same for the server. */
static unsigned possible(unsigned wanted) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= wanted + files_to_spare)
        return wanted;
    auto n = static_cast<unsigned>(files.rlim_cur) - files_to_spare;
    std::fprintf(stderr,
                 "seal-bench-grpc: %u idle connections instead of %u: no more files may be open "
                 "(ulimit -Hn)\n",
                 n, wanted);
    return n;
}

static void measure_rest(Client &client, unsigned n, double figures[BENCH_FIELDS]) {
    uint64_t began = bench_now_ns();
    double server = bench_cpu_us(client.server);
    double self = bench_cpu_us(getpid());
    client.run_for_ms(rest_ms);
    double seconds = static_cast<double>(bench_now_ns() - began) / 1e9;
    figures[2] = (bench_cpu_us(client.server) - server) / n / seconds;
    figures[3] = (bench_cpu_us(getpid()) - self) / n / seconds;
}

/* The first connections pay for what is shared: threads, tables, the heap's first pages. */
void measure_idle(Client &client, double figures[BENCH_FIELDS]) {
    unsigned first = 2 * client.load.in_flight;
    unsigned n = client.calls > 0 ? static_cast<unsigned>(client.calls)
                                  : possible(client.load.connections + first) - first;
    std::deque<Resting> connections;
    open_some(client, connections, first);
    double server = bench_resident_bytes(client.server);
    double self = bench_resident_bytes(getpid());
    open_some(client, connections, n);
    figures[0] = (bench_resident_bytes(client.server) - server) / n;
    figures[1] = (bench_resident_bytes(getpid()) - self) / n;
    if (client.calls == 0)
        measure_rest(client, n, figures);
    figures[4] = n;
}

} // namespace peer
