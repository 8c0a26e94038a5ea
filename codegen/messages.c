/* SPDX-License-Identifier: Apache-2.0 */
#include "messages.h"

#include <string.h>

#include "fixup.h"
#include "rewrite.h"

#define INSTALL_HINT                                                                               \
    "install the package protobuf-c-compiler, or say where it is with "                            \
    "--seal_opt=protoc_gen_c=PATH"

static void add_problem(const model *m, problems *list, const char *text, const char *remedy) {
    problems_add(list, m->settings.protoc_gen_c, NULL, "%s; %s", text, remedy);
}

static const Spb__CodeGeneratorResponse__File *find_output(const Spb__CodeGeneratorResponse *answer,
                                                           const char *name) {
    for (size_t i = 0; i < answer->n_file; i++)
        if (strcmp(model_text(answer->file[i]->name), name) == 0)
            return answer->file[i];
    return NULL;
}

static bool add_output(const model *m, const file *f, bool header,
                       const Spb__CodeGeneratorResponse *answer, response *r) {
    const char *name = pool_printf(m->pool, "%s.pb-c.%c", f->stem, header ? 'h' : 'c');
    const Spb__CodeGeneratorResponse__File *output = find_output(answer, name);
    if (output == NULL)
        return false;
    wire_view text = {output->content.data, output->content.len};
    printer content = {0};
    bool expected = fixup_copy(f, header, text, &content);
    response_add(r, name, &content);
    printer_done(&content);
    return expected;
}

static void add_outputs(const model *m, bool presence, const Spb__CodeGeneratorResponse *answer,
                        response *r, problems *list) {
    if (answer->error != NULL) {
        problems_add(list, m->settings.protoc_gen_c, NULL, "%s", answer->error);
        return;
    }
    for (size_t i = 0; i < m->n_files; i++) {
        const file *f = &m->files[i];
        if (!f->generate || f->no_pbc || f->has_optional != presence)
            continue;
        if (!add_output(m, f, true, answer, r) || !add_output(m, f, false, answer, r))
            problems_add(list, f->name, NULL,
                         "%s did not write what was expected; use that of protobuf-c 1.4",
                         m->settings.protoc_gen_c);
    }
}

static bool is_wanted(const model *m, bool presence) {
    for (size_t i = 0; i < m->n_files; i++)
        if (m->files[i].generate && m->files[i].has_optional == presence)
            return true;
    return false;
}

static void run_once(const model *m, wire_view request, bool presence, child_run_fn *run,
                     response *r, problems *list) {
    printer input = {0};
    printer output = {0};
    rewrite_request(m, request, presence, &input);
    const char *wrong =
        input.overflow ? "its input would be too large"
                       : run(m->settings.protoc_gen_c,
                             (wire_view){(const uint8_t *)input.data, input.len}, &output, m->pool);
    if (wrong != NULL) {
        add_problem(m, list, wrong, INSTALL_HINT);
    } else {
        Spb__CodeGeneratorResponse *answer =
            spb__code_generator_response__unpack(NULL, output.len, (const uint8_t *)output.data);
        if (answer == NULL)
            add_problem(m, list, "its output is not a response", INSTALL_HINT);
        else
            add_outputs(m, presence, answer, r, list);
        if (answer != NULL)
            spb__code_generator_response__free_unpacked(answer, NULL);
    }
    printer_done(&input);
    printer_done(&output);
}

void messages_add(const model *m, wire_view request, child_run_fn *run, response *r,
                  problems *list) {
    if (is_wanted(m, false))
        run_once(m, request, false, run, r, list);
    if (list->count == 0 && is_wanted(m, true))
        run_once(m, request, true, run, r, list);
}
