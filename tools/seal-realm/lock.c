/* SPDX-License-Identifier: Apache-2.0 */
#include "lock.h"

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

int lock_take(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_SETLK, &whole) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

pid_t lock_owner(const char *path) {
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return 0;
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int asked = fcntl(fd, F_GETLK, &whole);
    close(fd);
    return asked == 0 && whole.l_type != F_UNLCK ? whole.l_pid : 0;
}

static void interrupt(int signal_number) {
    (void)signal_number;
}

int lock_wait_free(const char *path, unsigned int seconds) {
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return 0;
    struct sigaction action = {.sa_handler = interrupt}; /* no SA_RESTART: fcntl shall return */
    sigaction(SIGALRM, &action, NULL);
    alarm(seconds);
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int got = fcntl(fd, F_SETLKW, &whole);
    alarm(0);
    close(fd);
    return got;
}
