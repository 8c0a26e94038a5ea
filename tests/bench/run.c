/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures; see docs/benchmarks.md. Runs inside a realm with the service bench/localhost.
 */
#include "bench/run.h"

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/temporary_folder.h"

static const char usage[] =
    "usage: seal-bench-run [--quick | --full | --accept | --check] [--rounds N] [--seconds S]\n"
    "                      [--json FILE] [--report FOLDER] [--system NAME]... [--load NAME]...\n";

enum { PRIORITY = -10 };

/* ---- Options ---- */

static bool add_name(const char **names, size_t *n, size_t max) {
    if (*n == max)
        return false;
    names[(*n)++] = optarg;
    return true;
}

static bool take_option(run_options *options, int option) {
    switch (option) {
    case 'q':
        options->set = RUN_QUICK;
        return true;
    case 'f':
        options->set = RUN_FULL;
        return true;
    case 'a':
        options->set = RUN_ACCEPT;
        return true;
    case 'c':
        options->set = RUN_CHECK;
        return true;
    case 'r':
        options->rounds = (unsigned)strtoul(optarg, NULL, 10);
        return options->rounds > 0 && options->rounds <= RUN_MAX_ROUNDS;
    case 't':
        options->seconds = strtod(optarg, NULL);
        return options->seconds > 0;
    case 'j':
        options->json = optarg;
        return true;
    case 'o':
        options->report = optarg;
        return true;
    case 's':
        return add_name(options->systems, &options->n_systems, RUN_MAX_SYSTEMS);
    case 'l':
        return add_name(options->loads, &options->n_loads, RUN_MAX_LOADS);
    default:
        return false;
    }
}

static bool parse_options(int argc, char **argv, run_options *options) {
    static const struct option names[] = {
        {"quick", no_argument, NULL, 'q'},         {"full", no_argument, NULL, 'f'},
        {"all", no_argument, NULL, 'f'},           {"accept", no_argument, NULL, 'a'},
        {"check", no_argument, NULL, 'c'},         {"rounds", required_argument, NULL, 'r'},
        {"seconds", required_argument, NULL, 't'}, {"json", required_argument, NULL, 'j'},
        {"report", required_argument, NULL, 'o'},  {"system", required_argument, NULL, 's'},
        {"load", required_argument, NULL, 'l'},    {NULL, 0, NULL, 0}};
    int option = 0;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (!take_option(options, option))
            return false;
    }
    return optind == argc;
}

/* ---- The folder: certificates, and what is checked ---- */

static char folder[PATH_MAX];

static void remove_folder(void) {
    if (chdir(folder) == 0) {
        unlink("ca.pem");
        unlink("cert.pem");
        unlink("key.pem");
    }
    rmdir(folder);
}

static void on_signal(int number) {
    remove_folder();
    signal(number, SIG_DFL);
    raise(number);
}

/* The servers make what they need in it. */
static bool make_folder(void) {
    char made[PATH_MAX];
    if (temporary_folder("seal-bench", made, sizeof made) != 0 || realpath(made, folder) == NULL ||
        setenv("SEAL_BENCH_TLS_DIR", folder, 1) != 0)
        return false;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    signal(SIGHUP, on_signal);
    return true;
}

/* ---- Check ---- */

static bool check_json(const run_table *table) {
    char path[PATH_MAX + sizeof "/check.json"];
    static char text[1 << 18];
    snprintf(path, sizeof path, "%s/check.json", folder);
    bool ok = run_write_json(table, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    unlink(path);
    ok = ok && n > 0 && (size_t)n < sizeof text - 1;
    text[n > 0 ? n : 0] = '\0';
    if (!ok || !run_is_json(text) || run_is_json("{\"a\": [1, 2,]}"))
        fprintf(stderr, "seal-bench-run: the JSON is not JSON\n");
    return ok && run_is_json(text);
}

static bool report(const run_table *table, const run_options *options) {
    bool ok = true;
    if (options->set == RUN_CHECK)
        ok = check_json(table);
    else if (options->set == RUN_ACCEPT)
        ok = run_accept_print(table);
    else
        run_print(table);
    if (options->json != NULL)
        ok = run_write_json(table, options->json) && ok;
    if (options->report != NULL)
        ok = run_write_markdown(table, options->report) && run_plot(table, options->report) && ok;
    return ok;
}

int main(int argc, char **argv) {
    static run_table table;
    static run_options options;
    if (!parse_options(argc, argv, &options) || !run_table_make(&table, &options)) {
        fputs(usage, stderr);
        return 2;
    }
    if (!make_folder()) {
        perror("seal-bench-run: a temporary folder");
        return 1;
    }
    /* For all systems alike, where it is allowed: what else the machine does disturbs less. */
    table.priority_raised = options.set != RUN_CHECK && setpriority(PRIO_PROCESS, 0, PRIORITY) == 0;
    bool ok = run_measure(&table);
    ok = report(&table, &options) && ok;
    remove_folder();
    return !ok;
}
