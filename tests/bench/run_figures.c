/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "bench/run.h"

static int compare(const void *a, const void *b) {
    const double *x = a;
    const double *y = b;
    return (*x > *y) - (*x < *y);
}

static double median(double *values, unsigned n) {
    if (n == 0)
        return 0;
    qsort(values, n, sizeof values[0], compare);
    return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

double run_median(const run_cell *cell, unsigned figure) {
    double values[RUN_MAX_ROUNDS];
    memcpy(values, cell->values[figure], cell->n * sizeof values[0]);
    return median(values, cell->n);
}

double run_least(const run_cell *cell, unsigned figure) {
    double least = cell->n > 0 ? cell->values[figure][0] : 0;
    for (unsigned i = 1; i < cell->n; i++)
        least = cell->values[figure][i] < least ? cell->values[figure][i] : least;
    return least;
}

static double cpu_in(const run_cell *cell, unsigned round) {
    return cell->values[3][round] + cell->values[4][round];
}

double run_ratio(const run_cell *cell, const run_cell *other, unsigned figure) {
    double ratios[RUN_MAX_ROUNDS];
    unsigned n = 0;
    for (unsigned i = 0; i < cell->n && i < other->n; i++) {
        if (other->values[figure][i] > 0)
            ratios[n++] = cell->values[figure][i] / other->values[figure][i];
    }
    return median(ratios, n);
}

double run_cpu_ratio(const run_cell *cell, const run_cell *other) {
    double ratios[RUN_MAX_ROUNDS];
    unsigned n = 0;
    for (unsigned i = 0; i < cell->n && i < other->n; i++) {
        if (cpu_in(other, i) > 0)
            ratios[n++] = cpu_in(cell, i) / cpu_in(other, i);
    }
    return median(ratios, n);
}
