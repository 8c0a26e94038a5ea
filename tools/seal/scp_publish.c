/* SPDX-License-Identifier: Apache-2.0 */
/* seal scp publish: a connection point for a server that does not publish itself. */
#include "keytab.h"
#include "report.h"
#include "scp_common.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DEFAULT_LEASE_S = 60, STEADY_S = 60, RETRY_S = 5 };

struct publication {
    struct scp_session session;
    struct words services;
    const char *spn_class;
    const char *host;
    const char *account;
    const char *name; /* NULL: default_name */
    char default_name[SEAL__SCP_CN_MAX];
    uint32_t port, priority, weight, lease_s;
    bool hold;
    char account_dn[SEAL__SCP_DN_MAX];
    seal__scp scp;
};

/* The option that is missing; NULL: none. */
static const char *missing(const struct publication *p) {
    return p->services.n == 0     ? "--service NAME"
           : p->spn_class == NULL ? "--class CLASS"
           : p->host == NULL      ? "--host HOST"
           : p->port == 0         ? "--port PORT"
                                  : NULL;
}

static int fill_scp(struct publication *p, seal_error **reterr) {
    seal__scp *scp = &p->scp;
    if (p->services.n > SEAL__SCP_SERVICES)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "%zu services are too many for one entry: "
                           "%d are the limit",
                           p->services.n, (int)SEAL__SCP_SERVICES);
    for (size_t i = 0; i < p->services.n; i++) {
        if (strlen(p->services.items[i]) >= sizeof scp->services[0])
            return seal__error(reterr, SEAL_ERROR_INVALID,
                               "the name of service '%.40s...' is too "
                               "long",
                               p->services.items[i]);
        snprintf(scp->services[i], sizeof scp->services[0], "%s", p->services.items[i]);
    }
    scp->n_services = p->services.n;
    if (strlen(p->spn_class) >= sizeof scp->spn_class)
        return seal__error(reterr, SEAL_ERROR_INVALID, "--class %s is too long", p->spn_class);
    snprintf(scp->spn_class, sizeof scp->spn_class, "%s", p->spn_class);
    int length =
        snprintf(p->default_name, sizeof p->default_name, "seal-%s-%u", p->spn_class, p->port);
    if (p->name == NULL && (size_t)length >= sizeof p->default_name)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "seal-%s-%u is too long for the name of an entry; give --name CN",
                           p->spn_class, p->port);
    scp->port = (uint16_t)p->port;
    scp->priority = (uint16_t)p->priority;
    scp->weight = (uint16_t)p->weight;
    return seal_spn_normalize_host(p->host, scp->host, reterr);
}

/* The account named, or the one that carries the SPN: clients leave out all others. */
static int find_account(struct publication *p, seal_error **reterr) {
    char spn[SEAL_SPN_MAX];
    if (p->account != NULL)
        return account_find(p->session.directory, p->account, p->account_dn, reterr);
    int rc = seal_spn_make(p->spn_class, p->scp.host, 0, NULL, spn, reterr);
    return rc < 0 ? rc : seal__scp_find_account(p->session.directory, spn, p->account_dn, reterr);
}

static uint32_t lease_of(const struct publication *p) {
    return p->lease_s == 0 && p->hold ? DEFAULT_LEASE_S : p->lease_s;
}

/* A keytab may have more than this service's key. */
static int log_in(struct publication *p, seal_error **reterr) {
    struct login_options *who = &p->session.who;
    struct keytab keytab = {0};
    char *own = text_format("%s/%s@", p->spn_class, p->scp.host);
    const char *principal = who->principal;
    if (who->keytab != NULL && principal == NULL && keytab_read(who->keytab, &keytab, NULL) == 0)
        for (size_t i = 0; i < keytab.n && who->principal == NULL; i++)
            if (strncmp(keytab.entries[i].principal, own, strlen(own)) == 0)
                who->principal = keytab.entries[i].principal;
    int rc = scp_session_open(&p->session, reterr);
    who->principal = principal;
    keytab_done(&keytab);
    text_free(own);
    return rc;
}

static int publish_here(void *user, seal_error **reterr) {
    struct publication *p = user;
    const char *name = p->name == NULL ? p->default_name : p->name;
    int rc = find_account(p, reterr);
    return rc < 0 ? rc
                  : seal__scp_publish(p->session.directory, p->account_dn, name, &p->scp,
                                      lease_of(p), reterr);
}

static int publish_once(struct publication *p, seal_error **reterr) {
    int rc = 0;
    if (p->session.directory == NULL)
        rc = log_in(p, reterr);
    return rc < 0 ? rc : scp_session_write(&p->session, publish_here, p, reterr);
}

/* ---- Holding ---- */

static void block_signals(sigset_t *set) {
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
    sigprocmask(SIG_BLOCK, set, NULL);
}

/* false: a signal has come. */
static bool sleep_s(const sigset_t *set, uint32_t seconds) {
    struct timespec end, now;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += (time_t)seconds;
    for (;;) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec >= end.tv_sec)
            return true;
        const struct timespec left = {.tv_sec = end.tv_sec - now.tv_sec};
        int got = sigtimedwait(set, NULL, &left);
        if (got > 0)
            return false;
        if (got < 0 && errno != EINTR && errno != EAGAIN)
            return false;
    }
}

/* Says it is still there; makes it again when it has gone. */
static int keep_up(struct publication *p, seal_error **reterr) {
    uint32_t granted = 0;
    bool leased = p->session.directory != NULL && lease_of(p) > 0 &&
                  seal__directory_has_leases(p->session.directory);
    if (leased) {
        seal_error *ignored = NULL;
        int rc = seal__directory_refresh(p->session.directory, p->scp.dn, lease_of(p), &granted,
                                         &ignored);
        seal_error_free(ignored);
        if (rc == 0)
            return 0;
        if (rc == SEAL_ERROR_DIRECTORY)
            scp_session_close(&p->session);
    }
    int rc = publish_once(p, reterr);
    if (rc < 0) /* a connection that failed is not used again; another server is tried, too */
        scp_session_close(&p->session);
    return rc;
}

static int delete_once(struct publication *p, seal_error **reterr) {
    int rc = p->session.directory == NULL ? log_in(p, reterr) : 0;
    return rc < 0 ? rc : scp_session_remove(&p->session, p->scp.dn, reterr);
}

static int withdraw(struct publication *p) {
    seal_error *error = NULL;
    bool connected = p->session.directory != NULL;
    int rc = delete_once(p, &error);
    if (rc == SEAL_ERROR_DIRECTORY && connected) { /* lost since the last time */
        seal_error_free(error);
        error = NULL;
        scp_session_close(&p->session);
        rc = delete_once(p, &error);
    }
    if (rc == 0 || rc == SEAL_ERROR_NOT_FOUND) {
        seal_error_free(error);
        printf("removed %s\n", p->scp.dn);
        return STATUS_OK;
    }
    char word[ACCOUNT_WORD];
    seal__error_prefix(&error, "%s stays in the directory; run: seal scp remove %s", p->scp.dn,
                       account_word(p->scp.dn, word));
    return complain_error(error);
}

static int hold(struct publication *p, const sigset_t *set) {
    uint32_t lease = lease_of(p);
    uint32_t steady = lease > 0 && lease / 3 < STEADY_S ? lease / 3 : STEADY_S;
    uint32_t pause = steady == 0 ? 1 : steady;
    bool failing = false;
    while (sleep_s(set, pause)) {
        seal_error *error = NULL;
        bool failed = keep_up(p, &error) < 0;
        if (failed && !failing)
            complain_error(error);
        else
            seal_error_free(error);
        if (failing && !failed)
            say("%s is up to date again", p->scp.dn);
        failing = failed;
        pause = failed && steady > RETRY_S ? RETRY_S : steady == 0 ? 1 : steady;
    }
    return withdraw(p);
}

static int publish(struct publication *p) {
    sigset_t set;
    seal_error *error = NULL;
    if (p->hold)
        block_signals(&set);
    int rc = fill_scp(p, &error);
    if (rc == 0)
        rc = publish_once(p, &error);
    if (rc < 0)
        return complain_error(error);
    printf("published %s\n", p->scp.dn);
    fflush(stdout);
    return p->hold ? hold(p, &set) : STATUS_OK;
}

static int run(const struct command *command, int argc, char **argv) {
    struct publication p = {0};
    const struct option_spec specs[] = {
        {"service", "NAME", "full name of a service; may be repeated", .list = &p.services},
        {"class", "CLASS", "class of its SPN", .text = &p.spn_class},
        {"host", "HOST", "the host that clients connect to", .text = &p.host},
        {"port", "PORT", "the port", .number = &p.port, .max = UINT16_MAX},
        {"account", "ACCOUNT", "whose it is, as DN or name (default: that with CLASS/HOST)",
         .text = &p.account},
        {"name", "CN", "name of the entry (default: seal-CLASS-PORT)", .text = &p.name},
        {"priority", "N", "clients use the smallest that works", .number = &p.priority,
         .max = UINT16_MAX},
        {"weight", "N", "share among equal priorities", .number = &p.weight, .max = UINT16_MAX},
        {"lease", "SECONDS", "it vanishes when not refreshed (OpenLDAP with dds)",
         .number = &p.lease_s, .max = 31557600},
        {"hold", NULL, "refresh it until a signal comes, then remove it", .flag = &p.hold},
        SCP_OPTION_SPECS(&p.session),
        {0}};
    struct words words = {0};
    int status;
    if (options_parse(command, specs, argc, argv, 0, 0, &words, &status)) {
        const char *what = missing(&p);
        status = what == NULL
                     ? publish(&p)
                     : complain(STATUS_USAGE, "%s is missing; see: seal scp publish --help", what);
    }
    scp_session_close(&p.session);
    words_done(&p.services);
    words_done(&words);
    return status;
}

const struct command command_scp_publish = {
    .group = "scp",
    .name = "publish",
    .arguments = "--service NAME... --class CLASS --host HOST --port PORT",
    .summary = "say in the directory where a service is",
    .details =
        "For servers that do not do it themselves. By default the rights of the current ticket\n"
        "are used; a service has them on its own account: give its keytab with --keytab.\n"
        "With --hold the lease is 60 s unless --lease says otherwise; without it there is none.\n",
    .run = run};
