/* SPDX-License-Identifier: Apache-2.0 */
#include "upload.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_TRIES = 100, LOCK_PAUSE_NS = 100 * 1000 * 1000 };

typedef struct upload {
    const store *store;
    seal_call *call;
    upload_key key;
    char name[NAME_LEN_MAX + 1];
    uint8_t digest[SHA256_LEN]; /* what it is to be */
    uint64_t size;
    uint64_t have;
    sha256 *sum; /* of what there is */
    int fd;
    bool settled; /* it has its name */
} upload;

/* ---- Prepare --------------------------------------------------------------------------------- */

static bool check_offer(seal_call *call, const Demo__Offer *offer) {
    if (offer == NULL || offer->sha256.len != SHA256_LEN || offer->size > INT64_MAX) {
        seal_call_fail(call, SEAL_STATUS_INVALID_ARGUMENT,
                       "an offer needs a name, a size and a SHA-256 of %d bytes", SHA256_LEN);
        return false;
    }
    return check_name(call, offer->name);
}

/* 0: the file that has this name has these bytes; -EEXIST: it has others; -ENOENT: there is none.
 */
static int compare(seal_call *call, const store *s, const Demo__Offer *offer) {
    uint64_t size = 0;
    uint8_t digest[SHA256_LEN];
    int fd = store_read(s, offer->name, &size);
    if (fd < 0)
        return fd;
    sha256 *sum = sha256_new();
    int rc = sum == NULL || size != offer->size ? -EEXIST : 0;
    if (rc == 0)
        rc = sha256_add_file(sum, fd, size, still_wanted, call);
    if (rc == 0 &&
        (!sha256_end(sum, digest) || memcmp(digest, offer->sha256.data, SHA256_LEN) != 0))
        rc = -EEXIST;
    sha256_free(sum);
    close(fd);
    return rc;
}

static bool make_key(seal_call *call, const Demo__Offer *offer, upload_key *key) {
    const char *owner = seal_peer_principal(seal_call_peer(call));
    if (upload_key_make(key, owner, offer->name, offer->size, offer->sha256.data))
        return true;
    fail_with(call, -ENOMEM, offer->name);
    return false;
}

void upload_prepare(seal_call *call, const Demo__Offer *request, void *user) {
    upload_key key;
    Demo__Accepted reply = DEMO__ACCEPTED__INIT;
    if (!check_offer(call, request) || !make_key(call, request, &key))
        return;
    int rc = compare(call, user, request);
    if (rc < 0 && rc != -ENOENT) {
        fail_with(call, rc, request->name);
        return;
    }
    uint64_t have = store_upload_size(user, &key);
    reply.complete = rc == 0;
    reply.offset = rc == 0 ? request->size : have < request->size ? have : request->size;
    demo_files_reply_prepare(call, &reply);
}

/* ---- Put ------------------------------------------------------------------------------------- */

/* A client that comes back may be faster than the news that its connection was lost. */
static int open_upload(const upload *u) {
    const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
    int fd = store_upload_open(u->store, &u->key);
    for (int i = 0; i < LOCK_TRIES && fd == -EWOULDBLOCK; i++) {
        if (seal_call_is_cancelled(u->call))
            return -ECANCELED;
        nanosleep(&pause, NULL);
        fd = store_upload_open(u->store, &u->key);
    }
    return fd;
}

/* Reads the first message, and finds what has been kept. false: the call is answered. */
static bool begin(upload *u) {
    const Demo__Part *part = NULL;
    int rc = demo_files_take_put(u->call, &part);
    if (rc != 1 || part->what_case != DEMO__PART__WHAT_BEGIN) {
        seal_call_fail(u->call, rc < 0 ? SEAL_STATUS_CANCELLED : SEAL_STATUS_INVALID_ARGUMENT,
                       "an upload starts with begin");
        return false;
    }
    const Demo__Offer *offer = part->begin->offer;
    if (!check_offer(u->call, offer) || !make_key(u->call, offer, &u->key))
        return false;
    snprintf(u->name, sizeof u->name, "%s", offer->name);
    memcpy(u->digest, offer->sha256.data, SHA256_LEN);
    u->size = offer->size;
    u->have = part->begin->offset;
    u->fd = open_upload(u);
    if (u->fd < 0) {
        fail_with(u->call, u->fd, u->name);
        return false;
    }
    return true;
}

/* What is there beyond the offset was not known when the client asked; it comes again. */
static int resume(upload *u) {
    if (u->have > store_upload_size(u->store, &u->key) || u->have > u->size) {
        seal_call_fail(u->call, SEAL_STATUS_ABORTED,
                       "%s: fewer than %" PRIu64 " bytes have been kept; prepare again", u->name,
                       u->have);
        return -EINVAL;
    }
    int rc = ftruncate(u->fd, (off_t)u->have) == 0 ? 0 : -errno;
    if (rc == 0)
        rc = sha256_add_file(u->sum, u->fd, u->have, still_wanted, u->call);
    if (rc < 0)
        fail_with(u->call, rc, u->name);
    return rc;
}

static int take_data(upload *u, const Demo__Part *part) {
    if (part->what_case != DEMO__PART__WHAT_DATA || part->data.len > u->size - u->have) {
        seal_call_fail(u->call, SEAL_STATUS_INVALID_ARGUMENT,
                       "%s: more than the %" PRIu64 " bytes that were offered", u->name, u->size);
        return -EINVAL;
    }
    int rc = write_at(u->fd, part->data.data, part->data.len, u->have);
    if (rc == 0 && !sha256_add(u->sum, part->data.data, part->data.len))
        rc = -EIO;
    if (rc < 0)
        fail_with(u->call, rc, u->name);
    else
        u->have += part->data.len;
    return rc;
}

static void finish(upload *u) {
    uint8_t digest[SHA256_LEN];
    Demo__File reply = DEMO__FILE__INIT;
    if (u->have < u->size) {
        seal_call_fail(u->call, SEAL_STATUS_ABORTED,
                       "%s: %" PRIu64 " of %" PRIu64 " bytes came and are kept; prepare again",
                       u->name, u->have, u->size);
        return;
    }
    if (!sha256_end(u->sum, digest) || memcmp(digest, u->digest, SHA256_LEN) != 0) {
        store_upload_drop(u->store, &u->key);
        seal_call_fail(u->call, SEAL_STATUS_DATA_LOSS,
                       "%s: the checksum is wrong, and nothing was kept; upload it again", u->name);
        return;
    }
    int rc = settle_file(u->store->folder, u->fd, u->key.file, u->name);
    if (rc < 0) {
        if (rc == -EEXIST)
            store_upload_drop(u->store, &u->key);
        fail_with(u->call, rc, u->name);
        return;
    }
    u->settled = true;
    printf("put %s (%" PRIu64 " bytes) by %s\n", u->name, u->size,
           seal_peer_principal(seal_call_peer(u->call)));
    fflush(stdout);
    reply.name = u->name;
    reply.size = u->size;
    demo_files_reply_put(u->call, &reply);
}

static void receive(upload *u) {
    const Demo__Part *part = NULL;
    if (resume(u) < 0)
        return;
    for (;;) {
        int rc = demo_files_take_put(u->call, &part);
        if (rc == 0) {
            finish(u);
            return;
        }
        if (rc < 0) {
            fail_with(u->call, -ECANCELED, u->name);
            return;
        }
        if (take_data(u, part) < 0)
            return;
    }
}

void upload_put(seal_call *call, void *user) {
    upload u = {.store = user, .call = call, .fd = -1};
    if (!begin(&u))
        return;
    u.sum = sha256_new();
    if (u.sum == NULL)
        fail_with(call, -ENOMEM, u.name);
    else
        receive(&u);
    sha256_free(u.sum);
    if (u.have == 0 && !u.settled)
        store_upload_drop(u.store, &u.key); /* nothing to go on with */
    close(u.fd);                            /* and the lock with it */
}
