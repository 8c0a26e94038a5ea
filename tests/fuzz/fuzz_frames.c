/* SPDX-License-Identifier: Apache-2.0 */
/* Frame payloads: what is read lies within the input, and what is written again reads the same. */
#include <stdlib.h>
#include <string.h>

#include "wire/frame.h"
#include "wire/metadata.h"
#include "wire/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition) {
    if (!condition)
        abort();
}

static void within(const uint8_t *payload, size_t len, const uint8_t *part, size_t part_len) {
    must(part_len <= len && part >= payload && (size_t)(part - payload) <= len - part_len);
}

/* The same as check, entry by entry; what is written again is the same block. */
static void try_metadata(const uint8_t *block, size_t len) {
    uint8_t *again = malloc(len + 1), *end = again;
    seal__reader r;
    seal__reader_init(&r, block, len);
    bool ok = len <= SEAL__METADATA_MAX;
    for (seal__metadata_entry e; seal__metadata_next(&r, &e);) {
        within(block, len, (const uint8_t *)e.key, e.key_len);
        within(block, len, e.value, e.value_len);
        ok = ok && seal__metadata_key_ok(e.key, e.key_len) &&
             seal__metadata_value_ok(seal__metadata_is_binary(e.key, e.key_len), e.value,
                                     e.value_len);
        end = seal__metadata_write(end, &e);
    }
    must(seal__metadata_check(block, len) == (ok && seal__reader_at_end(&r)));
    if (seal__reader_at_end(&r))
        must((size_t)(end - again) == len && (len == 0 || memcmp(again, block, len) == 0));
    free(again);
}

static void try_headers(const uint8_t *payload, size_t len) {
    seal__headers h, again;
    if (!seal__headers_read(payload, len, &h))
        return;
    within(payload, len, h.name, h.name_len);
    if (h.metadata.len > 0)
        within(payload, len, h.metadata.data, h.metadata.len);
    try_metadata(h.metadata.data, h.metadata.len);
    size_t size = seal__headers_size(h.name_len);
    size_t rest = seal__headers_extensions_size(h.metadata, h.attempt);
    uint8_t *bytes = malloc(size + rest);
    seal__headers_write(bytes, h.method, h.timeout_us, (const char *)h.name, h.name_len);
    seal__headers_extensions_write(bytes + size, h.metadata, h.attempt);
    must(seal__headers_read(bytes, size + rest, &again));
    must(again.method == h.method && again.timeout_us == h.timeout_us &&
         again.name_len == h.name_len && again.attempt == h.attempt &&
         again.metadata.len == h.metadata.len);
    free(bytes);
}

static void try_status(const uint8_t *payload, size_t len, const seal__status_frame *status) {
    if (status->metadata.len > 0)
        within(payload, len, status->metadata.data, status->metadata.len);
    if (status->details.len > 0)
        within(payload, len, status->details.data, status->details.len);
    size_t size = seal__status_size(status->text_len);
    size_t rest = seal__status_extensions_size(status);
    uint8_t *bytes = malloc(size + rest);
    seal__status_write(bytes, status->code, status->execution, (const char *)status->text,
                       status->text_len);
    seal__status_extensions_write(bytes + size, status);
    seal__status_frame again;
    must(seal__status_read(bytes, size + rest, &again));
    must(again.code == status->code && again.text_len == status->text_len &&
         again.metadata.len == status->metadata.len && again.details.len == status->details.len &&
         again.has_retry_after == status->has_retry_after &&
         again.retry_after_ms == status->retry_after_ms);
    free(bytes);
}

static void try_texts(const uint8_t *payload, size_t len) {
    char text[SEAL__TEXT_MAX + 1];
    seal__status_frame status;
    if (seal__status_read(payload, len, &status)) {
        within(payload, len, status.text, status.text_len);
        try_status(payload, len, &status);
        seal__text_receive(status.text, status.text_len, text);
        must(strlen(text) == status.text_len);
        for (const char *c = text; *c != '\0'; c++)
            must(((unsigned char)*c >= 0x20 || strchr("\t\n\r", *c) != NULL) && *c != 0x7f);
    }
    seal__goaway goaway;
    if (seal__goaway_read(payload, len, &goaway)) {
        uint8_t bytes[SEAL__GOAWAY_FIXED + SEAL__TEXT_MAX];
        within(payload, len, goaway.text, goaway.text_len);
        seal__goaway_write(bytes, &goaway);
        must(memcmp(bytes, payload, len) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    seal__reader record;
    seal__frame frame;
    seal__reader_init(&record, data, size);
    while (seal__frame_read(&record, &frame)) {
        within(data, size, frame.payload, frame.len);
        seal__settings settings;
        seal__settings_read(frame.payload, frame.len, &settings);
        try_metadata(frame.payload, frame.len);
        try_headers(frame.payload, frame.len);
        try_texts(frame.payload, frame.len);
    }
    return 0;
}
