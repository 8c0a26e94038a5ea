/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/frame.h"

enum { SETTING_SIZE = 6 };

/* Walks the extensions up to the end of the payload. None is known in version 1. */
static bool extensions_read(seal__reader *r, bool *ret_critical) {
    *ret_critical = false;
    while (r->left > 0) {
        uint8_t type = seal__read_u8(r);
        uint16_t len = seal__read_u16(r);
        if (seal__read_bytes(r, len) == NULL)
            return false;
        if (type >= SEAL__EXTENSION_CRITICAL)
            *ret_critical = true;
    }
    return true;
}

bool seal__headers_read(const uint8_t *payload, size_t len, seal__headers *ret) {
    seal__reader r;
    seal__reader_init(&r, payload, len);
    ret->method = seal__read_u32(&r);
    ret->timeout_us = seal__read_u64(&r);
    ret->name_len = seal__read_u16(&r);
    ret->name = seal__read_bytes(&r, ret->name_len);
    return seal__reader_ok(&r) && extensions_read(&r, &ret->critical);
}

bool seal__status_read(const uint8_t *payload, size_t len, seal__status_frame *ret) {
    seal__reader r;
    seal__reader_init(&r, payload, len);
    ret->code = seal__read_u8(&r);
    ret->execution = seal__read_u8(&r);
    ret->text_len = seal__read_u16(&r);
    ret->text = seal__read_bytes(&r, ret->text_len);
    bool critical = false;
    return seal__reader_ok(&r) && ret->text_len <= SEAL__TEXT_MAX &&
           extensions_read(&r, &critical) && !critical;
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

bool seal__settings_read(const uint8_t *payload, size_t len, seal__settings *ret) {
    *ret = (seal__settings){0};
    if (len % SETTING_SIZE != 0 || len / SETTING_SIZE > SEAL__SETTINGS_MAX)
        return false;
    seal__reader r;
    seal__reader_init(&r, payload, len);
    unsigned last = 0;
    while (r.left > 0) {
        unsigned id = seal__read_u16(&r);
        uint32_t value = seal__read_u32(&r);
        if (id <= last)
            return false;
        last = id;
        if (id == SEAL__SETTING_MAX_STREAMS) {
            ret->has_max_streams = true;
            ret->max_streams = value;
        } else if (id == SEAL__SETTING_MAX_MESSAGE) {
            ret->has_max_message = true;
            ret->max_message = value;
        }
    }
    return true;
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
    return (size_t)(end - at);
}
