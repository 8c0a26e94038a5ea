// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <string>

#include "bench/loads.h"
#include "bench/payload.h"
#include "server.hpp"

namespace peer {
namespace {

using grpc::Status;

using bench::EchoReply;
using bench::EchoRequest;
using bench::PullRequest;
using bench::PushReply;
using grpc::StatusCode;

/* What the four have in common: waiting for a client, and the state of one call. A context cannot
 * be used twice, so each call makes one in place. */
template <class Derived, class Stream> class Call : public Event {
  public:
    Call(Serving &serving, Calls<Derived> &calls) : serving_(serving), calls_(calls) {}
    virtual ~Call() = default;

    void wait() {
        context_.emplace();
        stream_.emplace(&*context_);
        step_ = nullptr;
        self().ask_for_one();
    }

    void done(bool ok) override {
        if (step_ != nullptr)
            return (self().*step_)(ok);
        if (!ok)
            return; /* the server is ending */
        calls_.wait_for_one();
        self().begin();
    }

  protected:
    using Step = void (Derived::*)(bool ok);

    void ended(bool) {
        stream_.reset();
        context_.reset();
        calls_.give_back(&self());
    }

    /* The tag of an operation whose end leads to the step. */
    void *then(Step step) {
        step_ = step;
        return static_cast<Event *>(this);
    }

    void *asked() {
        return static_cast<Event *>(this);
    }

    Serving &serving_;
    std::optional<grpc::ServerContext> context_;
    std::optional<Stream> stream_;

  private:
    Derived &self() {
        return static_cast<Derived &>(*this);
    }

    Calls<Derived> &calls_;
    Step step_ = nullptr;
};

class Echo final : public Call<Echo, grpc::ServerAsyncResponseWriter<EchoReply>> {
  public:
    using Call::Call;

    void ask_for_one() {
        serving_.service.RequestEcho(&*context_, &request_, &*stream_, serving_.queue.get(),
                                     serving_.queue.get(), asked());
    }

    void begin() {
        reply_.mutable_payload()->swap(*request_.mutable_payload());
        stream_->Finish(reply_, Status::OK, then(&Echo::ended));
    }

  private:
    EchoRequest request_;
    EchoReply reply_;
};

class Pull final : public Call<Pull, grpc::ServerAsyncWriter<EchoReply>> {
  public:
    using Call::Call;

    void ask_for_one() {
        serving_.service.RequestPull(&*context_, &request_, &*stream_, serving_.queue.get(),
                                     serving_.queue.get(), asked());
    }

    void begin() {
        if (request_.size() < BENCH_MARK || request_.size() > BENCH_MAX_SIZE ||
            request_.messages() == 0)
            return stream_->Finish(Status(StatusCode::INVALID_ARGUMENT, "no such stream"),
                                   then(&Pull::ended));
        std::string *payload = message_.mutable_payload();
        if (payload->size() != request_.size()) {
            payload->resize(request_.size());
            bench_payload_fill(bytes(payload), payload->size());
        }
        number_ = 0;
        send();
    }

  private:
    /* The first one takes the headers with it, which never leave when it is to be held back. */
    void send() {
        bench_payload_mark(bytes(message_.mutable_payload()), number_);
        if (number_ + 1 == request_.messages())
            stream_->WriteAndFinish(message_, grpc::WriteOptions(), Status::OK, then(&Pull::ended));
        else if (number_ == 0)
            stream_->Write(message_, grpc::WriteOptions(), then(&Pull::sent));
        else
            stream_->Write(message_, more_follows(), then(&Pull::sent));
    }

    void sent(bool ok) {
        if (!ok)
            return stream_->Finish(Status::CANCELLED, then(&Pull::ended));
        number_++;
        send();
    }

    PullRequest request_;
    EchoReply message_;
    uint64_t number_ = 0;
};

class Push final : public Call<Push, grpc::ServerAsyncReader<PushReply, EchoRequest>> {
  public:
    using Call::Call;

    void ask_for_one() {
        serving_.service.RequestPush(&*context_, &*stream_, serving_.queue.get(),
                                     serving_.queue.get(), asked());
    }

    void begin() {
        seen_ = 0;
        stream_->Read(&message_, then(&Push::received));
    }

  private:
    void received(bool ok) {
        if (!ok)
            return end();
        const std::string &payload = message_.payload();
        if (payload.size() < BENCH_MARK || bench_payload_number(bytes(payload)) != seen_)
            return stream_->FinishWithError(Status(StatusCode::DATA_LOSS, "out of order"),
                                            then(&Push::ended));
        seen_++;
        stream_->Read(&message_, then(&Push::received));
    }

    void end() {
        PushReply reply;
        reply.set_messages(seen_);
        stream_->Finish(reply, Status::OK, then(&Push::ended));
    }

    EchoRequest message_;
    uint32_t seen_ = 0;
};

class Ping final : public Call<Ping, grpc::ServerAsyncReaderWriter<EchoReply, EchoRequest>> {
  public:
    using Call::Call;

    void ask_for_one() {
        serving_.service.RequestPing(&*context_, &*stream_, serving_.queue.get(),
                                     serving_.queue.get(), asked());
    }

    void begin() {
        stream_->Read(&request_, then(&Ping::received));
    }

  private:
    void received(bool ok) {
        if (!ok)
            return stream_->Finish(Status::OK, then(&Ping::ended));
        reply_.mutable_payload()->swap(*request_.mutable_payload());
        stream_->Write(reply_, then(&Ping::sent));
    }

    void sent(bool ok) {
        if (ok)
            stream_->Read(&request_, then(&Ping::received));
        else
            stream_->Finish(Status::CANCELLED, then(&Ping::ended));
    }

    EchoRequest request_;
    EchoReply reply_;
};

/* More come at once under some loads; they wait inside gRPC for a moment. Few are better for the
 * caches: each keeps the memory of its largest message. */
constexpr unsigned waiting = 4;

} // namespace

struct Methods::All {
    explicit All(Serving &serving)
        : echo(serving, waiting), pull(serving, waiting), push(serving, waiting),
          ping(serving, waiting) {}

    Calls<Echo> echo;
    Calls<Pull> pull;
    Calls<Push> push;
    Calls<Ping> ping;
};

Methods::Methods(Serving &serving) : all_(std::make_unique<All>(serving)) {}

Methods::~Methods() = default;

} // namespace peer
