/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/frame.h"

enum { SETTING_SIZE = 6 };

/* Called for every extension; returns false where it is not laid out as it must be. Leaves
 * *ret_known alone where it does not know the type. */
typedef bool extension_fn(void *into, uint8_t type, seal_bytes value, bool *ret_known);

/* Walks the extensions up to the end of the payload. None may stand twice. */
static bool extensions_read(seal__reader *r, extension_fn *take, void *into, bool *ret_critical) {
    *ret_critical = false;
    uint64_t seen[4] = {0};
    while (r->left > 0) {
        uint8_t type = seal__read_u8(r);
        seal_bytes value = {.len = seal__read_u16(r)};
        value.data = seal__read_bytes(r, value.len);
        uint64_t bit = UINT64_C(1) << (type % 64);
        bool known = false;
        if (value.data == NULL || (seen[type / 64] & bit) != 0 || !take(into, type, value, &known))
            return false;
        seen[type / 64] |= bit;
        if (!known && type >= SEAL__EXTENSION_CRITICAL)
            *ret_critical = true;
    }
    return true;
}

static bool take_of_headers(void *into, uint8_t type, seal_bytes value, bool *ret_known) {
    seal__headers *headers = into;
    *ret_known = type == SEAL__HEADERS_METADATA || type == SEAL__HEADERS_ATTEMPT;
    if (type == SEAL__HEADERS_METADATA)
        headers->metadata = value;
    if (type != SEAL__HEADERS_ATTEMPT)
        return true;
    if (value.len != 1)
        return false;
    headers->attempt = value.data[0] == 0 ? 1 : value.data[0];
    return true;
}

bool seal__headers_read(const uint8_t *payload, size_t len, seal__headers *ret) {
    seal__reader r;
    seal__reader_init(&r, payload, len);
    *ret = (seal__headers){.attempt = 1};
    ret->method = seal__read_u32(&r);
    ret->timeout_us = seal__read_u64(&r);
    ret->name_len = seal__read_u16(&r);
    ret->name = seal__read_bytes(&r, ret->name_len);
    return seal__reader_ok(&r) &&
           (r.left == 0 || extensions_read(&r, take_of_headers, ret, &ret->critical));
}

static bool take_of_status(void *into, uint8_t type, seal_bytes value, bool *ret_known) {
    seal__status_frame *status = into;
    *ret_known = true;
    switch (type) {
    case SEAL__STATUS_METADATA:
        status->metadata = value;
        return true;
    case SEAL__STATUS_DETAILS:
        status->details = value;
        return value.len <= SEAL__DETAILS_MAX;
    case SEAL__STATUS_RETRY_AFTER:
        if (value.len != 4)
            return false;
        status->has_retry_after = true;
        status->retry_after_ms = seal__load_u32(value.data);
        return true;
    default:
        *ret_known = false;
        return true;
    }
}

bool seal__status_read(const uint8_t *payload, size_t len, seal__status_frame *ret) {
    seal__reader r;
    seal__reader_init(&r, payload, len);
    *ret = (seal__status_frame){0};
    ret->code = seal__read_u8(&r);
    ret->execution = seal__read_u8(&r);
    ret->text_len = seal__read_u16(&r);
    ret->text = seal__read_bytes(&r, ret->text_len);
    bool critical = false;
    return seal__reader_ok(&r) && len <= SEAL__STATUS_MAX && ret->text_len <= SEAL__TEXT_MAX &&
           extensions_read(&r, take_of_status, ret, &critical) && !critical;
}

bool seal__goaway_read(const uint8_t *payload, size_t len, seal__goaway *ret) {
    seal__reader r;
    seal__reader_init(&r, payload, len);
    ret->last = seal__read_u64(&r);
    ret->code = seal__read_u16(&r);
    ret->retry_after_ms = seal__read_u32(&r);
    ret->text_len = seal__read_u16(&r);
    ret->text = seal__read_bytes(&r, ret->text_len);
    return seal__reader_at_end(&r) && ret->text_len <= SEAL__TEXT_MAX;
}

static bool setting_read(seal__settings *settings, unsigned id, uint32_t value) {
    bool window = value >= SEAL__WINDOW_FIRST && value <= SEAL__WINDOW_MAX;
    switch (id) {
    case SEAL__SETTING_MAX_STREAMS:
        settings->has_max_streams = true;
        settings->max_streams = value;
        return true;
    case SEAL__SETTING_MAX_MESSAGE:
        settings->has_max_message = true;
        settings->max_message = value;
        return true;
    case SEAL__SETTING_STREAM_WINDOW:
        settings->has_windows = true;
        settings->stream_window = value;
        return window;
    case SEAL__SETTING_CONNECTION_WINDOW:
        settings->has_windows = true;
        settings->connection_window = value;
        return window;
    default:
        return true;
    }
}

bool seal__settings_read(const uint8_t *payload, size_t len, seal__settings *ret) {
    *ret = (seal__settings){.stream_window = SEAL__WINDOW_FIRST,
                            .connection_window = SEAL__WINDOW_FIRST};
    if (len % SETTING_SIZE != 0 || len / SETTING_SIZE > SEAL__SETTINGS_MAX)
        return false;
    seal__reader r;
    seal__reader_init(&r, payload, len);
    unsigned last = 0;
    while (r.left > 0) {
        unsigned id = seal__read_u16(&r);
        uint32_t value = seal__read_u32(&r);
        if (id <= last || !setting_read(ret, id, value))
            return false;
        last = id;
    }
    return true;
}

static uint8_t *extension_write(uint8_t *at, unsigned type, const void *value, size_t len) {
    at[0] = (uint8_t)type;
    seal__store_u16(at + 1, (uint16_t)len);
    memcpy(at + SEAL__EXTENSION_HEADER, value, len);
    return at + SEAL__EXTENSION_HEADER + len;
}

static size_t extension_size(size_t len) {
    return len == 0 ? 0 : SEAL__EXTENSION_HEADER + len;
}

size_t seal__headers_extensions_size(seal_bytes metadata, uint32_t attempt) {
    return extension_size(metadata.len) + extension_size(attempt > 1);
}

void seal__headers_extensions_write(uint8_t *at, seal_bytes metadata, uint32_t attempt) {
    if (metadata.len > 0)
        at = extension_write(at, SEAL__HEADERS_METADATA, metadata.data, metadata.len);
    uint8_t number = attempt > UINT8_MAX ? UINT8_MAX : (uint8_t)attempt;
    if (attempt > 1)
        extension_write(at, SEAL__HEADERS_ATTEMPT, &number, 1);
}

size_t seal__status_extensions_size(const seal__status_frame *status) {
    return extension_size(status->metadata.len) + extension_size(status->details.len) +
           extension_size(status->has_retry_after ? 4 : 0);
}

void seal__status_extensions_write(uint8_t *at, const seal__status_frame *status) {
    if (status->metadata.len > 0)
        at =
            extension_write(at, SEAL__STATUS_METADATA, status->metadata.data, status->metadata.len);
    if (status->details.len > 0)
        at = extension_write(at, SEAL__STATUS_DETAILS, status->details.data, status->details.len);
    if (!status->has_retry_after)
        return;
    uint8_t after[4];
    seal__store_u32(after, status->retry_after_ms);
    extension_write(at, SEAL__STATUS_RETRY_AFTER, after, sizeof after);
}

void seal__status_write(uint8_t *at, unsigned code, unsigned execution, const char *text,
                        size_t text_len) {
    at[0] = (uint8_t)code;
    at[1] = (uint8_t)execution;
    seal__store_u16(at + 2, (uint16_t)text_len);
    if (text_len > 0)
        memcpy(at + SEAL__STATUS_FIXED, text, text_len);
}

void seal__goaway_write(uint8_t *at, const seal__goaway *goaway) {
    seal__store_u64(at, goaway->last);
    seal__store_u16(at + 8, goaway->code);
    seal__store_u32(at + 10, goaway->retry_after_ms);
    seal__store_u16(at + 14, (uint16_t)goaway->text_len);
    if (goaway->text_len > 0)
        memcpy(at + SEAL__GOAWAY_FIXED, goaway->text, goaway->text_len);
}

static uint8_t *setting_write(uint8_t *at, unsigned id, uint32_t value) {
    seal__store_u16(at, (uint16_t)id);
    seal__store_u32(at + 2, value);
    return at + SETTING_SIZE;
}

size_t seal__settings_write(uint8_t *at, const seal__settings *settings) {
    uint8_t *end = at;
    if (settings->has_max_streams)
        end = setting_write(end, SEAL__SETTING_MAX_STREAMS, settings->max_streams);
    if (settings->has_max_message)
        end = setting_write(end, SEAL__SETTING_MAX_MESSAGE, settings->max_message);
    if (settings->has_windows) {
        end = setting_write(end, SEAL__SETTING_STREAM_WINDOW, settings->stream_window);
        end = setting_write(end, SEAL__SETTING_CONNECTION_WINDOW, settings->connection_window);
    }
    return (size_t)(end - at);
}
