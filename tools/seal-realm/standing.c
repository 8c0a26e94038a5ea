/* SPDX-License-Identifier: Apache-2.0 */
#include "standing.h"

#include "children.h"
#include "cleanup.h"
#include "database.h"
#include "environment.h"
#include "lock.h"
#include "marker.h"
#include "realm.h"
#include "report.h"
#include "text.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_S = 5 };

int standing_env(const char *folder) {
    struct realm realm = {0};
    int status = marker_load(&realm, folder);
    if (status == 0)
        environment_print(realm.folder);
    if (status == 0 && fflush(stdout) != 0) {
        complain("cannot write: %s", strerror(errno));
        status = STATUS_FAILED;
    }
    realm_done(&realm);
    return status;
}

int standing_remove(const char *folder) {
    char *lock = text_format("%s/%s", folder, REALM_KDC_LOCK);
    static const int signals[] = {SIGTERM, SIGKILL};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        pid_t kdc = lock_owner(lock);
        if (kdc <= 0)
            break;
        if (kill(kdc, signals[i]) != 0 && errno != ESRCH)
            complain("cannot end the KDC (process %d): %s", (int)kdc, strerror(errno));
        lock_wait_free(lock, PATIENCE_S);
    }
    pid_t left = lock_owner(lock);
    free(lock);
    if (left > 0) {
        complain("the KDC (process %d) does not end; %s stays", (int)left, folder);
        return STATUS_FAILED;
    }
    return cleanup_folder(folder);
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
        environment_enter(realm.folder);
        setenv("LC_ALL", "C", 1);
        status = children_init(&children);
    }
    if (status == 0) {
        status = database_add(&realm, options, &children, -1);
        children_done(&children);
    }
    if (status == 0)
        database_say(&realm, options, false);
    options->realm = NULL;
    realm_done(&realm);
    return status;
}
