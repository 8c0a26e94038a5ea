/* SPDX-License-Identifier: Apache-2.0 */
/* Linked into a test program, this stands in front of the clock that libkrb5 reads. */
#ifndef SEAL_TESTS_GSS_CLOCK_H
#define SEAL_TESTS_GSS_CLOCK_H

#include <stdint.h>

/* Added to the time of day. */
extern int lab_clock_offset_s;
/* The time of day stands still (but for the offset) while this is not 0. */
extern int64_t lab_clock_frozen_s;

#endif
