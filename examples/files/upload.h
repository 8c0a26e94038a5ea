/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads: the handlers of Prepare and Put, and what they share with the rest of the service. */
#ifndef FILES_UPLOAD_H
#define FILES_UPLOAD_H

#include "service.h"

void upload_prepare(seal_call *call, const Demo__Offer *request, void *user);
void upload_put(seal_call *call, void *user);

/* Answers a call with what -errno means to its client. */
void fail_with(seal_call *call, int rc, const char *name);

/* false: the call is answered. */
bool check_name(seal_call *call, const char *name);

/* A step_fn with the call as user. */
bool still_wanted(void *user, uint64_t done);

#endif
