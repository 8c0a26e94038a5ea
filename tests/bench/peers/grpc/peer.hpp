/* SPDX-License-Identifier: Apache-2.0 */
/* What the server and the client of gRPC have in common: one thread that takes the events of one
 * completion queue. */
#ifndef SEAL_BENCH_GRPC_PEER_HPP
#define SEAL_BENCH_GRPC_PEER_HPP

#include <grpcpp/impl/codegen/call_op_set.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace peer {

/* Messages of every load fit. */
constexpr int max_message_bytes = 8 << 20;

/* What an operation leads to; its address is the tag. */
class Event {
  public:
    virtual void done(bool ok) = 0;

  protected:
    ~Event() = default;
};

/* Channel arguments of both ends that make gRPC faster. */
std::vector<std::pair<std::string, int>> fast_arguments();

inline const std::uint8_t *bytes(const std::string &text) {
    return reinterpret_cast<const std::uint8_t *>(text.data());
}

inline std::uint8_t *bytes(std::string *text) {
    return reinterpret_cast<std::uint8_t *>(text->data());
}

/* The options of one more message of a stream. As "grpc-mtls" each one is written by itself, as a
 * program gets it that sets nothing; as "grpc-mtls-hints" writes wait for room and not for the
 * socket, so that small messages share records. */
grpc::WriteOptions more_follows();
/* By the name in the report, before any message. */
void choose_system(const std::string &name);

/* Says why and ends the program. */
[[noreturn]] void die(const std::string &what, const char *why);

/* As many open files as are allowed, and an end with the program that has started this one. */
void prepare_process();

} // namespace peer

#endif
