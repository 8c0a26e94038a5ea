/* SPDX-License-Identifier: Apache-2.0 */
#include "rewrite.h"

#include "names.h"

enum { REQUEST_FILE_TO_GENERATE = 1, REQUEST_PARAMETER = 2, REQUEST_PROTO_FILE = 15 };

enum {
    FILE_DEPENDENCY = 3,
    FILE_MESSAGE = 4,
    FILE_SERVICE = 6,
    FILE_EXTENSION = 7,
    FILE_SOURCE_INFO = 9,
    FILE_PUBLIC = 10,
    FILE_WEAK = 11,
    FILE_SYNTAX = 12
};

enum {
    MESSAGE_FIELD = 2,
    MESSAGE_NESTED = 3,
    MESSAGE_EXTENSION = 6,
    MESSAGE_OPTIONS = 7,
    MESSAGE_ONEOF = 8,
    MESSAGE_RESERVED_NAME = 10,
    OPTIONS_MAP_ENTRY = 7
};

enum {
    FIELD_NAME = 1,
    FIELD_LABEL = 4,
    FIELD_DEFAULT = 7,
    FIELD_OPTIONS = 8,
    FIELD_ONEOF_INDEX = 9,
    FIELD_JSON_NAME = 10,
    FIELD_PROTO3_OPTIONAL = 17,
    OPTIONS_PACKED = 2,
    ONEOF_NAME = 1
};

bool rewrite_is_implicit(const message *msg, const field *fld) {
    return msg->file->proto3 && fld->proto->label == LABEL_OPTIONAL && fld->oneof < 0 &&
           !fld->synthetic_oneof;
}

bool rewrite_is_implicit_string(const message *msg, const field *fld) {
    const Spb__FieldOptions *options = fld->proto->options;
    bool as_bytes =
        options != NULL && options->pb_c_field != NULL && options->pb_c_field->string_as_bytes;
    return rewrite_is_implicit(msg, fld) && fld->proto->type == TYPE_STRING && !as_bytes;
}

/* proto3 packs repeated numbers unless told otherwise; proto2 does not. */
static bool is_packed_by_default(const message *msg, const field *fld) {
    int type = fld->proto->type;
    bool packable =
        type != TYPE_STRING && type != TYPE_BYTES && type != TYPE_MESSAGE && type != TYPE_GROUP;
    bool said = fld->proto->options != NULL && fld->proto->options->has_packed;
    return msg->file->proto3 && fld->proto->label == LABEL_REPEATED && packable && !said;
}

static bool keeps_field_part(const message *msg, const field *fld, uint32_t number, bool presence) {
    switch (number) {
    case FIELD_NAME:
    case FIELD_JSON_NAME:
        return fld->new_name == NULL;
    case FIELD_LABEL:
        return !presence || !rewrite_is_implicit(msg, fld);
    case FIELD_ONEOF_INDEX:
        return fld->oneof >= 0;
    case FIELD_PROTO3_OPTIONAL:
        return false;
    default:
        return true;
    }
}

static void rewrite_field(const message *msg, const field *fld, wire_view bytes, bool presence,
                          printer *out) {
    wire_reader reader = wire_read(bytes);
    wire_field part;
    while (wire_next(&reader, &part))
        if (keeps_field_part(msg, fld, part.number, presence))
            wire_put_field(out, &part);
    if (fld->new_name != NULL)
        wire_put_string(out, FIELD_NAME, fld->new_name);
    if (!presence)
        return;
    if (rewrite_is_implicit(msg, fld))
        wire_put_int(out, FIELD_LABEL, LABEL_REQUIRED);
    if (rewrite_is_implicit_string(msg, fld))
        wire_put_string(out, FIELD_DEFAULT, "");
    if (is_packed_by_default(msg, fld)) {
        /* A message that comes twice is merged. */
        static const unsigned char packed[] = {OPTIONS_PACKED << 3, 1};
        wire_put_bytes(out, FIELD_OPTIONS, packed, sizeof packed);
    }
}

/* Copies a message but for one field. */
static void copy_without(wire_view bytes, uint32_t number, printer *out) {
    wire_reader reader = wire_read(bytes);
    wire_field part;
    while (wire_next(&reader, &part))
        if (part.number != number)
            wire_put_field(out, &part);
}

static void put_part(printer *out, uint32_t number, printer *part) {
    wire_put_bytes(out, number, part->data, part->len);
    printer_done(part);
}

/* Where the wire is in the lists of the model. */
typedef struct place {
    size_t field, nested, oneof;
} place;

static void rewrite_message(const message *msg, wire_view bytes, bool presence, printer *out);

static void rewrite_oneof(const message *msg, size_t index, wire_view bytes, printer *out) {
    if (index >= msg->n_oneofs) /* of a proto3 optional field */
        return;
    printer part = {0};
    const char *name = msg->new_oneof_names[index];
    copy_without(bytes, name != NULL ? ONEOF_NAME : 0, &part);
    if (name != NULL)
        wire_put_string(&part, ONEOF_NAME, name);
    put_part(out, MESSAGE_ONEOF, &part);
}

static void rewrite_message_part(const message *msg, const wire_field *part, place *at,
                                 bool presence, printer *out) {
    printer inner = {0};
    switch (part->number) {
    case MESSAGE_FIELD:
        rewrite_field(msg, &msg->fields[at->field++], part->bytes, presence, &inner);
        put_part(out, MESSAGE_FIELD, &inner);
        break;
    case MESSAGE_NESTED:
        rewrite_message(&msg->nested[at->nested++], part->bytes, presence, &inner);
        put_part(out, MESSAGE_NESTED, &inner);
        break;
    case MESSAGE_OPTIONS:
        /* The entries of maps may be renamed and changed only when they say they are plain. */
        copy_without(part->bytes, OPTIONS_MAP_ENTRY, &inner);
        put_part(out, MESSAGE_OPTIONS, &inner);
        break;
    case MESSAGE_ONEOF:
        rewrite_oneof(msg, at->oneof++, part->bytes, out);
        break;
    case MESSAGE_EXTENSION:
    case MESSAGE_RESERVED_NAME: /* a new name may be one */
        break;
    default:
        wire_put_field(out, part);
    }
}

static void rewrite_message(const message *msg, wire_view bytes, bool presence, printer *out) {
    wire_reader reader = wire_read(bytes);
    wire_field part;
    place at = {0};
    while (wire_next(&reader, &part))
        rewrite_message_part(msg, &part, &at, presence, out);
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* Whether messages have a field of a type that the file defines. */
static bool uses(const message *messages, size_t count, const file *defining) {
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < messages[i].n_fields; k++) {
            const type_entry *type = messages[i].fields[k].type;
            if (type != NULL && type->file == defining)
                return true;
        }
        if (uses(messages[i].nested, messages[i].n_nested, defining))
            return true;
    }
    return false;
}

/* Whether f needs the import for its messages, itself or for what it imports publicly. */
static bool needs(const file *f, const file *import, strmap *visited) {
    if (strmap_add(visited, import->name, import) != NULL)
        return false;
    if (uses(f->messages, f->n_messages, import))
        return true;
    for (size_t i = 0; i < import->proto->n_public_dependency; i++)
        if (needs(f, import->dependencies[import->proto->public_dependency[i]], visited))
            return true;
    return false;
}

static bool is_public(const file *f, size_t dependency) {
    for (size_t i = 0; i < f->proto->n_public_dependency; i++)
        if ((size_t)f->proto->public_dependency[i] == dependency)
            return true;
    return false;
}

static void put_dependencies(const file *f, printer *out) {
    unsigned kept = 0;
    for (size_t i = 0; i < f->n_dependencies; i++) {
        strmap visited = {0};
        bool public = is_public(f, i);
        if (public || needs(f, f->dependencies[i], &visited)) {
            wire_put_string(out, FILE_DEPENDENCY, f->dependencies[i]->name);
            if (public)
                wire_put_int(out, FILE_PUBLIC, kept);
            kept++;
        }
        strmap_done(&visited);
    }
}

static void rewrite_file_part(const file *f, const wire_field *part, size_t *next_message,
                              bool presence, printer *out) {
    printer inner = {0};
    switch (part->number) {
    case FILE_MESSAGE:
        rewrite_message(&f->messages[(*next_message)++], part->bytes, presence, &inner);
        put_part(out, FILE_MESSAGE, &inner);
        break;
    case FILE_DEPENDENCY:
    case FILE_PUBLIC:
    case FILE_WEAK:
    case FILE_SERVICE:
    case FILE_EXTENSION:
        break;
    case FILE_SYNTAX:
        if (!presence || !f->proto3)
            wire_put_field(out, part);
        break;
    case FILE_SOURCE_INFO:
        if (f->generate) /* comments */
            wire_put_field(out, part);
        break;
    default:
        wire_put_field(out, part);
    }
}

static void rewrite_file(const file *f, wire_view bytes, bool presence, printer *out) {
    wire_reader reader = wire_read(bytes);
    wire_field part;
    size_t next_message = 0;
    while (wire_next(&reader, &part))
        rewrite_file_part(f, &part, &next_message, presence, out);
    put_dependencies(f, out);
}

void rewrite_request(const model *m, wire_view request, bool presence, printer *out) {
    for (size_t i = 0; i < m->n_files; i++)
        if (m->files[i].generate && m->files[i].has_optional == presence)
            wire_put_string(out, REQUEST_FILE_TO_GENERATE, m->files[i].name);
    wire_reader reader = wire_read(request);
    wire_field part;
    size_t next_file = 0;
    while (wire_next(&reader, &part)) {
        if (part.number == REQUEST_PROTO_FILE) {
            printer inner = {0};
            rewrite_file(&m->files[next_file++], part.bytes, presence, &inner);
            put_part(out, REQUEST_PROTO_FILE, &inner);
        } else if (part.number != REQUEST_FILE_TO_GENERATE && part.number != REQUEST_PARAMETER) {
            wire_put_field(out, &part);
        }
    }
}
