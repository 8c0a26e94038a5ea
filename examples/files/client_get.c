/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_MAX_ = 4096, AGAIN = -1 };

/* What is being got. Until it is complete it lies beside its place, with ".part" added. */
typedef struct sink {
    client *client;
    const char *name;     /* at the server */
    const char *path;     /* here */
    const char *leaf;     /* the last part of it */
    char part[PATH_MAX_]; /* the name of the incomplete file */
    int folder;
    int fd;
    uint64_t have;
    uint64_t size;
    sha256 *sum;
    bool described; /* the server has said how long it is */
    bool verified;
    int error; /* of this machine */
} sink;

/* ---- The incomplete file --------------------------------------------------------------------- */

static int open_folder(sink *k) {
    char folder[PATH_MAX_];
    const char *slash = strrchr(k->path, '/');
    k->leaf = slash != NULL ? slash + 1 : k->path;
    int len = slash == NULL ? 1 : slash == k->path ? 1 : (int)(slash - k->path);
    int n = snprintf(folder, sizeof folder, "%.*s", len, slash != NULL ? k->path : ".");
    int m = snprintf(k->part, sizeof k->part, "%s.part", k->leaf);
    if (k->leaf[0] == '\0' || n >= PATH_MAX_ || m >= PATH_MAX_)
        return EINVAL;
    k->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return k->folder < 0 ? errno : 0;
}

static int open_part(sink *k) {
    struct stat info;
    int error = open_folder(k);
    if (error != 0)
        return error;
    if (fstatat(k->folder, k->leaf, &info, AT_SYMLINK_NOFOLLOW) == 0)
        return EEXIST;
    k->fd = openat(k->folder, k->part, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (k->fd < 0 || flock(k->fd, LOCK_EX | LOCK_NB) != 0 || fstat(k->fd, &info) != 0)
        return errno;
    if (!S_ISREG(info.st_mode))
        return EEXIST;
    k->have = (uint64_t)info.st_size;
    k->sum = sha256_new();
    return k->sum == NULL ? ENOMEM : -sha256_add_file(k->sum, k->fd, k->have, NULL, NULL);
}

static void close_part(sink *k) {
    sha256_free(k->sum);
    if (k->fd >= 0)
        close(k->fd);
    if (k->folder >= 0)
        close(k->folder);
}

/* ---- The pieces ------------------------------------------------------------------------------ */

static bool take_data(sink *k, const ProtobufCBinaryData *data) {
    if (!k->described || data->len > k->size - k->have)
        return false;
    k->error = -write_at(k->fd, data->data, data->len, k->have);
    if (k->error == 0 && !sha256_add(k->sum, data->data, data->len))
        k->error = EIO;
    k->have += data->len;
    progress_step(&k->client->bar, k->have);
    return k->error == 0;
}

static bool take_digest(sink *k, const ProtobufCBinaryData *digest) {
    uint8_t mine[SHA256_LEN];
    k->verified = k->described && k->have == k->size && digest->len == SHA256_LEN &&
                  sha256_end(k->sum, mine) && memcmp(mine, digest->data, SHA256_LEN) == 0;
    return k->verified;
}

/* false: that was wrong, or cannot be written here. */
static bool take_piece(sink *k, const Demo__Piece *piece) {
    switch (piece->what_case) {
    case DEMO__PIECE__WHAT_FILE:
        if (k->described || piece->file->size < k->have)
            return false;
        k->described = true;
        k->size = piece->file->size;
        progress_start(&k->client->bar, k->name, k->have, k->size);
        return true;
    case DEMO__PIECE__WHAT_DATA:
        return take_data(k, &piece->data);
    case DEMO__PIECE__WHAT_SHA256:
        return take_digest(k, &piece->sha256);
    default:
        return false;
    }
}

/* ---- The download ---------------------------------------------------------------------------- */

static int wrong(sink *k) {
    unlinkat(k->folder, k->part, 0);
    fprintf(stderr,
            "files-client: %s: the checksum is wrong: the file was replaced in between, or bytes "
            "were damaged; nothing was kept, so get it again\n",
            k->name);
    return 1;
}

static int complete(sink *k) {
    int rc = settle_file(k->folder, k->fd, k->part, k->leaf);
    if (rc < 0)
        return client_cannot(k->path, -rc);
    printf("got %s: %" PRIu64 " bytes\n", k->path, k->size);
    return 0;
}

static int outcome(sink *k, const seal_result *result, bool all_good) {
    seal_status status = seal_result_status(result);
    if (k->error != 0)
        return client_cannot(k->path, k->error);
    if (!all_good || (status == SEAL_STATUS_OK && !k->verified))
        return wrong(k);
    if (status == SEAL_STATUS_OUT_OF_RANGE) { /* it has become shorter */
        unlinkat(k->folder, k->part, 0);
        return AGAIN;
    }
    if (status == SEAL_STATUS_OK)
        return complete(k);
    if (k->have == 0)
        unlinkat(k->folder, k->part, 0); /* nothing to go on with */
    return client_failed(result);
}

static int download(sink *k) {
    char name[NAME_LEN_MAX + 1];
    Demo__GetRequest request = DEMO__GET_REQUEST__INIT;
    seal_call_options options;
    seal_client_call *call = NULL;
    const Demo__Piece *piece = NULL;
    bool good = true;
    snprintf(name, sizeof name, "%s", k->name);
    request.name = name;
    request.offset = k->have;
    if (k->have > 0)
        printf("going on at %" PRIu64 " bytes\n", k->have);
    client_transfer_options(&options);
    if (demo_files_start_get(k->client->channel, &request, &options, &call) < 0)
        return client_cannot(k->path, ENOMEM);
    while (good && demo_files_read_get(call, &piece) == 1)
        good = take_piece(k, piece);
    if (k->described)
        progress_end(&k->client->bar, k->have);
    if (!good)
        seal_client_call_cancel(call);
    seal_result *result = seal_client_call_finish(call);
    int status = outcome(k, result, good);
    seal_result_free(result);
    seal_client_call_unref(call);
    return status;
}

int client_get(client *c, const char *name, const char *path) {
    int status = AGAIN;
    if (!name_is_good(name)) {
        fprintf(stderr, "files-client: no file can have this name; see list\n");
        return 2;
    }
    for (int i = 0; i < 2 && status == AGAIN; i++) {
        sink k = {.client = c, .name = name, .path = path, .folder = -1, .fd = -1};
        int error = open_part(&k);
        status = error != 0 ? client_cannot(path, error) : download(&k);
        close_part(&k);
    }
    return status == 0 ? 0 : 1;
}
