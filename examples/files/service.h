/* SPDX-License-Identifier: Apache-2.0 */
/* The demo.Files service over a folder. Its handlers block: one worker thread for each transfer. */
#ifndef FILES_SERVICE_H
#define FILES_SERVICE_H

#include "files.seal.h"
#include "store.h"

/* To be registered, as blocking, with a store as user. */
extern const demo_files_ops service_ops;

#endif
