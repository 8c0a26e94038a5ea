/* SPDX-License-Identifier: Apache-2.0 */
#include "emit.h"

#include <string.h>

#include "comments.h"
#include "names.h"

void emit_comments(printer *out, const char *leading, const char *trailing) {
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

void emit_deprecated(printer *out, bool deprecated) {
    if (deprecated) {
        printer_line(out, " *");
        printer_line(out, " * @deprecated The .proto file says so.");
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
