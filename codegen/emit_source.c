/* SPDX-License-Identifier: Apache-2.0 */
#include "emit.h"

#include <inttypes.h>

enum { LEVEL_PRIVACY = 2, MICROSECONDS = 1000 };

static const Spb__SealMethodOptions *seal_options(const method *me) {
    return me->proto->options != NULL ? me->proto->options->seal : NULL;
}

/* ---- Tables ---------------------------------------------------------------------------------- */

static void emit_allow(const service *s, const method *me, printer *out) {
    const Spb__SealMethodOptions *options = seal_options(me);
    if (options == NULL || options->n_allow == 0)
        return;
    printer_char(out, '\n');
    printer_line(out, "static const char *const %s_allow_%s[] = {", s->prefix, me->snake);
    for (size_t i = 0; i < options->n_allow; i++) {
        printer_text(out, "    \"");
        printer_c_escaped(out, options->allow[i]);
        printer_text(out, "\",\n");
    }
    printer_line(out, "    NULL,");
    printer_line(out, "};");
}

static void emit_flags(const method *me, printer *out) {
    const struct {
        bool set;
        const char *name;
    } flags[] = {
        {me->requests_stream, "CLIENT_STREAMING"},
        {me->replies_stream, "SERVER_STREAMING"},
        {me->deprecated, "DEPRECATED"},
        {me->input->deep, "REQUEST_RECURSIVE"},
        {me->output->deep, "RESPONSE_RECURSIVE"},
    };
    const char *separator = "        .flags = ";
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (flags[i].set) {
            printer_add(out, "%sSEAL_METHOD_%s", separator, flags[i].name);
            separator = " |\n                 ";
        }
    printer_add(out, "%s", separator[0] == ' ' && separator[1] == '|' ? ",\n" : "");
}

static void emit_policy(const service *s, const method *me, printer *out) {
    static const char *const idempotency[] = {"SEAL_IDEMPOTENCY_UNKNOWN", "SEAL_NO_SIDE_EFFECTS",
                                              "SEAL_IDEMPOTENT"};
    const Spb__SealMethodOptions *options = seal_options(me);
    const Spb__SealServiceOptions *service_options =
        s->proto->options != NULL ? s->proto->options->seal : NULL;
    int64_t level = LEVEL_PRIVACY;
    if (service_options != NULL && service_options->has_protection)
        level = service_options->protection;
    if (options != NULL && options->has_protection)
        level = options->protection;
    printer_line(out, "        .min_level = SEAL_LEVEL_%s,",
                 level == LEVEL_PRIVACY ? "PRIVACY" : "INTEGRITY");
    if (me->proto->options != NULL && me->proto->options->has_idempotency_level &&
        me->proto->options->idempotency_level != 0)
        printer_line(out, "        .idempotency = %s,",
                     idempotency[me->proto->options->idempotency_level]);
    if (options == NULL)
        return;
    if (options->has_timeout_ms)
        printer_line(out, "        .timeout_us = UINT64_C(%" PRIu64 "),",
                     options->timeout_ms * MICROSECONDS);
    if (options->has_max_request_bytes)
        printer_line(out, "        .max_request = %" PRIu64 "u,", options->max_request_bytes);
    if (options->has_max_response_bytes)
        printer_line(out, "        .max_response = %" PRIu64 "u,", options->max_response_bytes);
    if (options->n_allow > 0)
        printer_line(out, "        .allow = %s_allow_%s,", s->prefix, me->snake);
}

static void emit_method(const model *m, const service *s, const method *me, printer *out) {
    printer_line(out, "    {");
    printer_line(out, "        .name = \"%s\",", me->proto->name);
    printer_line(out, "        .full_name = \"%s\",", me->full_name);
    printer_line(out, "        .request = &%s__descriptor,", me->input->c_lower);
    printer_line(out, "        .response = &%s__descriptor,", me->output->c_lower);
    if (m->settings.server)
        printer_line(out, "        .invoke = %s_invoke_%s,", s->prefix, me->snake);
    else
        printer_line(out, "        .invoke = NULL,");
    emit_flags(me, out);
    emit_policy(s, me, out);
    printer_line(out, "    },");
}

static void emit_tables(const model *m, const service *s, printer *out) {
    for (size_t i = 0; i < s->n_methods; i++)
        emit_allow(s, &s->methods[i], out);
    printer_char(out, '\n');
    if (s->n_methods > 0) {
        printer_line(out, "static const seal_method %s_methods[] = {", s->prefix);
        for (size_t i = 0; i < s->n_methods; i++)
            emit_method(m, s, &s->methods[i], out);
        printer_text(out, "};\n\n");
    }
    printer_line(out, "const seal_service %s_service = {", s->prefix);
    printer_line(out, "    .abi = SEAL_GEN_ABI,");
    printer_line(out, "    .method_size = (uint32_t)sizeof(seal_method),");
    printer_line(out, "    .full_name = \"%s\",", s->full_name);
    printer_line(out, "    .spn_class = \"%s\",", s->spn_class);
    printer_line(out, "    .n_methods = %zu,", s->n_methods);
    if (s->n_methods > 0)
        printer_line(out, "    .methods = %s_methods,", s->prefix);
    else
        printer_line(out, "    .methods = NULL,");
    printer_text(out, "};\n");
}

static void emit_register(const service *s, stub which, printer *out) {
    printer_char(out, '\n');
    emit_signature(out, s, NULL, which, "", "");
    printer_line(out, "{");
    printer_line(out, "    return seal_server_%s(server, &%s_service, ops, user, reterr_error);",
                 stub_word(which), s->prefix);
    printer_line(out, "}");
}

static void emit_channel_new(const service *s, printer *out) {
    printer_char(out, '\n');
    emit_signature(out, s, NULL, STUB_CHANNEL_NEW, "", "");
    printer_line(out, "{");
    printer_line(out, "    return seal_channel_new_for(runtime, target, options, &%s_service,",
                 s->prefix);
    printer_line(out, "                                ret_channel, reterr_error);");
    printer_line(out, "}");
}

/* Those of the side that are functions and not needed before the tables. */
static void emit_functions(const service *s, size_t index, stub first, stub end, printer *out) {
    for (stub k = first; k < end; k++)
        if (k != STUB_INVOKE && !stub_is_callback(k) && stub_applies(&s->methods[index], k))
            emit_function(s, index, k, out);
}

static void emit_service(const model *m, const service *s, printer *out) {
    for (size_t i = 0; m->settings.server && i < s->n_methods; i++)
        emit_function(s, i, STUB_INVOKE, out);
    emit_tables(m, s, out);
    if (m->settings.server) {
        emit_register(s, STUB_REGISTER, out);
        emit_register(s, STUB_REGISTER_BLOCKING, out);
    }
    if (m->settings.client)
        emit_channel_new(s, out);
    for (size_t i = 0; i < s->n_methods; i++) {
        if (m->settings.server)
            emit_functions(s, i, STUB_FIRST_OF_SERVER, STUB_FIRST_OF_CLIENT, out);
        if (m->settings.client)
            emit_functions(s, i, STUB_FIRST_OF_CLIENT, STUB_COUNT, out);
    }
}

void emit_source(const model *m, const file *f, printer *out) {
    emit_banner(f, out);
    printer_text(out, "\n/* Defining what is deprecated is not using it. */\n"
                      "#ifndef PROTOBUF_C__NO_DEPRECATED\n#define PROTOBUF_C__NO_DEPRECATED\n"
                      "#endif\n\n");
    printer_line(out, "#include \"%s.seal.h\"", f->stem);
    printer_text(out, "\n#include <stddef.h>\n");
    for (size_t i = 0; i < f->n_services; i++)
        emit_service(m, &f->services[i], out);
}
