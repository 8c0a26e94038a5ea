/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEAL_REALM_KDC_H
#define SEAL_REALM_KDC_H

#include "children.h"
#include "options.h"
#include "port.h"
#include "realm.h"

/* A KDC on its way up. */
struct kdc_start {
    int ready_fd;
    struct port port;
};

/* Reserves a port for the realm and writes the configuration with it. */
int kdc_prepare(struct kdc_start *start, struct realm *realm, const struct options *options);

/* Starts krb5kdc; it gets ready while others work on the database. */
int kdc_launch(struct kdc_start *start, const struct realm *realm, struct children *children);

/* Waits until it listens; tries again with other ports when it could not. */
int kdc_await(struct kdc_start *start, struct realm *realm, const struct options *options,
              struct children *children, int control_fd);

void kdc_start_done(struct kdc_start *start);

#endif
