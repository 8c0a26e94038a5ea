/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames: bytes to structures and back, pure functions (docs/protocol.md, "Frames and calls").
 * Nothing here allocates; what is decoded borrows from the input. Layout is checked here, meaning
 * by the session.
 */
#ifndef SEAL_WIRE_FRAME_H
#define SEAL_WIRE_FRAME_H

#include <string.h>

#include <sealrpc/base.h>

#include "base/reader.h"

typedef enum seal__frame_type {
    SEAL__FRAME_SETTINGS = 1,
    SEAL__FRAME_HEADERS = 2,
    SEAL__FRAME_DATA = 3,
    SEAL__FRAME_STATUS = 4,
    SEAL__FRAME_RESET = 5,
    SEAL__FRAME_PING = 6,
    SEAL__FRAME_PONG = 7,
    SEAL__FRAME_GOAWAY = 8,
    SEAL__FRAME_WINDOW = 9,
    SEAL__FRAME_METADATA = 10,
    SEAL__FRAME_CRITICAL =
        128 /* a receiver that does not know this type or a higher one must give up */
} seal__frame_type;

enum {
    SEAL__FRAME_HEADER = 12,
    SEAL__FRAME_MAX_PAYLOAD = 65536 - SEAL__FRAME_HEADER, /* a frame fits into one record */

    /* Flags of DATA; no other frame has any. */
    SEAL__DATA_FIRST = 1, /* the payload begins with the message's length, u32 */
    SEAL__DATA_END = 2,   /* the sender sends no more on this stream */
    SEAL__DATA_LENGTH = 4,

    SEAL__SETTING_MAX_STREAMS = 1,
    SEAL__SETTING_MAX_MESSAGE = 2,
    SEAL__SETTING_STREAM_WINDOW = 3,
    SEAL__SETTING_CONNECTION_WINDOW = 4,
    SEAL__SETTINGS_MAX = 32,

    SEAL__RESET_CANCEL = 0,
    SEAL__RESET_DEADLINE = 1,
    SEAL__RESET_TOO_BIG = 2,

    SEAL__HEADERS_FIXED = 4 + 8 + 2,
    SEAL__HEADERS_TIMEOUT = 4,   /* offset */
    SEAL__HEADERS_NAME_LEN = 12, /* offset */
    SEAL__HEADERS_MAX = 10240,   /* a longer HEADERS payload: the stream is refused */
    SEAL__HEADERS_METADATA = 1,
    SEAL__HEADERS_ATTEMPT = 2,
    SEAL__METHOD_NAME_MAX = 1024,
    SEAL__METHODS_MAX = 4096,

    SEAL__STATUS_FIXED = 1 + 1 + 2,
    SEAL__STATUS_MAX = 32768, /* of the payload */
    SEAL__STATUS_METADATA = 1,
    SEAL__STATUS_DETAILS = 2,
    SEAL__STATUS_RETRY_AFTER = 3,
    SEAL__DETAILS_MAX = 16384,

    SEAL__WINDOW_SIZE = 4,      /* of a WINDOW payload */
    SEAL__WINDOW_FIRST = 65536, /* windows before the peer's SETTINGS; none is smaller */
    SEAL__WINDOW_MAX = INT32_MAX,

    SEAL__GOAWAY_FIXED = 8 + 2 + 4 + 2,
    SEAL__TEXT_MAX = 1024,
    SEAL__EXTENSION_HEADER = 1 + 2,
    SEAL__EXTENSION_CRITICAL = 128
};

/* One frame; payload is borrowed. */
typedef struct seal__frame {
    uint8_t type;
    uint8_t flags;
    uint16_t len;
    uint64_t stream;
    const uint8_t *payload;
} seal__frame;

/* Writes a header of SEAL__FRAME_HEADER bytes and returns where the payload goes. */
static inline uint8_t *seal__frame_put_header(uint8_t *at, seal__frame_type type, unsigned flags,
                                              size_t len, uint64_t stream) {
    at[0] = (uint8_t)type;
    at[1] = (uint8_t)flags;
    seal__store_u16(at + 2, (uint16_t)len);
    seal__store_u64(at + 4, stream);
    return at + SEAL__FRAME_HEADER;
}

/* Takes the next frame of a record. False when what is left is not a whole frame. */
static inline bool seal__frame_read(seal__reader *record, seal__frame *ret_frame) {
    const uint8_t *at = seal__read_bytes(record, SEAL__FRAME_HEADER);
    if (at == NULL)
        return false;
    ret_frame->type = at[0];
    ret_frame->flags = at[1];
    ret_frame->len = seal__load_u16(at + 2);
    ret_frame->stream = seal__load_u64(at + 4);
    ret_frame->payload = seal__read_bytes(record, ret_frame->len);
    return ret_frame->payload != NULL;
}

typedef struct seal__headers {
    uint32_t method;
    uint64_t timeout_us;
    const uint8_t *name; /* len 0: the number is known */
    size_t name_len;
    bool critical;       /* there is an extension that must be understood and is not */
    seal_bytes metadata; /* not checked */
    uint32_t attempt;    /* 1: the first one */
} seal__headers;

typedef struct seal__status_frame {
    uint8_t code;
    uint8_t execution;
    const uint8_t *text;
    size_t text_len;
    seal_bytes metadata; /* not checked */
    seal_bytes details;
    bool has_retry_after;
    uint32_t retry_after_ms;
} seal__status_frame;

typedef struct seal__goaway {
    uint64_t last;
    uint16_t code;
    uint32_t retry_after_ms;
    const uint8_t *text;
    size_t text_len;
} seal__goaway;

typedef struct seal__settings {
    bool has_max_streams;
    uint32_t max_streams;
    bool has_max_message;
    uint32_t max_message;
    bool has_windows;
    uint32_t stream_window; /* SEAL__WINDOW_FIRST where it is absent */
    uint32_t connection_window;
} seal__settings;

/* Each returns false when the payload is not laid out as docs/protocol.md says. */
bool seal__headers_read(const uint8_t *payload, size_t len, seal__headers *ret);
bool seal__status_read(const uint8_t *payload, size_t len, seal__status_frame *ret);
bool seal__goaway_read(const uint8_t *payload, size_t len, seal__goaway *ret);
/* Ids strictly rising, windows within their limits; unknown ids are skipped. */
bool seal__settings_read(const uint8_t *payload, size_t len, seal__settings *ret);

/* Payload sizes, and the payloads without extensions. Texts and names are within their limits. */
static inline size_t seal__headers_size(size_t name_len) {
    return SEAL__HEADERS_FIXED + name_len;
}
static inline void seal__headers_write(uint8_t *at, uint32_t method, uint64_t timeout_us,
                                       const char *name, size_t name_len) {
    seal__store_u32(at, method);
    seal__store_u64(at + 4, timeout_us);
    seal__store_u16(at + 12, (uint16_t)name_len);
    if (name_len > 0)
        memcpy(at + SEAL__HEADERS_FIXED, name, name_len);
}

/* What follows the name; nothing for an empty block and the first attempt. */
size_t seal__headers_extensions_size(seal_bytes metadata, uint32_t attempt);
void seal__headers_extensions_write(uint8_t *at, seal_bytes metadata, uint32_t attempt);

static inline size_t seal__status_size(size_t text_len) {
    return SEAL__STATUS_FIXED + text_len;
}
void seal__status_write(uint8_t *at, unsigned code, unsigned execution, const char *text,
                        size_t text_len);
/* What follows the text: metadata, details and retry-after of *status. */
size_t seal__status_extensions_size(const seal__status_frame *status);
void seal__status_extensions_write(uint8_t *at, const seal__status_frame *status);

static inline size_t seal__goaway_size(size_t text_len) {
    return SEAL__GOAWAY_FIXED + text_len;
}
void seal__goaway_write(uint8_t *at, const seal__goaway *goaway);

/* Windows go out with has_windows. Returns the size written: at most SEAL__SETTINGS_MAX * 6. */
size_t seal__settings_write(uint8_t *at, const seal__settings *settings);

#endif
