/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate for both ends, and the authority that has signed it, whose key is thrown away. */
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/tls_files.h"

enum { PATH_SIZE = 4096, DAY = 24 * 60 * 60 };

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool ok = extension != NULL && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static bool add_extensions(X509 *cert, X509 *issuer, bool is_ca) {
    if (is_ca)
        return add_extension(cert, issuer, NID_basic_constraints, "critical,CA:TRUE") &&
               add_extension(cert, issuer, NID_key_usage, "critical,keyCertSign") &&
               add_extension(cert, issuer, NID_subject_key_identifier, "hash");
    return add_extension(cert, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(cert, issuer, NID_key_usage, "critical,digitalSignature") &&
           add_extension(cert, issuer, NID_ext_key_usage, "serverAuth,clientAuth") &&
           add_extension(cert, issuer, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
}

/* issuer NULL: an authority that signs itself. */
static X509 *make_cert(EVP_PKEY *key, const char *name, X509 *issuer, EVP_PKEY *issuer_key) {
    X509 *cert = X509_new();
    X509_NAME *subject = cert == NULL ? NULL : X509_get_subject_name(cert);
    if (cert != NULL && X509_set_version(cert, 2) == 1 &&
        ASN1_INTEGER_set(X509_get_serialNumber(cert), issuer == NULL ? 1 : 2) == 1 &&
        X509_gmtime_adj(X509_getm_notBefore(cert), -DAY) != NULL &&
        X509_gmtime_adj(X509_getm_notAfter(cert), 30 * DAY) != NULL &&
        X509_set_pubkey(cert, key) == 1 &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
                                   0) == 1 &&
        X509_set_issuer_name(cert, issuer == NULL ? subject : X509_get_subject_name(issuer)) == 1 &&
        add_extensions(cert, issuer == NULL ? cert : issuer, issuer == NULL) &&
        X509_sign(cert, issuer == NULL ? key : issuer_key, EVP_sha256()) > 0)
        return cert;
    X509_free(cert);
    return NULL;
}

static FILE *create(const char *folder, const char *name) {
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return fopen(path, "w");
}

static bool write_cert(const char *folder, const char *name, X509 *cert) {
    FILE *file = create(folder, name);
    bool ok = file != NULL && PEM_write_X509(file, cert) == 1;
    return file != NULL && fclose(file) == 0 && ok;
}

static bool write_key(const char *folder, const char *name, EVP_PKEY *key) {
    mode_t before = umask(077);
    FILE *file = create(folder, name);
    umask(before);
    bool ok = file != NULL && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1;
    return file != NULL && fclose(file) == 0 && ok;
}

static bool is_there(const char *folder, const char *name) {
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, R_OK) == 0;
}

bool raw_tls_make_files(const char *folder) {
    if (is_there(folder, "ca.pem") && is_there(folder, "cert.pem") && is_there(folder, "key.pem"))
        return true;
    EVP_PKEY *ca_key = EVP_EC_gen("P-256");
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *ca = NULL;
    X509 *cert = NULL;
    if (ca_key != NULL && key != NULL) {
        ca = make_cert(ca_key, "sealrpc benchmark authority", NULL, NULL);
        cert = ca == NULL ? NULL : make_cert(key, "localhost", ca, ca_key);
    }
    bool ok = cert != NULL && write_key(folder, "key.pem", key) &&
              write_cert(folder, "cert.pem", cert) && write_cert(folder, "ca.pem", ca);
    if (!ok)
        fprintf(stderr, "seal-bench: raw-tls: cannot make certificates in %s\n", folder);
    X509_free(cert);
    X509_free(ca);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
    return ok;
}
