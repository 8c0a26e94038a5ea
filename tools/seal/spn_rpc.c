/* SPDX-License-Identifier: Apache-2.0 */
#include "spn_rpc.h"

#include "base/error.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCRIPT "ds-write-spn.py"

int spn_rpc_check(const char *via, seal_error **reterr) {
    if (via == NULL || strcmp(via, "rpc") == 0)
        return 0;
    return seal__error(reterr, SEAL_ERROR_INVALID,
                       "--via %s: only rpc is known; without it LDAP is used", via);
}

/* Beside the program, as in a build and in an installation that was moved; or where it belongs. Not
 * in the source tree: on another machine that folder may be anybody's. */
static char *find_script(void) {
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash != NULL)
        *slash = '\0';
    char *places[] = {text_format("%s/../libexec/sealrpc/" SCRIPT, self),
                      text_copy(SEAL_LIBEXEC "/" SCRIPT)};
    char *found = NULL;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (found == NULL && access(places[i], R_OK) == 0)
            found = places[i];
        else
            text_free(places[i]);
    }
    return found;
}

/* "ldap://dc1.example.com:389/..." */
static char *host_of(const char *uri) {
    const char *start = strstr(uri, "://");
    start = start == NULL ? uri : start + 3;
    return text_format("%.*s", (int)strcspn(start, ":/"), start);
}

/* Its standard error is ours: it says what went wrong. */
static int run_script(const char *const *arguments) {
    pid_t pid = fork();
    if (pid == 0) {
        execvp(arguments[0], (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    int status = 0;
    pid_t waited;
    do
        waited = waitpid(pid, &status, 0);
    while (waited < 0 && errno == EINTR);
    return pid > 0 && waited == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int spn_rpc_write(const char *operation, const char *server, const char *dn, const char *spn,
                  const struct login *login, seal_error **reterr) {
    if (login->is_private)
        return seal__error(reterr, SEAL_ERROR_INVALID,
                           "--via rpc needs tickets in a file: run kinit %s, and leave out the "
                           "keytab and the principal",
                           login->principal);
    char *script = find_script();
    if (script == NULL)
        return seal__error(reterr, SEAL_ERROR_SYSTEM,
                           SCRIPT " is not in " SEAL_LIBEXEC "; install sealrpc again, or leave "
                                  "out --via rpc");
    char *host = host_of(server);
    const char *const arguments[] = {"/usr/bin/python3", script, operation, host, dn, spn,
                                     login->ccache,      NULL};
    int status = run_script(arguments);
    text_free(script);
    text_free(host);
    if (status == STATUS_OK)
        return 0;
    if (status == STATUS_UNREACHABLE || status == 127 || status < 0)
        return seal__error(reterr, SEAL_ERROR_DIRECTORY,
                           "DsWriteAccountSpn could not be called at %s; install python3 and "
                           "python3-samba, or leave out --via rpc",
                           server);
    return seal__error(reterr, SEAL_ERROR_DIRECTORY_DENIED,
                       "%s refuses to %s %s at %s for %s; let an installer do it, or give %s the "
                       "right to write service principal names",
                       server, operation, spn, dn, login->principal, login->principal);
}
