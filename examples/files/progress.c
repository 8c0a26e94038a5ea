/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <stdio.h>

enum { WIDTH = 30, REDRAW_MS = 100, MIB = 1 << 20 };

static double seconds_between(const struct timespec *from, const struct timespec *to) {
    return (double)(to->tv_sec - from->tv_sec) + (double)(to->tv_nsec - from->tv_nsec) / 1e9;
}

static void draw(const progress *p, uint64_t done, const struct timespec *now) {
    char bar[WIDTH + 1];
    double share = p->total > 0 ? (double)done / (double)p->total : 1;
    double elapsed = seconds_between(&p->begun, now);
    for (int i = 0; i < WIDTH; i++)
        bar[i] = (double)i < share * WIDTH ? '#' : '.';
    bar[WIDTH] = '\0';
    fprintf(stderr, "\r%s [%s] %3.0f%%  %.1f of %.1f MiB, %.1f MiB/s ", p->what, bar, share * 100,
            (double)done / MIB, (double)p->total / MIB,
            elapsed > 0 ? (double)(done - p->first) / MIB / elapsed : 0);
    fflush(stderr);
}

void progress_start(progress *p, const char *what, uint64_t done, uint64_t total) {
    p->what = what;
    p->total = total;
    p->first = done;
    clock_gettime(CLOCK_MONOTONIC, &p->begun);
    p->drawn = p->begun;
    if (p->show)
        draw(p, done, &p->begun);
}

static void pace(const progress *p, uint64_t done, const struct timespec *now) {
    double due = (double)(done - p->first) / (double)p->limit;
    double early = due - seconds_between(&p->begun, now);
    if (early <= 0)
        return;
    struct timespec pause = {.tv_sec = (time_t)early};
    pause.tv_nsec = (long)((early - (double)pause.tv_sec) * 1e9);
    nanosleep(&pause, NULL);
}

void progress_step(progress *p, uint64_t done) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (p->limit > 0)
        pace(p, done, &now);
    if (p->show && seconds_between(&p->drawn, &now) * 1000 >= REDRAW_MS) {
        draw(p, done, &now);
        p->drawn = now;
    }
}

void progress_end(progress *p, uint64_t done) {
    struct timespec now;
    if (!p->show)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    draw(p, done, &now);
    fputc('\n', stderr);
}
