/* SPDX-License-Identifier: Apache-2.0 */
#include "emit.h"

#include <string.h>

#include "comments.h"
#include "names.h"

/* The comments of the .proto file, as paragraphs of a comment that is open. */
static void emit_comments(printer *out, const char *leading, const char *trailing) {
    size_t before = out->len;
    comments_print(out, leading);
    if (leading != NULL && trailing != NULL && out->len > before)
        printer_line(out, " *");
    comments_print(out, trailing);
    if (out->len > before)
        printer_line(out, " *");
}

/* The headers of messages: of the file itself, and of the types of its methods. */
static void emit_includes(const file *f, printer *out) {
    strmap done = {0};
    printer_line(out, "#include <sealrpc/gen.h>");
    printer_line(out, "%s", "");
    if (!f->no_pbc)
        printer_line(out, "#include \"%s.pb-c.h\"", f->stem);
    strmap_add(&done, f->name, f);
    for (size_t i = 0; i < f->n_services; i++)
        for (size_t k = 0; k < f->services[i].n_methods; k++) {
            const method *me = &f->services[i].methods[k];
            if (strmap_add(&done, me->input->file->name, me) == NULL)
                printer_line(out, "#include \"%s.pb-c.h\"", me->input->file->stem);
            if (strmap_add(&done, me->output->file->name, me) == NULL)
                printer_line(out, "#include \"%s.pb-c.h\"", me->output->file->stem);
        }
    strmap_done(&done);
}

static void emit_opening(const file *f, const char *guard, printer *out) {
    emit_banner(f, out);
    printer_line(out, "#ifndef %s", guard);
    printer_line(out, "#define %s", guard);
    printer_text(out, "\n/**\n * @file\n * Stubs of the services in ");
    comments_print_line(out, f->name, strlen(f->name));
    printer_text(out, ".\n");
    if (f->comment[0] != '\0') {
        printer_line(out, " *");
        comments_print(out, f->comment);
    }
    printer_text(out, " */\n\n");
    emit_includes(f, out);
    printer_line(out, "%s", "");
    printer_line(out, "#if SEAL_GEN_ABI != %d", EMIT_ABI);
    printer_line(out, "#error \"made for another sealrpc: run its protoc-gen-seal again\"");
    printer_line(out, "#endif");
    printer_text(out, "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
}

static void emit_deprecated(printer *out, bool deprecated) {
    if (deprecated) {
        printer_line(out, " *");
        printer_line(out, " * @deprecated The .proto file says so.");
    }
}

/* ---- Server ---------------------------------------------------------------------------------- */

static void emit_slot(const method *me, printer *out) {
    printer_indent(out);
    printer_line(out, me->streaming ? "/*" : "/**");
    emit_comments(out, me->leading, me->trailing);
    if (me->streaming) {
        printer_line(out, " * %s is a streaming method: it has no slot and answers UNIMPLEMENTED.",
                     me->full_name);
        printer_line(out, " */");
    } else {
        printer_line(out, " * Handles %s.", me->full_name);
        emit_deprecated(out, me->deprecated);
        printer_line(out, " */");
        printer_line(out, "void (*%s)(seal_call *call, const %s *request, void *user);", me->slot,
                     me->input->c_type);
    }
    printer_outdent(out);
}

static void emit_ops(const service *s, printer *out) {
    printer_text(out, "\n/**\n");
    printer_line(out, " * Handlers of %s. Set size to sizeof(%s_ops); a slot that is NULL answers",
                 s->full_name, s->prefix);
    printer_text(
        out, " * UNIMPLEMENTED. A handler answers its call once, with the reply function of the "
             "method or with\n"
             " * seal_call_fail, before it returns or later, and from any thread. The request "
             "lives until then.\n */\n");
    printer_line(out, "typedef struct %s_ops {", s->prefix);
    printer_line(out, "    size_t size;");
    for (size_t i = 0; i < s->n_methods; i++)
        emit_slot(&s->methods[i], out);
    printer_line(out, "} %s_ops;", s->prefix);
}

static void emit_server(const service *s, printer *out) {
    emit_ops(s, out);
    printer_text(out, "\n/**\n");
    printer_line(out, " * Registers %s with a server that has not been started.", s->full_name);
    printer_text(out,
                 " * @param ops borrowed until the server is freed.\n"
                 " * @param user passed to every handler.\n"
                 " * @return 0, SEAL_ERROR_INVALID, SEAL_ERROR_ALREADY, SEAL_ERROR_STATE.\n */\n");
    emit_signature(out, s, NULL, STUB_REGISTER, "SEAL_MUST_USE ", ";");
    for (size_t i = 0; i < s->n_methods; i++) {
        const method *me = &s->methods[i];
        if (me->streaming)
            continue;
        printer_text(out, "\n/**\n");
        printer_line(out,
                     " * Answers a call of %s. The reply is encoded before the function returns.",
                     me->full_name);
        printer_text(out, " * **Thread-safe.**\n"
                          " * @return 0, SEAL_ERROR_ALREADY, SEAL_ERROR_INVALID (a call of another "
                          "method), SEAL_ERROR_TOO_BIG.\n */\n");
        emit_signature(out, s, me, STUB_REPLY, "", ";");
    }
}

/* ---- Client ---------------------------------------------------------------------------------- */

static void emit_client_method(const service *s, const method *me, printer *out) {
    const char *deprecated = s->deprecated || me->deprecated ? "PROTOBUF_C__DEPRECATED " : "";
    const char *must_use =
        deprecated[0] != '\0' ? "PROTOBUF_C__DEPRECATED SEAL_MUST_USE " : "SEAL_MUST_USE ";
    printer_text(out, "\n/**\n");
    printer_line(out, " * Called once when a call of %s has ended.", me->full_name);
    printer_text(out, " * @param result borrowed until return; seal_result_ref keeps it, and the "
                      "reply with it.\n"
                      " * @param reply NULL unless the status is OK.\n */\n");
    emit_signature(out, s, me, STUB_DONE, "", ";");
    printer_text(out, "\n/**\n");
    emit_comments(out, me->leading, me->trailing);
    printer_line(out, " * Calls %s. The request is encoded before the function returns.",
                 me->full_name);
    printer_text(out, " * **Thread-safe.**\n"
                      " * @param options NULL for the defaults.\n"
                      " * @param ret_call NULL, or receives a handle: seal_client_call_unref.\n"
                      " * @return 0 and done comes once; or SEAL_ERROR_INVALID, "
                      "SEAL_ERROR_NO_MEMORY, SEAL_ERROR_STATE\n * and it never comes.\n");
    emit_deprecated(out, deprecated[0] != '\0');
    printer_text(out, " */\n");
    emit_signature(out, s, me, STUB_CALL, must_use, ";");
    printer_text(out, "\n/**\n");
    printer_line(out, " * Calls %s and waits for the end. Blocks: not on a loop thread.",
                 me->full_name);
    printer_text(out, " * @param ret_reply NULL, or receives the reply, owned by the result; NULL "
                      "unless the status is OK.\n"
                      " * @return the result, never NULL: seal_result_free.\n");
    emit_deprecated(out, deprecated[0] != '\0');
    printer_text(out, " */\n");
    emit_signature(out, s, me, STUB_SYNC, must_use, ";");
}

static void emit_client(const service *s, printer *out) {
    printer_text(out, "\n/**\n");
    printer_line(out, " * Makes a channel to %s: seal_channel_new with the class \"%s\" where the",
                 s->full_name, s->spn_class);
    printer_text(out, " * options set no principal and no class.\n */\n");
    emit_signature(out, s, NULL, STUB_CHANNEL_NEW,
                   s->deprecated ? "PROTOBUF_C__DEPRECATED SEAL_MUST_USE " : "SEAL_MUST_USE ", ";");
    for (size_t i = 0; i < s->n_methods; i++) {
        const method *me = &s->methods[i];
        if (!me->streaming) {
            emit_client_method(s, me, out);
            continue;
        }
        printer_text(out, "\n/*\n");
        emit_comments(out, me->leading, me->trailing);
        printer_line(out, " * %s is a streaming method: there is no function to call it yet.",
                     me->full_name);
        printer_text(out, " */\n");
    }
}

static void emit_service(const model *m, const service *s, printer *out) {
    printer_text(out, "\n/**\n");
    emit_comments(out, s->leading, s->trailing);
    printer_line(out, " * The service %s. Its principals are of the class \"%s\".", s->full_name,
                 s->spn_class);
    emit_deprecated(out, s->deprecated);
    printer_text(out, " */\n");
    printer_line(out, "extern const seal_service %s_service;", s->prefix);
    if (m->settings.server)
        emit_server(s, out);
    if (m->settings.client)
        emit_client(s, out);
}

void emit_header(const model *m, const file *f, printer *out) {
    pool scratch = {0};
    emit_opening(f, name_guard(&scratch, f->name), out);
    for (size_t i = 0; i < f->n_services; i++)
        emit_service(m, &f->services[i], out);
    printer_text(out, "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
    pool_done(&scratch);
}
