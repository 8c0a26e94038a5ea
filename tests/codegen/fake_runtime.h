/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of the library that generated code calls, faked: calls are handed straight to the
 * registered handlers, one at a time. Streamed messages are encoded and decoded on the way. In C
 * and C++. */
#ifndef TESTS_CODEGEN_FAKE_RUNTIME_H
#define TESTS_CODEGEN_FAKE_RUNTIME_H

#include <sealrpc/gen.h>

SEAL_BEGIN_DECLS

/* What was asked of the library last. */
extern const seal_service *fake_registered;
extern bool fake_registered_blocking;
extern const seal_service *fake_channel_service;
extern const seal_method *fake_method;
extern const ProtobufCMessage *fake_reply;
extern seal_channel *const fake_channel;
extern seal_server *const fake_server;

SEAL_END_DECLS

#endif
