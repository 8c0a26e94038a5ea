/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <string.h>

#include "names.h"

enum { LEVEL_INTEGRITY = 1, LEVEL_PRIVACY = 2, IDEMPOTENCY_LAST = 2 };

#define MAX_MESSAGE_BYTES (UINT64_C(1) << 30)

static void check_protection(problems *list, const file *f, const char *subject, int64_t level) {
    if (level != LEVEL_INTEGRITY && level != LEVEL_PRIVACY)
        problems_add(list, f->name, subject, "%lld is not a protection; write INTEGRITY or PRIVACY",
                     (long long)level);
}

static void check_unknown(problems *list, const file *f, const char *subject, const char *option,
                          const ProtobufCMessage *options) {
    if (options->n_unknown_fields > 0)
        problems_add(list, f->name, subject,
                     "option (%s) has field %u, which this generator does not know; use the "
                     "generator that came with that sealrpc/options.proto",
                     option, options->unknown_fields[0].tag);
}

static void check_limit(problems *list, const file *f, const char *subject, const char *option,
                        protobuf_c_boolean set, uint64_t bytes) {
    if (set && (bytes == 0 || bytes > MAX_MESSAGE_BYTES))
        problems_add(list, f->name, subject,
                     "%s is %llu; write 1 to 1073741824 bytes, or leave it out", option,
                     (unsigned long long)bytes);
}

static void check_timeout(problems *list, const file *f, const char *subject,
                          const Spb__SealMethodOptions *options) {
    if (options->has_timeout_ms && (options->timeout_ms == 0 || options->timeout_ms > UINT32_MAX))
        problems_add(list, f->name, subject,
                     "timeout_ms is %llu; write 1 to 4294967295 milliseconds, or leave it out",
                     (unsigned long long)options->timeout_ms);
}

/* Returns what is wrong with "primary@REALM", or NULL. A backslash takes the next character as it
 * is. */
static const char *principal_problem(const char *principal) {
    const char *realm = NULL;
    for (const char *c = principal; *c != '\0'; c++) {
        if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7f)
            return "contains a character that no principal has";
        if (*c == '\\' && *++c == '\0')
            return "ends with a backslash";
        else if (c[0] == '@' && (c == principal || c[-1] != '\\')) {
            if (realm != NULL)
                return "has two realms";
            realm = c + 1;
        }
    }
    if (realm == NULL || *realm == '\0')
        return "has no realm";
    if (realm == principal + 1)
        return "has no name before the realm";
    const char *star = strchr(principal, '*');
    bool whole_realm = strncmp(principal, "*@", 2) == 0 && strchr(realm, '*') == NULL;
    return star == NULL || whole_realm ? NULL : "has a '*' that is not the whole name";
}

static void check_allow(problems *list, const file *f, const char *subject,
                        const Spb__SealMethodOptions *options) {
    pool scratch = {0};
    for (size_t i = 0; i < options->n_allow; i++) {
        const char *wrong = principal_problem(options->allow[i]);
        if (wrong == NULL)
            continue;
        /* Quoted like a C string, so that the message stays one line. */
        printer quoted = {0};
        printer_c_escaped(&quoted, options->allow[i]);
        problems_add(
            list, f->name, subject,
            "allow \"%s\" %s; write a principal such as alice@EXAMPLE.COM, or *@EXAMPLE.COM "
            "for everybody of a realm",
            pool_copy(&scratch, quoted.data, quoted.len), wrong);
        printer_done(&quoted);
    }
    pool_done(&scratch);
}

static void check_method(problems *list, const file *f, const method *me) {
    const Spb__MethodOptions *options = me->proto->options;
    if (options != NULL && options->has_idempotency_level &&
        (options->idempotency_level < 0 || options->idempotency_level > IDEMPOTENCY_LAST))
        problems_add(list, f->name, me->subject,
                     "%d is not an idempotency_level; write NO_SIDE_EFFECTS or IDEMPOTENT",
                     options->idempotency_level);
    if (me->snake[0] == '\0')
        problems_add(list, f->name, me->subject,
                     "the name has no letter or digit to make a name in C from; rename the method");
    for (unsigned i = 0; i < 2; i++) {
        const message *msg = i == 0 ? me->input : me->output;
        if (msg->file->no_pbc)
            problems_add(
                list, f->name, me->subject,
                "%s is in %s, which has protobuf-c's option no_generate; remove the option",
                msg->full_name, msg->file->name);
    }
    if (options == NULL || options->seal == NULL)
        return;
    check_unknown(list, f, me->subject, "sealrpc.method", &options->seal->base);
    if (options->seal->has_protection)
        check_protection(list, f, me->subject, options->seal->protection);
    check_timeout(list, f, me->subject, options->seal);
    check_limit(list, f, me->subject, "max_request_bytes", options->seal->has_max_request_bytes,
                options->seal->max_request_bytes);
    check_limit(list, f, me->subject, "max_response_bytes", options->seal->has_max_response_bytes,
                options->seal->max_response_bytes);
    check_allow(list, f, me->subject, options->seal);
}

static bool is_spn_class(const char *text) {
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");
    return len > 0 && text[len] == '\0';
}

static void check_service_options(problems *list, const file *f, const service *s) {
    const Spb__ServiceOptions *options = s->proto->options;
    if (!is_spn_class(s->spn_class)) {
        printer quoted = {0};
        printer_c_escaped(&quoted, s->spn_class);
        problems_add(list, f->name, s->proto->name,
                     "spn_class \"%.*s\" is not the class of a service principal; write letters, "
                     "digits, '-', '_' and '.'",
                     (int)(quoted.len < 1024 ? quoted.len : 1024),
                     quoted.len > 0 ? quoted.data : "");
        printer_done(&quoted);
    }
    if (options == NULL || options->seal == NULL)
        return;
    check_unknown(list, f, s->proto->name, "sealrpc.service", &options->seal->base);
    if (options->seal->has_protection)
        check_protection(list, f, s->proto->name, options->seal->protection);
}

static void check_prefix(problems *list, const file *f, const service *s) {
    char first = s->prefix[0];
    bool letter = first >= 'a' && first <= 'z';
    if (!letter && !(first >= 'A' && first <= 'Z'))
        problems_add(list, f->name, s->proto->name,
                     "names in C would begin with '%s'; generate with --seal_opt=prefix=WORD",
                     s->prefix);
    else if (strcmp(s->prefix, "seal") == 0 || strncmp(s->prefix, "seal_", 5) == 0)
        problems_add(
            list, f->name, s->proto->name,
            "names that begin with seal_ belong to sealrpc; rename the package, or generate "
            "with --seal_opt=prefix=WORD");
}

/* What protoc-gen-c cannot write, or crashes on. */
static void check_field(problems *list, const message *msg,
                        const Spb__FieldDescriptorProto *proto) {
    const char *value = model_text(proto->default_value);
    if (proto->type == TYPE_GROUP)
        problems_add(list, msg->file->name, msg->full_name,
                     "field %s is a group, which protobuf-c cannot encode; make it a message",
                     proto->name);
    if ((proto->type == TYPE_FLOAT || proto->type == TYPE_DOUBLE) && strpbrk(value, "in") != NULL)
        problems_add(
            list, msg->file->name, msg->full_name,
            "default %s of field %s is no number in C; remove it and set the field instead", value,
            proto->name);
}

static void check_messages(problems *list, const message *messages, size_t count) {
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < messages[i].n_fields; k++)
            check_field(list, &messages[i], messages[i].fields[k].proto);
        check_messages(list, messages[i].nested, messages[i].n_nested);
    }
}

static bool check_file(problems *list, const file *f) {
    const char *syntax = model_text(f->proto->syntax);
    if (!name_is_safe_path(f->name)) {
        problems_add(list, "protoc-gen-seal", NULL,
                     "a file name is absolute, has '..' or a character that paths here must not "
                     "have; use names relative to --proto_path");
        return false;
    }
    if (syntax[0] != '\0' && strcmp(syntax, "proto2") != 0 && strcmp(syntax, "proto3") != 0) {
        problems_add(list, f->name, NULL,
                     "syntax is neither proto2 nor proto3; protobuf-c has no editions, so write "
                     "syntax = \"proto3\"");
        return false;
    }
    return true;
}

void check_files(const model *m, problems *list) {
    for (size_t i = 0; i < m->n_files; i++) {
        const file *f = &m->files[i];
        if (!f->generate || !check_file(list, f))
            continue;
        check_messages(list, f->messages, f->n_messages);
        for (size_t k = 0; k < f->n_services; k++) {
            const service *s = &f->services[k];
            check_prefix(list, f, s);
            check_service_options(list, f, s);
            for (size_t j = 0; j < s->n_methods; j++)
                check_method(list, f, &s->methods[j]);
        }
    }
}
