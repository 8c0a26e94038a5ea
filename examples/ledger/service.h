/* SPDX-License-Identifier: Apache-2.0 */
/* The bank.Ledger service over a store. */
#ifndef LEDGER_SERVICE_H
#define LEDGER_SERVICE_H

#include "ledger.seal.h"
#include "store.h"

typedef struct service service;

/* Takes over the store. NULL: no memory or no thread; the store is still the caller's. */
service *service_start(store *s);
/* After the server has been freed: no calls come any more. Closes the store. */
void service_stop(service *svc);

/* To be registered with the service as user. */
extern const bank_ledger_ops service_ops;

#endif
