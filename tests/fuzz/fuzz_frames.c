/* SPDX-License-Identifier: Apache-2.0 */
/* Frame payloads: what is read lies within the input, and what is written again reads the same. */
#include <stdlib.h>
#include <string.h>

#include "wire/frame.h"
#include "wire/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition) {
    if (!condition)
        abort();
}

static void within(const uint8_t *payload, size_t len, const uint8_t *part, size_t part_len) {
    must(part_len <= len && part >= payload && (size_t)(part - payload) <= len - part_len);
}

static void try_headers(const uint8_t *payload, size_t len) {
    seal__headers h, again;
    if (!seal__headers_read(payload, len, &h))
        return;
    within(payload, len, h.name, h.name_len);
    uint8_t *bytes = malloc(seal__headers_size(h.name_len));
    seal__headers_write(bytes, h.method, h.timeout_us, (const char *)h.name, h.name_len);
    must(seal__headers_read(bytes, seal__headers_size(h.name_len), &again));
    must(again.method == h.method && again.timeout_us == h.timeout_us &&
         again.name_len == h.name_len);
    free(bytes);
}

static void try_texts(const uint8_t *payload, size_t len) {
    char text[SEAL__TEXT_MAX + 1];
    seal__status_frame status;
    if (seal__status_read(payload, len, &status)) {
        within(payload, len, status.text, status.text_len);
        seal__text_receive(status.text, status.text_len, text);
        must(strlen(text) == status.text_len);
        for (const char *c = text; *c != '\0'; c++)
            must((unsigned char)*c >= 0x20 && *c != 0x7f);
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
        try_headers(frame.payload, frame.len);
        try_texts(frame.payload, frame.len);
    }
    return 0;
}
