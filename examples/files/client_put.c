/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ATTEMPTS = 3, AGAIN = -1 };

typedef struct source {
    client *client;
    const char *path;
    char *name;
    int fd;
    uint64_t size;
    uint8_t digest[SHA256_LEN];
} source;

static void fill_offer(source *s, Demo__Offer *offer) {
    demo__offer__init(offer);
    offer->name = s->name;
    offer->size = s->size;
    offer->sha256 = (ProtobufCBinaryData){SHA256_LEN, s->digest};
}

/* ---- The checksum, before ------------------------------------------------------------------- */

static int add_up(source *s) {
    progress unlimited = s->client->bar;
    client c = {.channel = s->client->channel, .bar = unlimited};
    c.bar.limit = 0;
    sha256 *sum = sha256_new();
    if (sum == NULL)
        return client_cannot(s->path, ENOMEM);
    progress_start(&c.bar, "checking", 0, s->size);
    int rc = sha256_add_file(sum, s->fd, s->size, client_step, &c);
    progress_end(&c.bar, s->size);
    if (rc == 0 && !sha256_end(sum, s->digest))
        rc = -EIO;
    sha256_free(sum);
    return rc < 0 ? client_cannot(s->path, -rc) : 0;
}

/* ---- The upload ------------------------------------------------------------------------------ */

/* Asks where to begin. */
static int prepare(source *s, Demo__Accepted *ret_accepted) {
    Demo__Offer offer;
    const Demo__Accepted *accepted = NULL;
    fill_offer(s, &offer);
    seal_result *result = demo_files_sync_prepare(s->client->channel, &offer, NULL, &accepted);
    int status = accepted != NULL ? 0 : client_failed(result);
    if (accepted != NULL) {
        ret_accepted->complete = accepted->complete;
        ret_accepted->offset = accepted->offset < s->size ? accepted->offset : s->size;
    }
    seal_result_free(result);
    return status;
}

static int push_begin(source *s, seal_client_call *call, uint64_t offset) {
    Demo__Offer offer;
    Demo__Begin begin = DEMO__BEGIN__INIT;
    Demo__Part part = DEMO__PART__INIT;
    fill_offer(s, &offer);
    begin.offer = &offer;
    begin.offset = offset;
    part.what_case = DEMO__PART__WHAT_BEGIN;
    part.begin = &begin;
    return demo_files_push_put(call, &part);
}

/* Pushes the file from an offset. 0, SEAL_ERROR_CLOSED (the result says why), or -errno. */
static int push_data(source *s, seal_client_call *call, uint64_t offset) {
    uint8_t *bytes = malloc(CHUNK);
    int rc = bytes != NULL ? 0 : -ENOMEM;
    while (rc == 0 && offset < s->size) {
        size_t want = s->size - offset < CHUNK ? (size_t)(s->size - offset) : CHUNK;
        long n = read_at(s->fd, bytes, want, offset);
        if (n < 0 || (size_t)n < want) {
            rc = n < 0 ? (int)n : -EIO;
            break;
        }
        Demo__Part part = DEMO__PART__INIT;
        part.what_case = DEMO__PART__WHAT_DATA;
        part.data = (ProtobufCBinaryData){want, bytes};
        rc = demo_files_push_put(call, &part);
        offset += want;
        progress_step(&s->client->bar, offset);
    }
    progress_end(&s->client->bar, offset);
    free(bytes);
    return rc;
}

static int finish(const source *s, seal_client_call *call, int pushed) {
    const Demo__File *reply = NULL;
    if (pushed < 0 && pushed != SEAL_ERROR_CLOSED)
        seal_client_call_cancel(call);
    seal_result *result = demo_files_finish_put(call, &reply);
    int status = 0;
    if (reply != NULL)
        printf("put %s: %" PRIu64 " bytes\n", s->name, reply->size);
    else if (pushed < 0 && pushed != SEAL_ERROR_CLOSED)
        status = client_cannot(s->path, pushed > -100 ? -pushed : EIO);
    else
        status = seal_result_status(result) == SEAL_STATUS_ABORTED ? AGAIN : client_failed(result);
    seal_result_free(result);
    return status;
}

static int upload(source *s, bool last_attempt) {
    Demo__Accepted accepted = DEMO__ACCEPTED__INIT;
    seal_call_options options;
    seal_client_call *call = NULL;
    if (prepare(s, &accepted) != 0)
        return 1;
    if (accepted.complete) {
        printf("%s is there already, with these %" PRIu64 " bytes\n", s->name, s->size);
        return 0;
    }
    if (accepted.offset > 0)
        printf("going on at %" PRIu64 " of %" PRIu64 " bytes\n", accepted.offset, s->size);
    client_transfer_options(&options);
    if (demo_files_start_put(s->client->channel, &options, &call) < 0)
        return client_cannot(s->path, ENOMEM);
    progress_start(&s->client->bar, s->name, accepted.offset, s->size);
    int rc = push_begin(s, call, accepted.offset);
    if (rc == 0)
        rc = push_data(s, call, accepted.offset);
    int status = finish(s, call, rc);
    seal_client_call_unref(call);
    if (status == AGAIN && last_attempt) {
        fprintf(stderr, "files-client: %s: somebody else uploads it under this name\n", s->name);
        return 1;
    }
    return status;
}

int client_put(client *c, const char *path, const char *name) {
    char copy[NAME_LEN_MAX + 1];
    struct stat info;
    if (!name_is_good(name)) {
        fprintf(stderr, "files-client: %s: not a name the server takes; give another as NAME\n",
                name);
        return 2;
    }
    snprintf(copy, sizeof copy, "%s", name);
    source s = {.client = c, .path = path, .name = copy, .fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (s.fd < 0 || fstat(s.fd, &info) != 0)
        return client_cannot(path, errno);
    int status = AGAIN;
    if (!S_ISREG(info.st_mode))
        status = client_cannot(path, EISDIR);
    s.size = (uint64_t)info.st_size;
    if (status == AGAIN && add_up(&s) != 0)
        status = 1;
    for (int i = 1; i <= ATTEMPTS && status == AGAIN; i++)
        status = upload(&s, i == ATTEMPTS);
    close(s.fd);
    return status;
}
