/* SPDX-License-Identifier: Apache-2.0 */
/* TLS 1.3 in memory, certificates on both ends. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/raw.h"
#include "bench/tls_files.h"

enum { PATH_SIZE = 4096 };

static bool load_files(SSL_CTX *context, const char *folder) {
    char ca[PATH_SIZE];
    char cert[PATH_SIZE];
    char key[PATH_SIZE];
    snprintf(ca, sizeof ca, "%s/ca.pem", folder);
    snprintf(cert, sizeof cert, "%s/cert.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    return SSL_CTX_load_verify_locations(context, ca, NULL) == 1 &&
           SSL_CTX_use_certificate_file(context, cert, SSL_FILETYPE_PEM) == 1 &&
           SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1;
}

SSL_CTX *raw_tls_context(bool is_server) {
    const char *folder = getenv("SEAL_BENCH_TLS_DIR");
    if (folder == NULL) {
        fprintf(stderr, "seal-bench: raw-tls: SEAL_BENCH_TLS_DIR must name a folder\n");
        return NULL;
    }
    if (is_server && !raw_tls_make_files(folder))
        return NULL;
    SSL_CTX *context = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    if (context == NULL || !load_files(context, folder) ||
        SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384") != 1 ||
        SSL_CTX_set1_groups_list(context, "X25519") != 1) {
        fprintf(stderr, "seal-bench: raw-tls: the files in %s: ", folder);
        ERR_print_errors_fp(stderr);
        SSL_CTX_free(context);
        return NULL;
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_num_tickets(context, 0); /* no connection is resumed */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return context;
}

static bool set_up(SSL *tls, bool is_server) {
    BIO *in = BIO_new(BIO_s_mem());
    BIO *out = BIO_new(BIO_s_mem());
    if (in == NULL || out == NULL) {
        BIO_free(in);
        BIO_free(out);
        return false;
    }
    SSL_set_bio(tls, in, out);
    if (is_server) {
        SSL_set_accept_state(tls);
        return true;
    }
    SSL_set_connect_state(tls);
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), "127.0.0.1") == 1;
}

SSL *raw_tls_new(const raw_shared *shared) {
    SSL *tls = SSL_new(shared->tls);
    if (tls != NULL && set_up(tls, shared->is_server))
        return tls;
    SSL_free(tls);
    return NULL;
}

static bool goes_on(const SSL *tls, int rc) {
    int error = SSL_get_error(tls, rc);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static bool take_sealed(SSL *tls, seal__buf *sealed) {
    BIO *out = SSL_get_wbio(tls);
    char *bytes = NULL;
    long len = BIO_get_mem_data(out, &bytes);
    if (len > 0)
        seal__buf_put(sealed, (const uint8_t *)bytes, (size_t)len);
    BIO_reset(out);
    return !sealed->failed;
}

bool raw_tls_seal(raw_conn *conn, seal__buf *plain, seal__buf *sealed) {
    if (!SSL_is_init_finished(conn->tls)) {
        int rc = SSL_do_handshake(conn->tls);
        if (rc != 1 && !goes_on(conn->tls, rc))
            return false;
    }
    if (SSL_is_init_finished(conn->tls) && plain->len > 0) {
        size_t written = 0;
        if (SSL_write_ex(conn->tls, plain->data, plain->len, &written) != 1 ||
            written != plain->len)
            return false;
        seal__buf_reset(plain);
    }
    return take_sealed(conn->tls, sealed);
}

bool raw_tls_open(raw_conn *conn, const uint8_t *bytes, size_t len, size_t *ret_len) {
    *ret_len = 0;
    if (len > 0 && BIO_write(SSL_get_rbio(conn->tls), bytes, (int)len) != (int)len)
        return false;
    while (*ret_len < RAW_CHUNK) {
        int n = SSL_read(conn->tls, conn->shared->opened + *ret_len, (int)(RAW_CHUNK - *ret_len));
        if (n <= 0)
            return goes_on(conn->tls, n);
        *ret_len += (size_t)n;
    }
    return true;
}
