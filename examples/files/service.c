/* SPDX-License-Identifier: Apache-2.0 */
#include "service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "upload.h"

/* ---- Failures -------------------------------------------------------------------------------- */

void fail_with(seal_call *call, int rc, const char *name) {
    switch (-rc) {
    case ENOENT:
        seal_call_fail(call, SEAL_STATUS_NOT_FOUND, "%s: there is no such file; see list", name);
        break;
    case EEXIST:
        seal_call_fail(call, SEAL_STATUS_ALREADY_EXISTS,
                       "%s: there is another file of this name; choose another name", name);
        break;
    case EWOULDBLOCK:
        seal_call_fail(call, SEAL_STATUS_ABORTED,
                       "%s: this upload is going on already; wait for it to end", name);
        break;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        seal_call_fail(call, SEAL_STATUS_RESOURCE_EXHAUSTED,
                       "%s: the server's disk is full; what came is kept, so go on later", name);
        break;
    case ECANCELED:
        seal_call_fail(call, SEAL_STATUS_CANCELLED, "%s: nobody waits for it any more", name);
        break;
    default: /* the details are for the log only */
        fprintf(stderr, "files-server: %s: %s\n", name, strerror(-rc));
        seal_call_fail(call, SEAL_STATUS_INTERNAL, "%s: the server's disk failed", name);
    }
}

bool check_name(seal_call *call, const char *name) {
    if (name_is_good(name))
        return true;
    seal_call_fail(call, SEAL_STATUS_INVALID_ARGUMENT,
                   "a name has 1 to %d bytes, no slash, no control character and no dot in front",
                   NAME_LEN_MAX);
    return false;
}

/* Reading a long file: until nobody waits for it. */
bool still_wanted(void *user, uint64_t done) {
    (void)done;
    return !seal_call_is_cancelled(user);
}

/* ---- List ------------------------------------------------------------------------------------ */

static bool list_one(void *user, const char *name, uint64_t size) {
    char copy[NAME_LEN_MAX + 1];
    Demo__File file = DEMO__FILE__INIT;
    snprintf(copy, sizeof copy, "%s", name);
    file.name = copy;
    file.size = size;
    return demo_files_put_list(user, &file) == 0;
}

static void list(seal_call *call, const Demo__ListRequest *request, void *user) {
    (void)request;
    int rc = store_each(user, list_one, call);
    if (rc < 0)
        fail_with(call, rc, "the folder");
    else
        seal_call_finish(call);
}

/* ---- Get ------------------------------------------------------------------------------------- */

static int put_data(seal_call *call, uint8_t *bytes, size_t len) {
    Demo__Piece piece = DEMO__PIECE__INIT;
    piece.what_case = DEMO__PIECE__WHAT_DATA;
    piece.data = (ProtobufCBinaryData){len, bytes};
    return demo_files_put_get(call, &piece) < 0 ? -ECANCELED : 0;
}

static int put_file(seal_call *call, char *name, uint64_t size) {
    Demo__File file = DEMO__FILE__INIT;
    Demo__Piece piece = DEMO__PIECE__INIT;
    file.name = name;
    file.size = size;
    piece.what_case = DEMO__PIECE__WHAT_FILE;
    piece.file = &file;
    return demo_files_put_get(call, &piece) < 0 ? -ECANCELED : 0;
}

static int put_digest(seal_call *call, sha256 *sum) {
    uint8_t digest[SHA256_LEN];
    Demo__Piece piece = DEMO__PIECE__INIT;
    if (!sha256_end(sum, digest))
        return -EIO;
    piece.what_case = DEMO__PIECE__WHAT_SHA256;
    piece.sha256 = (ProtobufCBinaryData){SHA256_LEN, digest};
    return demo_files_put_get(call, &piece) < 0 ? -ECANCELED : 0;
}

/* Sends what follows the offset; the checksum is of everything. */
static int send_file(seal_call *call, int fd, uint64_t offset, uint64_t size, sha256 *sum) {
    uint8_t *bytes = malloc(CHUNK);
    int rc = bytes != NULL ? sha256_add_file(sum, fd, offset, still_wanted, call) : -ENOMEM;
    while (rc == 0 && offset < size) {
        size_t want = size - offset < CHUNK ? (size_t)(size - offset) : CHUNK;
        long n = read_at(fd, bytes, want, offset);
        if (n < 0 || (size_t)n < want || !sha256_add(sum, bytes, want))
            rc = n < 0 ? (int)n : -EIO;
        else
            rc = put_data(call, bytes, want);
        offset += want;
    }
    free(bytes);
    return rc == 0 ? put_digest(call, sum) : rc;
}

static void get(seal_call *call, const Demo__GetRequest *request, void *user) {
    uint64_t size = 0;
    if (!check_name(call, request->name))
        return;
    int fd = store_read(user, request->name, &size);
    if (fd < 0) {
        fail_with(call, fd, request->name);
        return;
    }
    if (request->offset > size) {
        seal_call_fail(call, SEAL_STATUS_OUT_OF_RANGE,
                       "%s has %llu bytes now, fewer than you have of it; begin anew",
                       request->name, (unsigned long long)size);
        close(fd);
        return;
    }
    sha256 *sum = sha256_new();
    int rc = sum != NULL ? put_file(call, request->name, size) : -ENOMEM;
    if (rc == 0)
        rc = send_file(call, fd, request->offset, size, sum);
    sha256_free(sum);
    close(fd);
    if (rc < 0)
        fail_with(call, rc, request->name);
    else
        seal_call_finish(call);
}

const demo_files_ops service_ops = {.size = sizeof service_ops,
                                    .list = list,
                                    .prepare = upload_prepare,
                                    .put = upload_put,
                                    .get = get};
