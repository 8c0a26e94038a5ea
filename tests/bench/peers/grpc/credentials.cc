// SPDX-License-Identifier: Apache-2.0
#include "credentials.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "bench/tls_files.h"
#include "peer.hpp"

namespace peer {

static std::string folder() {
    const char *path = std::getenv("SEAL_BENCH_TLS_DIR");
    if (path == nullptr || *path == '\0')
        die("SEAL_BENCH_TLS_DIR", "must name a folder for ca.pem, cert.pem and key.pem");
    return path;
}

static std::string read_file(const std::string &path) {
    std::ifstream file(path);
    if (!file)
        die("cannot read a file that the server makes", path.c_str());
    return std::string(std::istreambuf_iterator<char>(file), {});
}

void make_credentials() {
    std::string path = folder();
    if (!raw_tls_make_files(path.c_str()))
        die("no certificates", path.c_str());
}

Credentials read_credentials() {
    std::string path = folder();
    return {read_file(path + "/ca.pem"), read_file(path + "/cert.pem"),
            read_file(path + "/key.pem")};
}

} // namespace peer
