/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/histogram.h"

#include <string.h>

enum { PER_POWER = 1 << BENCH_BUCKET_BITS };

void bench_histogram_reset(bench_histogram *histogram) {
    memset(histogram, 0, sizeof *histogram);
}

/* Values below PER_POWER have a bucket each; above, the top BENCH_BUCKET_BITS + 1 bits decide. */
static unsigned shift_of(uint64_t ns) {
    return ns < PER_POWER ? 0 : (unsigned)(63 - __builtin_clzll(ns)) - BENCH_BUCKET_BITS;
}

void bench_histogram_add(bench_histogram *histogram, uint64_t ns) {
    unsigned shift = shift_of(ns);
    histogram->counts[((uint64_t)shift << BENCH_BUCKET_BITS) + (ns >> shift)]++;
    histogram->total++;
}

static double middle_of(unsigned bucket) {
    if (bucket < 2 * PER_POWER)
        return bucket;
    unsigned shift = (bucket >> BENCH_BUCKET_BITS) - 1;
    uint64_t low = (uint64_t)(bucket - (shift << BENCH_BUCKET_BITS)) << shift;
    return (double)low + (double)((uint64_t)1 << shift) / 2;
}

double bench_histogram_quantile(const bench_histogram *histogram, double share) {
    uint64_t wanted = (uint64_t)(share * (double)histogram->total);
    uint64_t seen = 0;
    for (unsigned bucket = 0; bucket < BENCH_BUCKETS; bucket++) {
        seen += histogram->counts[bucket];
        if (seen > wanted || (seen == histogram->total && seen > 0))
            return middle_of(bucket);
    }
    return 0;
}
