/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <string.h>

#include "comments.h"
#include "depth.h"
#include "names.h"

void model_done(model *m) {
    strmap_done(&m->files_by_name);
    strmap_done(&m->types);
}

const char *model_text(const char *text_or_null) {
    return text_or_null != NULL ? text_or_null : "";
}

static const char *join_name(pool *p, const char *scope, const char *name) {
    return scope[0] == '\0' ? pool_string(p, name) : pool_printf(p, "%s.%s", scope, name);
}

static const char *add_type(model *m, const file *f, const char *full_name, message *msg) {
    type_entry *entry = pool_alloc(m->pool, 1, sizeof *entry);
    *entry = (type_entry){.full_name = full_name, .file = f, .message = msg};
    if (!name_is_full(full_name))
        return pool_printf(m->pool, "%s: '%s' is not a name", f->name, full_name);
    if (strmap_add(&m->types, full_name, entry) != NULL)
        return pool_printf(m->pool, "%s: '%s' is defined twice", f->name, full_name);
    return NULL;
}

static const char *add_enums(model *m, const file *f, const char *scope, size_t count,
                             Spb__EnumDescriptorProto **enums) {
    for (size_t i = 0; i < count; i++) {
        const char *name = join_name(m->pool, scope, model_text(enums[i]->name));
        const char *wrong = add_type(m, f, name, NULL);
        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}

/* Counts the oneofs before the first that is there for a proto3 optional field. */
static size_t count_real_oneofs(const Spb__DescriptorProto *proto) {
    size_t n = proto->n_oneof_decl;
    for (size_t i = 0; i < proto->n_field; i++) {
        const Spb__FieldDescriptorProto *member = proto->field[i];
        if (member->has_proto3_optional && member->proto3_optional && member->has_oneof_index &&
            member->oneof_index >= 0 && (size_t)member->oneof_index < n)
            n = (size_t)member->oneof_index;
    }
    return n;
}

static void fill_fields(model *m, file *f, message *msg) {
    msg->n_fields = msg->proto->n_field;
    msg->fields = pool_alloc(m->pool, msg->n_fields, sizeof *msg->fields);
    for (size_t i = 0; i < msg->n_fields; i++) {
        field *fld = &msg->fields[i];
        fld->proto = msg->proto->field[i];
        fld->synthetic_oneof = fld->proto->has_proto3_optional && fld->proto->proto3_optional;
        f->has_optional |= fld->synthetic_oneof;
        fld->oneof = -1;
        if (fld->proto->has_oneof_index && !fld->synthetic_oneof)
            fld->oneof = fld->proto->oneof_index;
    }
}

static const char *fill_messages(model *m, file *f, const char *scope, message *messages,
                                 Spb__DescriptorProto **protos, size_t count) {
    for (size_t i = 0; i < count; i++) {
        message *msg = &messages[i];
        msg->proto = protos[i];
        msg->file = f;
        msg->full_name = join_name(m->pool, scope, model_text(protos[i]->name));
        const char *wrong = add_type(m, f, msg->full_name, msg);
        if (wrong != NULL)
            return wrong;
        msg->c_type = name_pbc_type(m->pool, msg->full_name, f->package, f->c_package);
        msg->c_lower = name_pbc_lower(m->pool, msg->full_name, f->package, f->c_package);
        msg->c_upper = name_pbc_upper(m->pool, msg->full_name, f->package, f->c_package);
        fill_fields(m, f, msg);
        msg->n_oneofs = count_real_oneofs(msg->proto);
        msg->new_oneof_names = pool_alloc(m->pool, msg->n_oneofs, sizeof *msg->new_oneof_names);
        msg->n_nested = protos[i]->n_nested_type;
        msg->nested = pool_alloc(m->pool, msg->n_nested, sizeof *msg->nested);
        wrong = add_enums(m, f, msg->full_name, protos[i]->n_enum_type, protos[i]->enum_type);
        if (wrong == NULL)
            wrong = fill_messages(m, f, msg->full_name, msg->nested, protos[i]->nested_type,
                                  msg->n_nested);
        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}

static const type_entry *find_type(const model *m, const char *name) {
    return name != NULL && name[0] == '.' ? strmap_get(&m->types, name + 1) : NULL;
}

static const char *resolve_field(model *m, const message *msg, field *fld) {
    const Spb__FieldDescriptorProto *proto = fld->proto;
    const char *name = model_text(proto->name);
    if (!name_is_identifier(name) || proto->type < TYPE_FIRST || proto->type > TYPE_LAST ||
        proto->label < LABEL_OPTIONAL || proto->label > LABEL_REPEATED)
        return pool_printf(m->pool, "%s: %s has a field that is not one", msg->file->name,
                           msg->full_name);
    bool named =
        proto->type == TYPE_MESSAGE || proto->type == TYPE_GROUP || proto->type == TYPE_ENUM;
    fld->type = named ? find_type(m, proto->type_name) : NULL;
    if (named && (fld->type == NULL || (fld->type->message == NULL) != (proto->type == TYPE_ENUM)))
        return pool_printf(m->pool, "%s: type of %s.%s is not in the request", msg->file->name,
                           msg->full_name, name);
    if (fld->oneof >= 0 && (size_t)fld->oneof >= msg->n_oneofs)
        return pool_printf(m->pool, "%s: oneof of %s.%s does not exist", msg->file->name,
                           msg->full_name, name);
    return NULL;
}

static const char *resolve_messages(model *m, message *messages, size_t count) {
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < messages[i].n_fields; k++) {
            const char *wrong = resolve_field(m, &messages[i], &messages[i].fields[k]);
            if (wrong != NULL)
                return wrong;
        }
        for (size_t k = 0; k < messages[i].n_oneofs; k++)
            if (!name_is_identifier(model_text(messages[i].proto->oneof_decl[k]->name)))
                return pool_printf(m->pool, "%s: %s has a oneof without a name",
                                   messages[i].file->name, messages[i].full_name);
        const char *wrong = resolve_messages(m, messages[i].nested, messages[i].n_nested);
        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}

static const char *fill_method(model *m, service *s, method *me,
                               const Spb__MethodDescriptorProto *proto) {
    const char *name = model_text(proto->name);
    if (!name_is_identifier(name))
        return pool_printf(m->pool, "%s: '%s' is not the name of a method", s->file->name, name);
    me->proto = proto;
    me->snake = name_snake(m->pool, name);
    me->slot = name_slot(m->pool, me->snake);
    me->full_name = pool_printf(m->pool, "%s/%s", s->full_name, name);
    me->subject = pool_printf(m->pool, "%s.%s", s->proto->name, name);
    me->requests_stream = proto->has_client_streaming && proto->client_streaming;
    me->replies_stream = proto->has_server_streaming && proto->server_streaming;
    me->deprecated =
        proto->options != NULL && proto->options->has_deprecated && proto->options->deprecated;
    const type_entry *input = find_type(m, proto->input_type);
    const type_entry *output = find_type(m, proto->output_type);
    if (input == NULL || output == NULL || input->message == NULL || output->message == NULL)
        return pool_printf(m->pool, "%s: a type of %s is not in the request", s->file->name,
                           me->full_name);
    me->input = input->message;
    me->output = output->message;
    return NULL;
}

static char *lower_case(pool *p, const char *text) {
    char *lower = pool_string(p, text);
    for (char *c = lower; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return lower;
}

static const char *fill_service(model *m, file *f, size_t index) {
    service *s = &f->services[index];
    s->proto = f->proto->service[index];
    s->file = f;
    const char *name = model_text(s->proto->name);
    if (!name_is_identifier(name))
        return pool_printf(m->pool, "%s: '%s' is not the name of a service", f->name, name);
    s->full_name = join_name(m->pool, f->package, name);
    s->prefix = pool_printf(m->pool, "%s%s", m->settings.prefix, name_snake(m->pool, s->full_name));
    const Spb__ServiceOptions *options = s->proto->options;
    s->deprecated = options != NULL && options->has_deprecated && options->deprecated;
    s->spn_class = options != NULL && options->seal != NULL && options->seal->spn_class != NULL
                       ? options->seal->spn_class
                       : lower_case(m->pool, name);
    s->n_methods = s->proto->n_method;
    s->methods = pool_alloc(m->pool, s->n_methods, sizeof *s->methods);
    for (size_t i = 0; i < s->n_methods; i++) {
        const char *wrong = fill_method(m, s, &s->methods[i], s->proto->method[i]);
        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}

static const char *fill_services(model *m, file *f) {
    f->n_services = f->proto->n_service;
    f->services = pool_alloc(m->pool, f->n_services, sizeof *f->services);
    for (size_t i = 0; i < f->n_services; i++) {
        const char *wrong = fill_service(m, f, i);
        if (wrong != NULL)
            return wrong;
    }
    comments_attach(f);
    return NULL;
}

/* Dependencies come before the files that import them. */
static const char *fill_dependencies(model *m, file *f) {
    f->n_dependencies = f->proto->n_dependency;
    f->dependencies = pool_alloc(m->pool, f->n_dependencies, sizeof(const file *));
    for (size_t i = 0; i < f->n_dependencies; i++) {
        f->dependencies[i] = strmap_get(&m->files_by_name, f->proto->dependency[i]);
        if (f->dependencies[i] == NULL)
            return pool_printf(m->pool, "%s: its import %s does not come before it", f->name,
                               f->proto->dependency[i]);
    }
    for (size_t i = 0; i < f->proto->n_public_dependency; i++)
        if (f->proto->public_dependency[i] < 0 ||
            (size_t)f->proto->public_dependency[i] >= f->n_dependencies)
            return pool_printf(m->pool, "%s: a public import does not exist", f->name);
    return NULL;
}

static const char *fill_file(model *m, file *f, const Spb__FileDescriptorProto *proto) {
    f->proto = proto;
    f->name = model_text(proto->name);
    f->stem = name_stem(m->pool, f->name);
    f->package = model_text(proto->package);
    f->proto3 = proto->syntax != NULL && strcmp(proto->syntax, "proto3") == 0;
    f->comment = "";
    if (proto->options != NULL && proto->options->pb_c_file != NULL) {
        f->c_package = proto->options->pb_c_file->c_package;
        f->no_pbc =
            proto->options->pb_c_file->has_no_generate && proto->options->pb_c_file->no_generate;
    }
    if (f->package[0] != '\0' && !name_is_full(f->package))
        return pool_printf(m->pool, "%s: '%s' is not a package", f->name, f->package);
    const char *wrong = fill_dependencies(m, f);
    if (wrong != NULL)
        return wrong;
    if (strmap_add(&m->files_by_name, f->name, f) != NULL)
        return pool_printf(m->pool, "%s: is in the request twice", f->name);
    f->n_messages = proto->n_message_type;
    f->messages = pool_alloc(m->pool, f->n_messages, sizeof *f->messages);
    wrong = add_enums(m, f, f->package, proto->n_enum_type, proto->enum_type);
    if (wrong == NULL)
        wrong = fill_messages(m, f, f->package, f->messages, proto->message_type, f->n_messages);
    return wrong;
}

static const char *mark_generated(model *m, const Spb__CodeGeneratorRequest *request) {
    if (request->n_file_to_generate == 0)
        return "no file to generate";
    for (size_t i = 0; i < request->n_file_to_generate; i++) {
        const char *name = request->file_to_generate[i];
        const file *found = strmap_get(&m->files_by_name, name);
        if (found == NULL)
            return pool_printf(m->pool, "%s: is to be generated and not in the request", name);
        m->files[found - m->files].generate = true;
    }
    return NULL;
}

const char *model_build(model *m, const Spb__CodeGeneratorRequest *request, pool *p) {
    m->pool = p;
    m->n_files = request->n_proto_file;
    m->files = pool_alloc(p, m->n_files, sizeof *m->files);
    const char *wrong = NULL;
    for (size_t i = 0; i < m->n_files && wrong == NULL; i++)
        wrong = fill_file(m, &m->files[i], request->proto_file[i]);
    for (size_t i = 0; i < m->n_files && wrong == NULL; i++)
        wrong = resolve_messages(m, m->files[i].messages, m->files[i].n_messages);
    if (wrong == NULL)
        wrong = mark_generated(m, request);
    for (size_t i = 0; i < m->n_files && wrong == NULL; i++)
        if (m->files[i].generate)
            wrong = fill_services(m, &m->files[i]);
    if (wrong == NULL)
        depth_compute(m);
    return wrong;
}
