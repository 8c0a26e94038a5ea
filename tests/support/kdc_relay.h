/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A KDC that behaves as Active Directory does: between clients and the real one, it tells whoever
 * wants to log in as a principal that contains a certain word that there is no such client. (There,
 * a service principal name is no client; its account is.) TCP, one request at a time.
 */
#ifndef SEAL_TESTS_KDC_RELAY_H
#define SEAL_TESTS_KDC_RELAY_H

#include <stdint.h>

/* Listens on a free port, which is returned. realm: of the errors that it makes. */
uint16_t kdc_relay_start(uint16_t kdc_port, const char *realm, const char *word);
/* Ends it. */
void kdc_relay_stop(void);

/* The port of the KDC that KRB5_CONFIG names. */
uint16_t kdc_port_of_config(void);

#endif
