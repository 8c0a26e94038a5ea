/* SPDX-License-Identifier: Apache-2.0 */
/* Which messages have no bound on their depth. */
#ifndef CODEGEN_DEPTH_H
#define CODEGEN_DEPTH_H

#include "model.h"

/* Sets message.deep where a message contains itself, or contains a message that does. */
void depth_compute(model *m);

#endif
