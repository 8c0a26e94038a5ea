/* SPDX-License-Identifier: Apache-2.0 */
/* A histogram of times in the manner of HdrHistogram: 128 buckets for each power of two, so a value
 * is known to better than one percent, from a nanosecond to centuries, in constant memory. */
#ifndef SEAL_BENCH_HISTOGRAM_H
#define SEAL_BENCH_HISTOGRAM_H

#include <sealrpc/base.h>

SEAL_BEGIN_DECLS

enum { BENCH_BUCKET_BITS = 7, BENCH_BUCKETS = (65 - BENCH_BUCKET_BITS) << BENCH_BUCKET_BITS };

typedef struct bench_histogram {
    uint64_t total;
    uint64_t counts[BENCH_BUCKETS];
} bench_histogram;

void bench_histogram_reset(bench_histogram *histogram);
void bench_histogram_add(bench_histogram *histogram, uint64_t ns);
/* The value below which this share (0..1) of what was added lies, in ns; 0 when nothing was. */
double bench_histogram_quantile(const bench_histogram *histogram, double share);

SEAL_END_DECLS

#endif
