/* SPDX-License-Identifier: Apache-2.0 */
/* The four methods of peer.proto, on one completion queue. */
#ifndef SEAL_BENCH_GRPC_SERVER_HPP
#define SEAL_BENCH_GRPC_SERVER_HPP

#include <grpcpp/grpcpp.h>

#include <memory>
#include <vector>

#include "peer.grpc.pb.h"
#include "peer.hpp"

namespace peer {

struct Serving {
    bench::Peer::AsyncService service;
    std::unique_ptr<grpc::ServerCompletionQueue> queue;
    std::unique_ptr<grpc::Server> server;
};

/* Calls of one method: some wait for a client, some are under way, the rest will be used again, the
 * last one first. */
template <class Call> class Calls {
  public:
    Calls(Serving &serving, unsigned waiting) : serving_(serving) {
        for (unsigned i = 0; i < waiting; i++)
            wait_for_one();
    }

    void wait_for_one() {
        if (free_.empty()) {
            all_.push_back(std::make_unique<Call>(serving_, *this));
            free_.push_back(all_.back().get());
        }
        Call *call = free_.back();
        free_.pop_back();
        call->wait();
    }

    void give_back(Call *call) {
        free_.push_back(call);
    }

  private:
    Serving &serving_;
    std::vector<std::unique_ptr<Call>> all_;
    std::vector<Call *> free_;
};

/* All methods. They live as long as the queue has events. */
class Methods {
  public:
    explicit Methods(Serving &serving);
    ~Methods();

  private:
    struct All;
    std::unique_ptr<All> all_;
};

} // namespace peer

#endif
