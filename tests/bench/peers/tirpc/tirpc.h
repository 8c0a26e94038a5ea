/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEAL_BENCH_TIRPC_H
#define SEAL_BENCH_TIRPC_H

#include "tirpc_echo.h"

/* Not const, as libtirpc has it. */
static char tirpc_service[] = "bench@localhost";
static char tirpc_mechanism[] = "kerberos_v5";

/* Record buffers, each way: the most that libtirpc makes, and needed for the largest messages. */
enum { TIRPC_BUFFER = 65536 };

#endif
