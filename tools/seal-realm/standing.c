/* SPDX-License-Identifier: Apache-2.0 */
#include "standing.h"

#include "children.h"
#include "cleanup.h"
#include "daemon.h"
#include "database.h"
#include "directory.h"
#include "domain.h"
#include "environment.h"
#include "lock.h"
#include "marker.h"
#include "namespaces.h"
#include "realm.h"
#include "report.h"
#include "text.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_S = 5 };

int standing_env(const char *folder) {
    struct realm realm = {0};
    int status = marker_load(&realm, folder);
    if (status == 0)
        environment_print(&realm);
    if (status == 0 && fflush(stdout) != 0) {
        complain("cannot write: %s", strerror(errno));
        status = STATUS_FAILED;
    }
    realm_done(&realm);
    return status;
}

/* false when it stays. */
static bool end_daemon(const struct realm *realm, enum daemon which) {
    static const int signals[] = {SIGTERM, SIGKILL};
    char *lock = daemon_file(realm, which, "lock");
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        pid_t pid = lock_owner(lock);
        if (pid <= 0)
            break;
        if (kill(pid, signals[i]) != 0 && errno != ESRCH)
            complain("cannot end %s (process %d): %s", daemon_title(which), (int)pid,
                     strerror(errno));
        kill(pid, SIGCONT);
        lock_wait_free(lock, PATIENCE_S);
    }
    free(lock);
    pid_t left = daemon_pid(realm, which);
    if (left > 0)
        complain("%s (process %d) does not end; %s stays", daemon_title(which), (int)left,
                 realm->folder);
    return left <= 0;
}

int standing_remove(const char *folder) {
    struct realm realm = {.folder = text_format("%s", folder)};
    bool ended = true;
    for (enum daemon which = 0; which < DAEMON_COUNT; which++)
        ended = end_daemon(&realm, which) && ended;
    realm_done(&realm);
    return ended ? cleanup_folder(folder) : STATUS_FAILED;
}

int standing_enter(const char *folder, char *const *command) {
    struct realm realm = {0};
    int status = marker_load(&realm, folder);
    if (status == 0 && realm.ports[DAEMON_DC] != 0) {
        pid_t pid = daemon_pid(&realm, DAEMON_DC);
        if (pid <= 0) {
            complain("the domain controller does not run; start it with: seal-realm restart dc %s",
                     realm.folder);
            status = STATUS_FAILED;
        } else {
            status = namespaces_enter(pid);
        }
    }
    if (status == 0) {
        environment_enter(&realm);
        execvp(command[0], command);
        status = errno == ENOENT ? -127 : -126; /* as shells do */
        complain("cannot run %s: %s", command[0], strerror(errno));
    }
    realm_done(&realm);
    return status;
}

int standing_stop(const char *folder) {
    struct realm realm = {0};
    int status = marker_load(&realm, folder);
    if (status == 0) {
        char *lock = realm_path(&realm, REALM_GUARDIAN_LOCK);
        pid_t guardian = lock_owner(lock);
        free(lock);
        if (guardian > 0) { /* run is in charge, or start has not finished */
            complain("%s is in use by a running seal-realm; end that one instead", folder);
            status = STATUS_USAGE;
        }
    }
    if (status == 0)
        status = standing_remove(realm.folder);
    realm_done(&realm);
    return status;
}

int standing_add(struct options *options, const char *folder) {
    struct realm realm = {0};
    struct children children = {.death_fd = -1};
    int status = marker_load(&realm, folder);
    if (status == 0) {
        options->realm = realm.name;
        status = options_names(options);
    }
    if (status == 0) {
        environment_enter(&realm);
        setenv("LC_ALL", "C", 1);
        status = children_init(&children);
    }
    if (status == 0) {
        if (realm.ports[DAEMON_DC] != 0)
            status = domain_add(&realm, options, &children);
        else
            status = database_add(&realm, options, &children, -1);
        if (status == 0)
            status = directory_add(&realm, options, &children);
        children_done(&children);
    }
    if (status == 0)
        database_say(&realm, options, false);
    options->realm = NULL;
    realm_done(&realm);
    return status;
}
