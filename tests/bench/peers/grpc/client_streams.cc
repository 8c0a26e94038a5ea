// SPDX-License-Identifier: Apache-2.0
#include <deque>
#include <optional>

#include "client.hpp"

namespace peer {
namespace {

using bench::EchoReply;
using bench::EchoRequest;

/* One stream after the other. */
class Stream : public Event {
  public:
    Stream(Client &client, bench::Peer::Stub &stub) : client_(client), stub_(stub) {}
    virtual ~Stream() = default;

    void next(uint64_t now) {
        unsigned calls = client_.take_calls();
        if (calls == 0)
            return;
        started_ns_ = now;
        calls_ = calls;
        messages_ = 0;
        client_.in_flight++;
        begin();
    }

  protected:
    virtual void begin() = 0;

    void *tag() {
        return static_cast<Event *>(this);
    }

    /* What it was read with is in memory of the context. */
    template <class Ends> void new_context(Ends &stream) {
        stream.reset();
        context_.emplace();
    }

    void finished() {
        need(status_);
        client_.in_flight--;
    }

    /* A whole stream has ended. */
    void count() {
        if (messages_ != calls_)
            die("stream", "it ended before its last message");
        uint64_t now = bench_now_ns();
        bench_window_count(&client_.window, started_ns_, now, calls_);
        next(now);
    }

    Client &client_;
    bench::Peer::Stub &stub_;
    std::optional<grpc::ClientContext> context_;
    grpc::Status status_;
    uint64_t started_ns_ = 0;
    unsigned calls_ = 0;    /* messages that the stream is to have */
    unsigned messages_ = 0; /* that it has had */
};

class Pull final : public Stream {
  public:
    using Stream::Stream;

  private:
    enum class Step { starting, reading, finishing };

    void begin() override {
        bench::PullRequest request;
        request.set_messages(calls_);
        request.set_size(static_cast<uint32_t>(client_.load.size));
        step_ = Step::starting;
        new_context(reader_);
        reader_ = stub_.AsyncPull(&*context_, request, &client_.queue, tag());
    }

    void done(bool ok) override {
        if (step_ == Step::finishing) {
            finished();
            return count();
        }
        if (step_ == Step::reading && ok) {
            client_.check(message_, messages_++);
        }
        step_ = ok ? Step::reading : Step::finishing;
        if (ok)
            reader_->Read(&message_, tag());
        else
            reader_->Finish(&status_, tag());
    }

    Step step_ = Step::starting;
    std::unique_ptr<grpc::ClientAsyncReader<EchoReply>> reader_;
    EchoReply message_;
};

class Push final : public Stream {
  public:
    using Stream::Stream;

  private:
    void begin() override {
        new_context(writer_);
        context_->set_initial_metadata_corked(true); /* it goes with the first message */
        finishing_ = false;
        reply_.Clear();
        writer_ = stub_.PrepareAsyncPush(&*context_, &reply_, &client_.queue);
        writer_->StartCall(nullptr);
        send();
    }

    void send() {
        const EchoRequest &request = client_.request_of(messages_++);
        if (messages_ < calls_)
            writer_->Write(request, more_follows(), tag());
        else
            writer_->WriteLast(request, grpc::WriteOptions(), tag());
    }

    void done(bool ok) override {
        if (finishing_)
            return end();
        if (ok && messages_ < calls_)
            return send();
        finishing_ = true;
        writer_->Finish(&status_, tag());
    }

    void end() {
        finished();
        messages_ = reply_.messages();
        count();
    }

    bool finishing_ = false;
    std::unique_ptr<grpc::ClientAsyncWriter<EchoRequest>> writer_;
    bench::PushReply reply_;
};

/* One stream for the whole run; what is counted is a message to and fro. */
class Ping final : public Stream {
  public:
    using Stream::Stream;

  private:
    enum class Step { starting, message, closing, finishing };

    void begin() override {
        step_ = Step::starting;
        outstanding_ = 1;
        new_context(stream_);
        stream_ = stub_.AsyncPing(&*context_, &client_.queue, tag());
    }

    void send() {
        step_ = Step::message;
        outstanding_ = 2;
        stream_->Read(&message_, tag());
        stream_->Write(client_.request_of(messages_), tag());
    }

    void done(bool ok) override {
        if (!ok)
            failed_ = true;
        if (--outstanding_ > 0)
            return;
        if (step_ == Step::finishing) {
            finished();
            return;
        }
        if (failed_)
            return finish();
        if (step_ == Step::starting)
            return send();
        if (step_ == Step::message)
            return received();
        finish();
    }

    void received() {
        client_.check(message_, messages_++);
        uint64_t now = bench_now_ns();
        bench_window_count(&client_.window, started_ns_, now, 1);
        started_ns_ = now;
        if (client_.take_calls() > 0)
            return send();
        step_ = Step::closing;
        outstanding_ = 1;
        stream_->WritesDone(tag());
    }

    void finish() {
        step_ = Step::finishing;
        outstanding_ = 1;
        stream_->Finish(&status_, tag());
    }

    Step step_ = Step::starting;
    unsigned outstanding_ = 0;
    bool failed_ = false;
    std::unique_ptr<grpc::ClientAsyncReaderWriter<EchoRequest, EchoReply>> stream_;
    EchoReply message_;
};

template <class Kind> void run(Client &client) {
    std::vector<Stub> stubs;
    for (unsigned i = 0; i < client.load.connections; i++)
        stubs.push_back(client.open());
    bench_window_start(&client.window, &client.load, client.server, client.seconds, client.calls);
    std::deque<Kind> streams;
    for (unsigned i = 0; i < client.load.in_flight; i++) {
        streams.emplace_back(client, *stubs[i % stubs.size()]);
        streams.back().next(bench_now_ns());
    }
    client.run_until_quiet();
}

} // namespace

void run_streams(Client &client) {
    if (client.load.kind == BENCH_PULL)
        run<Pull>(client);
    else if (client.load.kind == BENCH_PUSH)
        run<Push>(client);
    else
        run<Ping>(client);
}

} // namespace peer
