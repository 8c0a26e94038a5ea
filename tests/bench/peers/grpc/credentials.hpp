/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for mutual TLS, in the folder that SEAL_BENCH_TLS_DIR names: ca.pem, and cert.pem
 * with key.pem, which server and client share. */
#ifndef SEAL_BENCH_GRPC_CREDENTIALS_HPP
#define SEAL_BENCH_GRPC_CREDENTIALS_HPP

#include <string>

namespace peer {

struct Credentials {
    std::string ca;
    std::string certificate;
    std::string key;
};

/* Makes the files unless they are there: ECDSA P-256. Both end the program, having said why, when
 * that fails. */
void make_credentials();
Credentials read_credentials();

} // namespace peer

#endif
