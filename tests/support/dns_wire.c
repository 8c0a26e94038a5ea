/* SPDX-License-Identifier: Apache-2.0 */
#include "support/dns_wire.h"

#include <string.h>

void wire_bytes(wire *w, const void *bytes, size_t len) {
    if (len > sizeof w->bytes - w->len)
        len = sizeof w->bytes - w->len;
    if (len > 0)
        memcpy(w->bytes + w->len, bytes, len);
    w->len += len;
}

void wire_u8(wire *w, unsigned value) {
    wire_bytes(w, &(uint8_t){(uint8_t)value}, 1);
}

void wire_u16(wire *w, unsigned value) {
    wire_u8(w, value >> 8);
    wire_u8(w, value & 0xff);
}

void wire_u32(wire *w, uint32_t value) {
    wire_u16(w, value >> 16);
    wire_u16(w, value & 0xffff);
}

void wire_name(wire *w, const char *name) {
    while (*name != '\0') {
        size_t len = strcspn(name, ".");
        wire_u8(w, (unsigned)len);
        wire_bytes(w, name, len);
        name += len + (name[len] == '.');
    }
    wire_u8(w, 0);
}

void wire_pointer(wire *w, unsigned at) {
    wire_u16(w, 0xc000 | at);
}

void wire_begin(wire *w, unsigned rcode, const char *name) {
    w->len = 0;
    w->answers = 0;
    wire_u16(w, 0x1234);
    wire_u16(w, 0x8580 | rcode);
    wire_u16(w, 1);
    wire_u16(w, 0);
    wire_u16(w, 0);
    wire_u16(w, 0);
    wire_name(w, name);
    wire_u16(w, WIRE_SRV);
    wire_u16(w, 1);
}

void wire_end(wire *w) {
    w->bytes[6] = (uint8_t)(w->answers >> 8);
    w->bytes[7] = (uint8_t)w->answers;
}

size_t wire_answer(wire *w, const char *owner, unsigned type, uint32_t ttl) {
    w->answers++;
    wire_name(w, owner);
    wire_u16(w, type);
    wire_u16(w, 1);
    wire_u32(w, ttl);
    wire_u16(w, 0);
    return w->len;
}

void wire_data_end(wire *w, size_t data) {
    size_t len = w->len - data;
    w->bytes[data - 2] = (uint8_t)(len >> 8);
    w->bytes[data - 1] = (uint8_t)len;
}

void wire_srv(wire *w, const char *owner, uint32_t ttl, unsigned priority, unsigned weight,
              unsigned port, const char *target) {
    size_t data = wire_answer(w, owner, WIRE_SRV, ttl);
    wire_u16(w, priority);
    wire_u16(w, weight);
    wire_u16(w, port);
    wire_name(w, target);
    wire_data_end(w, data);
}

void wire_cname(wire *w, const char *owner, uint32_t ttl, const char *target) {
    size_t data = wire_answer(w, owner, WIRE_CNAME, ttl);
    wire_name(w, target);
    wire_data_end(w, data);
}
