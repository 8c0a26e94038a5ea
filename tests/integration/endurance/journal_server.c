/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: seal-journal-server PORT PORT_FILE JOURNAL [LOOPS [MAX_STREAMS]]
 *
 * Serves jtest.Journal and jtest.Work as echo/localhost until SIGTERM. The journal is a file of
 * 8-byte ids in the order of execution. Each is written by one write before the handler does
 * anything else, so it is there even if the process is killed in the next instant.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "counting.h"
#include "journal.seal.h"
#include "support/port_file.h"

enum { POUR_MAX = 1024 * 1024 };

static int journal;
static atomic_ullong alive;
static atomic_ullong max_alive;
static atomic_ullong held;
static atomic_ullong poured;
static counting memory;

static void write_down(uint64_t id) {
    if (write(journal, &id, sizeof id) != (ssize_t)sizeof id)
        abort();
}

static void wait_us(uint32_t us) {
    struct timespec time = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};
    while (us > 0 && nanosleep(&time, &time) != 0)
        continue;
}

/* ---- Figures ---- */

static uint64_t resident(void) {
    unsigned long long size = 0;
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%llu %llu", &size, &pages) != 2)
        pages = 0;
    fclose(file);
    return pages * (unsigned long long)sysconf(_SC_PAGESIZE);
}

/* ---- Journal ---- */

static void execute(seal_call *call, const Jtest__Order *order, void *user) {
    (void)user;
    Jtest__Receipt receipt = JTEST__RECEIPT__INIT;
    write_down(order->id);
    receipt.id = order->id;
    jtest_journal_reply_execute(call, &receipt);
}

static void let_go(seal_call *call, void *user) {
    (void)user;
    atomic_fetch_sub(&alive, 1);
    seal_call_fail(call, SEAL_STATUS_CANCELLED, "cancelled");
    seal_call_unref(call);
}

static void hold(seal_call *call, const Jtest__Order *order, void *user) {
    (void)user;
    write_down(order->id);
    atomic_fetch_add(&held, 1);
    counting_raise(&max_alive, atomic_fetch_add(&alive, 1) + 1);
    seal_call_ref(call);
    seal_call_on_cancel(call, let_go, NULL);
}

typedef struct pouring {
    Jtest__Receipt receipt;
    uint32_t left;
} pouring;

static void pour_ended(seal_call *call, pouring *p) {
    seal_call_unref(call);
    free(p->receipt.data.data);
    free(p);
}

static void pour_on(seal_call *call, void *user) {
    pouring *p = user;
    int rc = 0;
    while (p->left > 0 && (rc = jtest_journal_send_pour(call, &p->receipt)) == 0) {
        p->left--;
        atomic_fetch_add(&poured, 1);
    }
    if (rc == SEAL_ERROR_AGAIN)
        return;
    if (rc < 0)
        seal_call_fail(call, SEAL_STATUS_CANCELLED, "%s", seal_error_code_text(rc));
    else
        seal_call_finish(call);
    pour_ended(call, p);
}

static void pour_cancelled(seal_call *call, void *user) {
    seal_call_fail(call, SEAL_STATUS_CANCELLED, "cancelled");
    pour_ended(call, user);
}

static void pour(seal_call *call, const Jtest__Order *order, void *user) {
    (void)user;
    write_down(order->id);
    pouring *p = calloc(1, sizeof *p);
    uint8_t *data = order->size <= POUR_MAX ? calloc(1, order->size + 1) : NULL;
    if (p == NULL || data == NULL) {
        free(p);
        free(data);
        seal_call_fail(call, SEAL_STATUS_RESOURCE_EXHAUSTED, "no memory");
        return;
    }
    jtest__receipt__init(&p->receipt);
    p->receipt.id = order->id;
    p->receipt.data.data = data;
    p->receipt.data.len = order->size;
    p->left = order->count;
    seal_call_ref(call);
    seal_call_on_writable(call, pour_on, p);
    seal_call_on_cancel(call, pour_cancelled, p);
    pour_on(call, p);
}

static void ignore(seal_call *call, void *user) {
    (void)user;
    atomic_fetch_add(&alive, 1);
    seal_call_ref(call);
    seal_call_on_cancel(call, let_go, NULL);
}

static void get_figures(seal_call *call, const Jtest__Order *order, void *user) {
    (void)order;
    (void)user;
    Jtest__Figures figures = JTEST__FIGURES__INIT;
    figures.alive = atomic_load(&alive);
    figures.max_alive = atomic_load(&max_alive);
    figures.held = atomic_load(&held);
    figures.allocated = atomic_load(&memory.bytes);
    figures.max_allocated = atomic_load(&memory.peak);
    figures.resident = resident();
    figures.poured = atomic_load(&poured);
    jtest_journal_reply_get_figures(call, &figures);
}

/* ---- Work ---- */

static void work(seal_call *call, const Jtest__Order *order, void *user) {
    (void)user;
    Jtest__Receipt receipt = JTEST__RECEIPT__INIT;
    write_down(order->id);
    wait_us(order->work_us);
    receipt.id = order->id;
    jtest_work_reply_execute(call, &receipt);
}

static void list(seal_call *call, const Jtest__Order *order, void *user) {
    (void)user;
    Jtest__Receipt receipt = JTEST__RECEIPT__INIT;
    write_down(order->id);
    receipt.id = order->id;
    for (uint32_t i = 0; i < order->count; i++) {
        wait_us(order->work_us);
        if (jtest_work_put_list(call, &receipt) < 0) {
            seal_call_fail(call, SEAL_STATUS_CANCELLED, "cancelled");
            return;
        }
    }
    seal_call_finish(call);
}

/* ---- The program ---- */

static int serve(seal_server *server, char **argv, seal_error **reterr) {
    static const jtest_journal_ops journal_ops = {.size = sizeof journal_ops,
                                                  .execute = execute,
                                                  .hold = hold,
                                                  .pour = pour,
                                                  .ignore = ignore,
                                                  .get_figures = get_figures};
    static const jtest_work_ops work_ops = {.size = sizeof work_ops, .execute = work, .list = list};
    char address[64];
    snprintf(address, sizeof address, "localhost:%s", argv[1]);
    int rc = jtest_journal_register(server, &journal_ops, NULL, reterr);
    if (rc == 0)
        rc = jtest_work_register_blocking(server, &work_ops, NULL, reterr);
    if (rc == 0)
        rc = seal_server_add_address(server, address, reterr);
    return rc == 0 ? port_file_run(server, argv[2], reterr) : rc;
}

int main(int argc, char **argv) {
    if (argc < 4 || (journal = open(argv[3], O_WRONLY | O_APPEND | O_CREAT, 0600)) < 0) {
        fprintf(stderr, "usage: %s PORT PORT_FILE JOURNAL [LOOPS [MAX_STREAMS]]\n", argv[0]);
        return 2;
    }
    counting_init(&memory);
    seal_runtime_options runtime_options;
    seal_runtime_options_init(&runtime_options);
    runtime_options.allocator = &memory.allocator;
    runtime_options.log = seal_log_to_stderr;
    seal_server_options options;
    seal_server_options_init(&options);
    options.principal = "echo/localhost";
    options.skip_startup_check = true;
    options.stop_grace_ms = 60000;
    options.loops = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 0;
    options.max_streams = argc > 5 ? (uint32_t)strtoul(argv[5], NULL, 10) : 0;
    seal_runtime *runtime = NULL;
    seal_server *server = NULL;
    seal_error *error = NULL;
    int rc = seal_runtime_new(&runtime_options, &runtime, &error);
    if (rc == 0)
        rc = seal_server_new(runtime, &options, &server, &error);
    if (rc == 0)
        rc = serve(server, argv, &error);
    if (rc < 0 && error != NULL)
        fprintf(stderr, "%s: %s\n", argv[0], seal_error_message(error));
    seal_error_free(error);
    seal_server_free(server);
    seal_runtime_free(runtime);
    close(journal);
    return rc < 0;
}
