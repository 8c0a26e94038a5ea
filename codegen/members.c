/* SPDX-License-Identifier: Apache-2.0 */
/* Members of a message's structure, and the constants of its oneofs, are made by protoc-gen-c from
 * the names in the .proto file. Where two would be the same, or one is no name in C or C++, the
 * file given to protoc-gen-c has another: numbers, and so the bytes on the wire, stay. */
#include <string.h>

#include "check.h"
#include "keywords.h"
#include "names.h"

/* Whether protoc-gen-c makes a has_ member for the field. */
static bool has_presence_member(const message *msg, const field *fld) {
    if (fld->proto->label != LABEL_OPTIONAL || fld->oneof >= 0)
        return false;
    bool explicit_presence = fld->synthetic_oneof || !msg->file->proto3;
    bool as_bytes = fld->proto->options != NULL && fld->proto->options->pb_c_field != NULL &&
                    fld->proto->options->pb_c_field->string_as_bytes;
    return explicit_presence && fld->proto->type != TYPE_MESSAGE &&
           (fld->proto->type != TYPE_STRING || as_bytes);
}

/* Returns the name of the second member that goes with the field's own, or NULL. */
static const char *companion(pool *p, const message *msg, const field *fld, const char *member) {
    if (fld->proto->label == LABEL_REPEATED)
        return pool_printf(p, "n_%s", member);
    return has_presence_member(msg, fld) ? pool_printf(p, "has_%s", member) : NULL;
}

static bool take_member(pool *p, strmap *taken, const message *msg, const field *fld,
                        const char *name) {
    const char *member = name_pbc_field(p, name);
    const char *second = companion(p, msg, fld, member);
    if (keyword_bad_member(member) || strmap_get(taken, member) != NULL ||
        (second != NULL && strmap_get(taken, second) != NULL))
        return false;
    strmap_add(taken, member, fld);
    if (second != NULL)
        strmap_add(taken, second, fld);
    return true;
}

static void name_field(pool *p, strmap *taken, const message *msg, field *fld, problems *list) {
    const char *name = fld->proto->name;
    if (take_member(p, taken, msg, fld, name))
        return;
    fld->new_name = pool_printf(p, "%s_", name);
    if (take_member(p, taken, msg, fld, fld->new_name))
        return;
    fld->new_name = pool_printf(p, "%s_%d", name, fld->proto->number);
    if (!take_member(p, taken, msg, fld, fld->new_name))
        problems_add(list, msg->file->name, msg->full_name,
                     "fields %s, %s_ and %s have the same name in C as others; rename the field",
                     name, name, fld->new_name);
}

/* Takes the constants of a oneof, its type and its _case member; false when one is taken. */
static bool take_oneof(pool *p, strmap *taken, strmap *constants, const message *msg, size_t index,
                       const char *name) {
    const char *upper = pool_printf(p, "%s__%s", msg->c_upper, name_pbc_part_upper(p, name));
    const char *member = pool_printf(p, "%s_case", name_pbc_part_lower(p, name));
    const char *type = pool_printf(p, "%s__%sCase", msg->c_type, name_pbc_part_camel(p, name));
    const char *not_set = pool_printf(p, "%s__NOT_SET", upper);
    if (strmap_get(taken, member) != NULL || strmap_get(constants, type) != NULL ||
        strmap_get(constants, not_set) != NULL)
        return false;
    for (unsigned pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < msg->n_fields; i++) {
            const field *fld = &msg->fields[i];
            if (fld->oneof < 0 || (size_t)fld->oneof != index)
                continue;
            const char *field_name = fld->new_name != NULL ? fld->new_name : fld->proto->name;
            const char *constant =
                pool_printf(p, "%s_%s", upper, name_pbc_part_upper(p, field_name));
            if (pass == 0 && strmap_get(constants, constant) != NULL)
                return false;
            if (pass == 1)
                strmap_add(constants, constant, msg);
        }
    strmap_add(taken, member, msg);
    strmap_add(constants, type, msg);
    strmap_add(constants, not_set, msg);
    return true;
}

/* The constants of the enums and the types that are nested in a message. */
static void take_nested(pool *p, strmap *constants, const message *msg) {
    for (size_t i = 0; i < msg->n_nested; i++)
        strmap_add(constants, msg->nested[i].c_type, msg);
    for (size_t i = 0; i < msg->proto->n_enum_type; i++) {
        const Spb__EnumDescriptorProto *proto = msg->proto->enum_type[i];
        const char *name = model_text(proto->name);
        strmap_add(constants, pool_printf(p, "%s__%s", msg->c_type, name_pbc_part_camel(p, name)),
                   msg);
        const char *upper = pool_printf(p, "%s__%s", msg->c_upper, name_pbc_part_upper(p, name));
        for (size_t k = 0; k < proto->n_value; k++)
            strmap_add(constants,
                       pool_printf(p, "%s__%s", upper, model_text(proto->value[k]->name)), msg);
    }
}

static void name_oneof(pool *p, strmap *taken, strmap *constants, const message *msg, size_t index,
                       problems *list) {
    const char *name = msg->proto->oneof_decl[index]->name;
    if (take_oneof(p, taken, constants, msg, index, name))
        return;
    msg->new_oneof_names[index] = pool_printf(p, "%s_oneof", name);
    if (!take_oneof(p, taken, constants, msg, index, msg->new_oneof_names[index]))
        problems_add(list, msg->file->name, msg->full_name,
                     "oneof %s gives names in C that others have; rename the oneof", name);
}

static void name_members(pool *p, const message *msg, problems *list) {
    strmap taken = {0};
    strmap constants = {0};
    const Spb__MessageOptions *options = msg->proto->options;
    const char *base = "base";
    if (options != NULL && options->pb_c_msg != NULL && options->pb_c_msg->base_field_name != NULL)
        base = options->pb_c_msg->base_field_name;
    strmap_add(&taken, base, msg);
    take_nested(p, &constants, msg);
    for (size_t i = 0; i < msg->n_fields; i++)
        name_field(p, &taken, msg, &msg->fields[i], list);
    for (size_t i = 0; i < msg->n_oneofs; i++)
        name_oneof(p, &taken, &constants, msg, i, list);
    strmap_done(&taken);
    strmap_done(&constants);
    for (size_t i = 0; i < msg->n_nested; i++)
        name_members(p, &msg->nested[i], list);
}

void check_members(const model *m, problems *list) {
    for (size_t i = 0; i < m->n_files; i++)
        for (size_t k = 0; m->files[i].generate && k < m->files[i].n_messages; k++)
            name_members(m->pool, &m->files[i].messages[k], list);
}
