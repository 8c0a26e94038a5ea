/* SPDX-License-Identifier: Apache-2.0 */
#include "naming/dns_reply.h"

#include <stdio.h>
#include <string.h>

#include "base/reader.h"

enum {
    HEADER = 12,
    ANSWERS_AT = 6, /* in the header: how many answers there are */
    TYPE_CNAME = 5,
    TYPE_SRV = 33,
    CLASS_IN = 1,
    ALIASES_MAX = 8,
    WIRE_NAME_MAX = 255,
    JUMPS_MAX = 64, /* of one name */
    POINTER = 0xc0
};

typedef struct record {
    char owner[SEAL__DNS_NAME_MAX];
    uint16_t type;
    uint16_t klass;
    uint32_t ttl_s;
    size_t data_at; /* in the whole reply */
    size_t data_len;
} record;

/* ---- Names ---- */

/* By hand: an answer may have a million of them, and the loop waits. */
static size_t add_escape(char *text, size_t at, uint8_t c) {
    text[at++] = '\\';
    text[at++] = (char)('0' + c / 100);
    text[at++] = (char)('0' + c / 10 % 10);
    text[at++] = (char)('0' + c % 10);
    return at;
}

/* A label as text: lower case; what no host name has is escaped, so that a dot inside a label is
 * not taken for one between labels. */
static size_t add_label(char *text, size_t at, const uint8_t *label, size_t len) {
    if (at > 0)
        text[at++] = '.';
    for (size_t i = 0; i < len; i++) {
        uint8_t c = label[i];
        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c - 'A' + 'a');
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')
            text[at++] = (char)c;
        else
            at = add_escape(text, at, c);
    }
    text[at] = '\0';
    return at;
}

/* Reads a name at *pos, which may point into what stands before it, and only there: so it ends.
 * *pos goes behind it. A name has at most 255 bytes on the wire: its text fits. */
static bool read_name(const uint8_t *reply, size_t len, size_t *pos,
                      char text[SEAL__DNS_NAME_MAX]) {
    size_t at = *pos;
    size_t before = *pos; /* pointers must lead to what is before this */
    size_t wire = 0;
    size_t text_len = 0;
    int jumps = 0;
    text[0] = '\0';
    while (at < len) {
        size_t n = reply[at];
        if ((n & POINTER) == POINTER) {
            if (at + 1 >= len)
                return false;
            size_t to = (n & 0x3fu) << 8 | reply[at + 1];
            if (jumps == 0)
                *pos = at + 2;
            if (to >= before || ++jumps > JUMPS_MAX)
                return false;
            before = at = to;
            continue;
        }
        wire += n + 1;
        if ((n & POINTER) != 0 || wire > WIRE_NAME_MAX || n >= len - at)
            return false;
        if (n == 0) {
            if (jumps == 0)
                *pos = at + 1;
            return true;
        }
        text_len = add_label(text, text_len, reply + at + 1, n);
        at += n + 1;
    }
    return false;
}

/* ---- Records ---- */

static bool read_record(const uint8_t *reply, size_t len, size_t *pos, record *ret_record) {
    seal__reader r;
    if (!read_name(reply, len, pos, ret_record->owner))
        return false;
    seal__reader_init(&r, reply + *pos, len - *pos);
    ret_record->type = seal__read_u16(&r);
    ret_record->klass = seal__read_u16(&r);
    ret_record->ttl_s = seal__read_u32(&r);
    ret_record->data_len = seal__read_u16(&r);
    seal__read_bytes(&r, ret_record->data_len);
    if (!seal__reader_ok(&r))
        return false;
    ret_record->data_at = len - r.left - ret_record->data_len;
    *pos = len - r.left;
    if (ret_record->ttl_s > INT32_MAX) /* RFC 2181: as if 0 */
        ret_record->ttl_s = 0;
    return true;
}

/* The name that ends the data of a record, and nothing follows it there. */
static bool read_data_name(const uint8_t *reply, const record *rec, size_t skip,
                           char text[SEAL__DNS_NAME_MAX]) {
    size_t pos = rec->data_at + skip;
    size_t end = rec->data_at + rec->data_len;
    return rec->data_len > skip && read_name(reply, end, &pos, text) && pos == end;
}

static bool read_srv(const uint8_t *reply, const record *rec, seal__dns_srv *ret_srv) {
    if (!read_data_name(reply, rec, 6, ret_srv->target))
        return false;
    const uint8_t *data = reply + rec->data_at;
    ret_srv->priority = seal__load_u16(data);
    ret_srv->weight = seal__load_u16(data + 2);
    ret_srv->port = seal__load_u16(data + 4);
    return true;
}

/* ---- Replies ---- */

typedef struct parser {
    const uint8_t *reply;
    size_t len;
    size_t answers_at;
    size_t n_answers;
    seal__dns_summary *summary;
} parser;

static void note_ttl(parser *p, const record *rec) {
    if (rec->ttl_s < p->summary->ttl_s)
        p->summary->ttl_s = rec->ttl_s;
}

static bool is_of(const parser *p, const record *rec, uint16_t type) {
    return rec->type == type && rec->klass == CLASS_IN &&
           strcmp(rec->owner, p->summary->owner) == 0;
}

/* The question, whose name is what the answers are about. */
static bool read_question(parser *p) {
    size_t pos = HEADER;
    if (p->len < HEADER || seal__load_u16(p->reply + 4) != 1 ||
        !read_name(p->reply, p->len, &pos, p->summary->owner) || p->len - pos < 4)
        return false;
    p->answers_at = pos + 4;
    p->n_answers = seal__load_u16(p->reply + ANSWERS_AT);
    return true;
}

/* Goes from the name to what it is an alias of, in whatever order the answers are. *ret_found: it
 * is one. */
static bool follow_alias(parser *p, bool *ret_found) {
    record rec;
    size_t pos = p->answers_at;
    *ret_found = false;
    for (size_t i = 0; i < p->n_answers && !*ret_found; i++) {
        if (!read_record(p->reply, p->len, &pos, &rec))
            return false;
        if (!is_of(p, &rec, TYPE_CNAME))
            continue;
        if (!read_data_name(p->reply, &rec, 0, p->summary->owner))
            return false;
        note_ttl(p, &rec);
        *ret_found = true;
        p->summary->is_alias = true;
    }
    return true;
}

static bool follow_aliases(parser *p) {
    bool found = true;
    for (int i = 0; found && i < ALIASES_MAX; i++) {
        if (!follow_alias(p, &found))
            return false;
    }
    return !found;
}

static bool read_answers(parser *p, seal__dns_srv_fn *on_srv, void *user) {
    record rec;
    seal__dns_srv srv;
    size_t pos = p->answers_at;
    for (size_t i = 0; i < p->n_answers; i++) {
        if (!read_record(p->reply, p->len, &pos, &rec))
            return false;
        if (!is_of(p, &rec, TYPE_SRV))
            continue;
        if (!read_srv(p->reply, &rec, &srv))
            return false;
        note_ttl(p, &rec);
        p->summary->n++;
        on_srv(user, &srv);
    }
    return true;
}

size_t seal__dns_reply_records(const uint8_t *reply, size_t len) {
    if (len < HEADER)
        return 0;
    size_t claimed = seal__load_u16(reply + ANSWERS_AT);
    size_t possible = (len - HEADER) / SEAL__DNS_SRV_MIN;
    return claimed < possible ? claimed : possible;
}

int seal__dns_reply_parse(const uint8_t *reply, size_t len, seal__dns_srv_fn *on_srv, void *user,
                          seal__dns_summary *ret_summary, seal_error **reterr) {
    *ret_summary = (seal__dns_summary){.ttl_s = UINT32_MAX};
    parser p = {.reply = reply, .len = len, .summary = ret_summary};
    bool ok = read_question(&p);
    if (!ok)
        return seal__error(reterr, SEAL_ERROR_MALFORMED, "the answer has no question in it");
    if (!follow_aliases(&p) || !read_answers(&p, on_srv, user))
        return seal__error(reterr, SEAL_ERROR_MALFORMED,
                           "a record of the answer is cut off or leads in circles");
    return 0;
}
