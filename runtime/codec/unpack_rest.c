/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages with anything in them. At the first field that is repeated or unknown the rest is walked
 * over once more, to count: arrays are allocated once, of the right size.
 *
 * What is charged to the arena is what protobuf-c's own decoder takes, its notes on the fields of a
 * message with more than sixteen included, so that both accept the same messages.
 */
#include "base/utf8.h"
#include "codec/decoder.h"

enum {
    NOTE_SIZE = 32,
    SEEN_WORDS = 2, /* without allocation: for 128 fields */
    WORD_BITS = 64
};

/* One message on its way in. */
typedef struct frame {
    seal__decoder *d;
    ProtobufCMessage *message; /* NULL before a first field has been seen to be whole */
    uint64_t *seen;            /* by index: required fields, and singular messages */
    size_t n_fields;           /* read */
    size_t noted;              /* fields that are charged for */
    unsigned depth;
    bool counted;
    seal__walk walk;
    seal__item item;
    uint64_t words[SEEN_WORDS];
} frame;

SEAL__COLD static int malformed(const frame *f, const char *what) {
    return seal__error(f->d->reterr, SEAL_ERROR_MALFORMED, "%s: %s", f->walk.type->name, what);
}

SEAL__COLD static int bad_field(const frame *f, const ProtobufCFieldDescriptor *field,
                                const char *what) {
    return seal__error(f->d->reterr, SEAL_ERROR_MALFORMED, "%s: field %s %s", f->walk.type->name,
                       field->name, what);
}

static void *take_array(const seal__decoder *d, size_t n, size_t size, int *ret_rc) {
    size_t total = 0;
    return seal__decoder_take(d, seal__mul(n, size, &total) ? total : SIZE_MAX, ret_rc);
}

/* ---- Fields that cannot be walked over ---- */

SEAL__COLD static int cannot_walk(const frame *f) {
    switch (f->item.wire) {
    case SEAL__WIRE_VARINT:
    case SEAL__WIRE_64:
    case SEAL__WIRE_32:
        return malformed(f, "a value is cut off");
    case SEAL__WIRE_BYTES:
        return malformed(f, "length goes beyond the end");
    case SEAL__WIRE_NONE:
        return malformed(f, "bad field number");
    default:
        return malformed(f, "groups and unknown wire types are not supported");
    }
}

/* Room for notes is taken twice as large each time: for 32, 64, 128 fields. */
static int charge_notes(frame *f) {
    size_t more = f->noted + SEAL__FREE_NOTES;
    f->noted += more;
    return seal__decoder_charge(f->d, NOTE_SIZE * more);
}

/* ---- The structure --------------------------------------------------------------------------- */

/* For a type of many fields. */
SEAL__COLD static int take_seen(frame *f) {
    size_t words = (f->walk.type->n_fields + WORD_BITS - 1) / WORD_BITS;
    int rc = 0;
    f->seen = take_array(f->d, words, sizeof *f->seen, &rc);
    if (f->seen != NULL)
        memset(f->seen, 0, words * sizeof *f->seen);
    return rc;
}

static int begin(frame *f) {
    const ProtobufCMessageDescriptor *type = f->walk.type;
    int rc = 0;
    if (f->message == NULL)
        f->message = seal__decoder_new(f->d, type, &rc);
    return rc == 0 && type->n_fields > SEEN_WORDS * WORD_BITS ? take_seen(f) : rc;
}

/* Remembers that a field was given; returns whether it had been before. */
static bool mark(frame *f, const ProtobufCFieldDescriptor *field) {
    if (f->seen == NULL) {
        memset(f->words, 0, sizeof f->words);
        f->seen = f->words;
    }
    size_t index = (size_t)(field - f->walk.type->fields);
    uint64_t *word = &f->seen[index / WORD_BITS], bit = UINT64_C(1) << index % WORD_BITS;
    bool before = (*word & bit) != 0;
    *word |= bit;
    return before;
}

static int check_required(const frame *f) {
    const ProtobufCMessageDescriptor *type = f->walk.type;
    for (unsigned i = 0; i < type->n_fields; i++)
        if (type->fields[i].label == PROTOBUF_C_LABEL_REQUIRED &&
            type->fields[i].default_value == NULL &&
            (f->seen == NULL || (f->seen[i / WORD_BITS] >> i % WORD_BITS & 1) == 0))
            return bad_field(f, &type->fields[i], "is required, and missing");
    return 0;
}

/* ---- Repeated and unknown fields: how many are there? ---- */

static bool is_packed(const seal__item *item) {
    return item->wire == SEAL__WIRE_BYTES && seal__field_is_scalar(item->field);
}

static size_t *count_of(const frame *f, const ProtobufCFieldDescriptor *field) {
    return seal__field_of(f->message, field->quantifier_offset);
}

static int count_one(const frame *f, const seal__item *item, size_t *n_unknown) {
    const ProtobufCFieldDescriptor *field = item->field;
    size_t n = 1;
    if (field == NULL) {
        ++*n_unknown;
        return 0;
    }
    if (field->label != PROTOBUF_C_LABEL_REPEATED)
        return 0;
    if (is_packed(item) && !seal__numbers_count(field->type, item->bytes, item->len, &n))
        return bad_field(f, field, "is not a whole number of elements");
    *count_of(f, field) += n;
    return 0;
}

/* Room for what was counted; the counts begin again. */
static int make_room(const frame *f, size_t n_unknown) {
    const ProtobufCMessageDescriptor *type = f->walk.type;
    int rc = 0;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (field->label != PROTOBUF_C_LABEL_REPEATED || *count_of(f, field) == 0)
            continue;
        void *array = take_array(f->d, *count_of(f, field), seal__field_size(field->type), &rc);
        if (array == NULL)
            return rc;
        memcpy(seal__field_of(f->message, field->offset), &array, sizeof array);
        *count_of(f, field) = 0;
    }
    if (n_unknown > 0)
        f->message->unknown_fields =
            take_array(f->d, n_unknown, sizeof *f->message->unknown_fields, &rc);
    return rc;
}

/* From the field at hand to the end. */
static int count(frame *f) {
    seal__walk rest = f->walk;
    seal__item item = f->item;
    size_t n_unknown = 0;
    int rc = count_one(f, &item, &n_unknown);
    while (rc == 0 && rest.at < rest.end) {
        if (!seal__walk_next(&rest, &item)) {
            f->item.wire = item.wire;
            return cannot_walk(f);
        }
        rc = count_one(f, &item, &n_unknown);
    }
    f->counted = true;
    return rc == 0 ? make_room(f, n_unknown) : rc;
}

/* ---- Values ---------------------------------------------------------------------------------- */

static int read_string(const frame *f, char **ret_text) {
    const seal__item *item = &f->item;
    if (!seal__utf8_is_text(item->bytes, item->len))
        return seal__error(f->d->reterr, SEAL_ERROR_MALFORMED,
                           "%s: string field %s is not UTF-8 text", f->walk.type->name,
                           item->field->name);
    return seal__decoder_keep_text(f->d, item->bytes, item->len, ret_text);
}

/* The specification says that a singular message given twice is merged. protobuf-c tries, but loses
 * scalars and oneofs of the first one, or fails: better to refuse than to hand out something else.
 */
static int read_inner(frame *f, ProtobufCMessage **ret_message) {
    const ProtobufCFieldDescriptor *field = f->item.field;
    if (field->label != PROTOBUF_C_LABEL_REPEATED && mark(f, field))
        return malformed(f, "a singular message is given twice");
    return seal__read_message(f->d, field->descriptor, f->item.bytes, f->item.len, f->depth + 1,
                              ret_message);
}

/* A member, or one element. */
static int read_value(frame *f, void *at) {
    const ProtobufCFieldDescriptor *field = f->item.field;
    if (seal__field_is_scalar(field))
        return seal__number_store(field->type, &f->item, f->walk.at, at)
                   ? 0
                   : bad_field(f, field, "has another wire type");
    if (f->item.wire != SEAL__WIRE_BYTES)
        return bad_field(f, field, "has another wire type");
    if (field->type == PROTOBUF_C_TYPE_BYTES)
        return seal__decoder_keep_bytes(f->d, f->item.bytes, f->item.len, at);
    return field->type == PROTOBUF_C_TYPE_STRING ? read_string(f, at) : read_inner(f, at);
}

static int read_repeated(frame *f) {
    const ProtobufCFieldDescriptor *field = f->item.field;
    size_t *n = count_of(f, field), size = seal__field_size(field->type), more = 1;
    char *array = *(char **)seal__field_of(f->message, field->offset);
    if (array != NULL) /* NULL: no packed value has a whole element */
        array += *n * size;
    if (is_packed(&f->item)) {
        if (!seal__numbers_store(field->type, f->item.bytes, f->item.len, array, &more))
            return bad_field(f, field, "has an element that is cut off");
    } else {
        int rc = read_value(f, array);
        if (rc != 0)
            return rc;
    }
    *n += more;
    return 0;
}

/* The last one given wins. */
static int read_oneof(frame *f) {
    const ProtobufCFieldDescriptor *field = f->item.field;
    uint32_t *selected = seal__field_of(f->message, field->quantifier_offset);
    void *at = seal__field_of(f->message, field->offset);
    if (*selected != 0) {
        const ProtobufCFieldDescriptor *old =
            protobuf_c_message_descriptor_get_field(f->walk.type, *selected);
        memset(at, 0, seal__field_size(old == NULL ? field->type : old->type));
    }
    int rc = read_value(f, at);
    if (rc == 0)
        *selected = field->id;
    return rc;
}

static int read_unknown(frame *f) {
    ProtobufCMessageUnknownField *unknown =
        &f->message->unknown_fields[f->message->n_unknown_fields++];
    unknown->tag = f->item.number;
    unknown->wire_type = (uint8_t)f->item.wire;
    unknown->len = (size_t)(f->walk.at - f->item.start);
    return seal__decoder_keep(f->d, f->item.start, unknown->len, &unknown->data);
}

/* A field that is repeated, unknown, or in a oneof. */
static int read_other(frame *f) {
    const ProtobufCFieldDescriptor *field = f->item.field;
    if (field != NULL && field->label != PROTOBUF_C_LABEL_REPEATED)
        return read_oneof(f);
    int rc = f->counted ? 0 : count(f);
    if (rc != 0)
        return rc;
    return field == NULL ? read_unknown(f) : read_repeated(f);
}

static int read_singular(frame *f) {
    const ProtobufCFieldDescriptor *field = f->item.field;
    int rc = read_value(f, seal__field_of(f->message, field->offset));
    if (field->label != PROTOBUF_C_LABEL_REQUIRED)
        seal__field_set_has(f->message, field);
    else if (field->type != PROTOBUF_C_TYPE_MESSAGE) /* these are marked already */
        mark(f, field);
    return rc;
}

static int read_fields(frame *f) {
    int rc = f->message != NULL ? begin(f) : 0;
    while (f->walk.at < f->walk.end && rc == 0) {
        if (!seal__walk_next(&f->walk, &f->item))
            return cannot_walk(f);
        if (f->message == NULL)
            rc = begin(f);
        if (rc == 0 && ++f->n_fields > f->noted)
            rc = charge_notes(f);
        if (rc != 0)
            return rc;
        const ProtobufCFieldDescriptor *field = f->item.field;
        bool singular = field != NULL && field->label != PROTOBUF_C_LABEL_REPEATED &&
                        !seal__field_is_oneof(field);
        rc = singular ? read_singular(f) : read_other(f);
    }
    return rc == 0 && f->message == NULL ? begin(f) : rc;
}

int seal__read_rest(seal__decoder *d, const ProtobufCMessageDescriptor *type, seal__partial *s,
                    unsigned depth) {
    frame f __attribute__((uninitialized)); /* items are set as they are read */
    f.d = d;
    f.message = s->message;
    f.seen = NULL;
    f.n_fields = s->n_fields;
    f.noted = SEAL__FREE_NOTES;
    f.depth = depth;
    f.counted = false;
    seal__walk_init(&f.walk, type, s->at, s->end);
    int rc = read_fields(&f);
    if (rc == 0)
        rc = check_required(&f);
    s->message = f.message;
    return rc;
}
