/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/handshake.h"

const char *seal__close_text(uint16_t code) {
    switch ((seal__close_code)code) {
    case SEAL__CLOSE_DONE:
        return "it closed the connection";
    case SEAL__CLOSE_GOING_AWAY:
        return "it is going away";
    case SEAL__CLOSE_PROTOCOL:
        return "it found an error in the protocol";
    case SEAL__CLOSE_AUTHENTICATION:
        return "authentication failed";
    case SEAL__CLOSE_NO_VERSION:
        return "no common protocol version";
    case SEAL__CLOSE_NO_SUITE:
        return "no common suite";
    case SEAL__CLOSE_NO_MECHANISM:
        return "it does not accept this mechanism";
    case SEAL__CLOSE_LEVEL:
        return "the protection level is not acceptable";
    case SEAL__CLOSE_UNKNOWN_TARGET:
        return "it does not serve the service principal that was asked for";
    case SEAL__CLOSE_NOT_MUTUAL:
        return "the mechanism does not authenticate both ends";
    case SEAL__CLOSE_TIMEOUT:
        return "the time for the handshake is up";
    case SEAL__CLOSE_OVERLOADED:
        return "it is overloaded";
    case SEAL__CLOSE_EXPIRED:
        return "the security context has expired";
    case SEAL__CLOSE_LIMIT:
        return "a limit was exceeded";
    case SEAL__CLOSE_INTERNAL:
        return "internal error";
    }
    return "unknown reason";
}

seal__close_code seal__close_code_for(int error_code) {
    switch (error_code) {
    case SEAL_ERROR_PROTOCOL:
    case SEAL_ERROR_MALFORMED:
        return SEAL__CLOSE_PROTOCOL;
    case SEAL_ERROR_VERSION:
        return SEAL__CLOSE_NO_VERSION;
    case SEAL_ERROR_PROTECTION:
        return SEAL__CLOSE_LEVEL;
    case SEAL_ERROR_WRONG_TARGET:
        return SEAL__CLOSE_UNKNOWN_TARGET;
    case SEAL_ERROR_NOT_MUTUAL:
        return SEAL__CLOSE_NOT_MUTUAL;
    case SEAL_ERROR_TIMEOUT:
        return SEAL__CLOSE_TIMEOUT;
    case SEAL_ERROR_CONTEXT_EXPIRED:
        return SEAL__CLOSE_EXPIRED;
    case SEAL_ERROR_TOO_BIG:
    case SEAL_ERROR_TOO_MANY:
        return SEAL__CLOSE_LIMIT;
    case SEAL_ERROR_NO_MEMORY:
    case SEAL_ERROR_SYSTEM:
    case SEAL_ERROR_INTERNAL:
        return SEAL__CLOSE_INTERNAL;
    default:
        return SEAL__CLOSE_AUTHENTICATION;
    }
}
