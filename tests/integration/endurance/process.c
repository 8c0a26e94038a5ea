/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

void process_init(process *p, const char *name, unsigned loops) {
    memset(p, 0, sizeof *p);
    p->loops = loops;
    char file[64];
    snprintf(file, sizeof file, "%s.port", name);
    snprintf(p->port_file, sizeof p->port_file, "%s", it_path(file));
    snprintf(file, sizeof file, "%s.journal", name);
    snprintf(p->journal, sizeof p->journal, "%s", it_path(file));
    unlink(p->journal);
}

static bool is_ready(void *arg) {
    process *p = arg;
    assert_int_equal(waitpid(p->pid, NULL, WNOHANG), 0); /* it would have said why */
    return access(p->port_file, R_OK) == 0;
}

void process_start(process *p) {
    char port[16];
    char loops[16];
    char streams[16];
    char program[] = JOURNAL_SERVER;
    snprintf(port, sizeof port, "%u", p->port);
    snprintf(loops, sizeof loops, "%u", p->loops);
    snprintf(streams, sizeof streams, "%u", p->max_streams);
    char *argv[] = {program, port, p->port_file, p->journal, loops, streams, NULL};
    unlink(p->port_file);
    assert_int_equal(posix_spawn(&p->pid, program, NULL, NULL, argv, environ), 0);
    it_wait(is_ready, p, "the server process to listen");
    unsigned number = 0;
    FILE *file = fopen(p->port_file, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%u", &number), 1);
    fclose(file);
    assert_true(p->port == 0 || p->port == number);
    p->port = (uint16_t)number;
}

static int await_end(process *p) {
    int status = 0;
    pid_t pid = 0;
    do
        pid = waitpid(p->pid, &status, 0);
    while (pid < 0 && errno == EINTR);
    assert_int_equal(pid, p->pid);
    p->pid = 0;
    return status;
}

void process_drain(process *p) {
    assert_int_equal(kill(p->pid, SIGTERM), 0);
    int status = await_end(p);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

void process_kill(process *p) {
    assert_int_equal(kill(p->pid, SIGKILL), 0);
    assert_true(WIFSIGNALED(await_end(p)));
}

/* ---- Journals ---- */

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static size_t read_one(const char *path, uint64_t **ids, size_t n) {
    struct stat info;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &info), 0);
    assert_int_equal((size_t)info.st_size % sizeof **ids, 0);
    size_t more = (size_t)info.st_size / sizeof **ids;
    *ids = realloc(*ids, (n + more + 1) * sizeof **ids);
    assert_non_null(*ids);
    assert_int_equal(fread(*ids + n, sizeof **ids, more, file), more);
    fclose(file);
    return n + more;
}

uint64_t *journal_read(const process *list, size_t n, size_t *ret_count) {
    uint64_t *ids = NULL;
    *ret_count = 0;
    for (size_t i = 0; i < n; i++)
        *ret_count = read_one(list[i].journal, &ids, *ret_count);
    qsort(ids, *ret_count, sizeof *ids, compare);
    return ids;
}

size_t journal_count(const uint64_t *ids, size_t n, uint64_t id) {
    size_t low = 0;
    size_t high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    size_t count = 0;
    while (low + count < n && ids[low + count] == id)
        count++;
    return count;
}

/* ---- The rest ---- */

Jtest__Figures process_figures(seal_channel *channel) {
    const Jtest__Order order = JTEST__ORDER__INIT;
    const Jtest__Figures *figures = NULL;
    seal_result *result = jtest_journal_sync_get_figures(channel, &order, NULL, &figures);
    if (figures == NULL)
        print_error("figures: %s\n", seal_result_message(result));
    assert_non_null(figures);
    Jtest__Figures copy = *figures;
    seal_result_free(result);
    return copy;
}

bool is_full(void) {
    const char *full = getenv("SEALRPC_TEST_FULL");
    return full != NULL && strcmp(full, "1") == 0;
}

double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
