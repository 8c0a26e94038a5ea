/* SPDX-License-Identifier: Apache-2.0 */
/** @file Everything a program needs, but for the headers generated from its .proto files. */
#ifndef SEALRPC_SEALRPC_H
#define SEALRPC_SEALRPC_H

#include <sealrpc/base.h>
#include <sealrpc/channel.h>
#include <sealrpc/error.h>
#include <sealrpc/interceptor.h>
#include <sealrpc/metadata.h>
#include <sealrpc/peer.h>
#include <sealrpc/publish.h>
#include <sealrpc/result.h>
#include <sealrpc/runtime.h>
#include <sealrpc/server.h>
#include <sealrpc/spn.h>

#endif
