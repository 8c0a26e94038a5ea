/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Service principal names: "class/host[:port][/name][@REALM]".
 *
 * A client composes the name from the class it knows and the host it was told by somebody it
 * trusts; it never asks the server or DNS for it. Nothing here does: all functions are pure, may be
 * called on any thread at any time, and need no krb5.conf.
 */
#ifndef SEALRPC_SPN_H
#define SEALRPC_SPN_H

#include <sealrpc/error.h>

SEAL_BEGIN_DECLS

enum {
    SEAL_SPN_MAX = 1024,      /**< a whole name, with its NUL */
    SEAL_SPN_CLASS_MAX = 64,  /**< bytes of a class, with its NUL */
    SEAL_SPN_HOST_MAX = 256,  /**< bytes of a host, with its NUL */
    SEAL_SPN_NAME_MAX = 256,  /**< bytes of the third part, with its NUL */
    SEAL_SPN_REALM_MAX = 256, /**< bytes of a realm, with its NUL */
};

/** The parts of a name. */
typedef struct seal_spn {
    char spn_class[SEAL_SPN_CLASS_MAX]; /**< as given: classes differ by case in MIT realms */
    char host[SEAL_SPN_HOST_MAX];       /**< normalized, see seal_spn_normalize_host */
    uint16_t port;                      /**< 0: none */
    char name[SEAL_SPN_NAME_MAX];       /**< "": none */
    char realm[SEAL_SPN_REALM_MAX];     /**< "": none; as given */
} seal_spn;

/**
 * Brings a host to the one form it has in names: lower case; no dot at the end; international
 * labels as A-labels (IDNA 2008, UTS 46 non-transitional: "bücher.example" is
 * "xn--bcher-kva.example"); IPv4 literals as they are; IPv6 literals in the form of RFC 5952 and in
 * brackets, "[2001:db8::1]", whether or not they are given in brackets.
 * @return 0; SEAL_ERROR_INVALID: empty, over 253 bytes, a label that is empty, over 63 bytes,
 * begins or ends with a hyphen, or has characters that no host name may have; a literal with a
 * zone.
 */
SEAL_API SEAL_MUST_USE int seal_spn_normalize_host(const char *host,
                                                   char ret_host[SEAL_SPN_HOST_MAX],
                                                   seal_error **reterr_error);

/**
 * Composes a name, as DsMakeSpn does.
 * @param spn_class letters, digits, '-', '.', '_'; 1 to 63 bytes.
 * @param host any form that seal_spn_normalize_host takes.
 * @param port 0: none.
 * @param name the third part, NULL: none. 1 to 255 bytes of printable ASCII without space, '/',
 * '@', '\'.
 * @param ret_spn receives the name, without realm.
 * @return 0; SEAL_ERROR_INVALID says which part is wrong, and why.
 */
SEAL_API SEAL_MUST_USE int seal_spn_make(const char *spn_class, const char *host, uint16_t port,
                                         const char *name, char ret_spn[SEAL_SPN_MAX],
                                         seal_error **reterr_error);

/**
 * Takes a name apart. What seal_spn_make has made comes back as it was given, normalized.
 * @return 0; SEAL_ERROR_INVALID: not of the form above, such as "class@host" or a fourth part.
 */
SEAL_API SEAL_MUST_USE int seal_spn_parse(const char *text, seal_spn *ret_spn,
                                          seal_error **reterr_error);

SEAL_END_DECLS

#endif
