/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for the systems that use TLS. */
#ifndef SEAL_BENCH_TLS_FILES_H
#define SEAL_BENCH_TLS_FILES_H

#include <sealrpc/base.h>

SEAL_BEGIN_DECLS

/* Makes ca.pem, cert.pem and key.pem (ECDSA P-256; one certificate for both ends, for 127.0.0.1 and
 * localhost) in the folder where they are not there. False, having said why. */
bool raw_tls_make_files(const char *folder);

SEAL_END_DECLS

#endif
