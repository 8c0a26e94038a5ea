/* SPDX-License-Identifier: Apache-2.0 */
/* The names of the public enumerations. */
#include <sealrpc/result.h>
#include <sealrpc/runtime.h>

const char *seal_level_name(seal_level level) {
    switch (level) {
    case SEAL_LEVEL_INTEGRITY:
        return "integrity";
    case SEAL_LEVEL_PRIVACY:
        return "privacy";
    }
    return "?";
}

const char *seal_suite_name(seal_suite suite) {
    switch (suite) {
    case SEAL_SUITE_AES256_GCM:
        return "aes256-gcm";
    case SEAL_SUITE_AES128_GCM:
        return "aes128-gcm";
    case SEAL_SUITE_CHACHA20_POLY1305:
        return "chacha20-poly1305";
    case SEAL_SUITE_GSS:
        return "gss";
    }
    return "?";
}

const char *seal_mechanism_name(seal_mechanism mechanism) {
    switch (mechanism) {
    case SEAL_MECHANISM_KRB5:
        return "krb5";
    case SEAL_MECHANISM_SPNEGO:
        return "spnego";
    case SEAL_MECHANISM_NTLM:
        return "ntlm";
    }
    return "?";
}

const char *seal_status_name(seal_status status) {
    switch (status) {
#define SEAL_X(name, number)                                                                       \
    case SEAL_STATUS_##name:                                                                       \
        return #name;
        SEAL_STATUS_MAP(SEAL_X)
#undef SEAL_X
    }
    return "?";
}

const char *seal_execution_name(seal_execution execution) {
    switch (execution) {
    case SEAL_EXECUTION_UNKNOWN:
        return "unknown";
    case SEAL_NOT_EXECUTED:
        return "not executed";
    case SEAL_EXECUTED:
        return "executed";
    }
    return "?";
}

const char *seal_version(void) {
    return SEALRPC_VERSION_STRING;
}
