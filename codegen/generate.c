/* SPDX-License-Identifier: Apache-2.0 */
#include "generate.h"

#include <string.h>

#include "check.h"
#include "emit.h"
#include "messages.h"
#include "request.h"

/* x.seal.h and x.seal.c, for files with services. */
static void add_stubs(const model *m, response *r) {
    for (size_t i = 0; i < m->n_files; i++) {
        const file *f = &m->files[i];
        if (!f->generate || f->n_services == 0)
            continue;
        printer header = {0};
        printer source = {0};
        emit_header(m, f, &header);
        emit_source(m, f, &source);
        response_add(r, pool_printf(m->pool, "%s.seal.h", f->stem), &header);
        response_add(r, pool_printf(m->pool, "%s.seal.c", f->stem), &source);
        printer_done(&header);
        printer_done(&source);
    }
}

static void check(const model *m, problems *list) {
    check_files(m, list);
    if (list->count == 0) /* which need names that are names */
        check_identifiers(m, list);
    if (list->count == 0)
        check_members(m, list);
}

static void answer(const model *m, wire_view request, child_run_fn *run, printer *out) {
    problems list = {0};
    response r = {0};
    check(m, &list);
    if (list.count == 0)
        messages_add(m, request, run, &r, &list);
    if (list.count == 0)
        add_stubs(m, &r);
    if (list.count == 0)
        response_write(&r, out);
    else
        response_write_error(list.text.data, list.text.len, out);
    response_done(&r);
    problems_done(&list);
}

const char *generate(wire_view request, child_run_fn *run, printer *out, pool *scratch) {
    const char *wrong = NULL;
    Spb__CodeGeneratorRequest *decoded = request_decode(request, &wrong);
    if (decoded == NULL)
        return wrong;
    pool p = {0};
    model m = {0};
    const char *mistake = settings_parse(&m.settings, model_text(decoded->parameter), &p);
    if (mistake != NULL) {
        response_write_error(mistake, strlen(mistake), out);
    } else {
        wrong = model_build(&m, decoded, &p);
        if (wrong == NULL)
            answer(&m, request, run, out);
    }
    if (wrong == NULL && out->overflow)
        wrong = "the output would be larger than 1 GiB";
    if (wrong != NULL)
        wrong = pool_string(scratch, wrong);
    model_done(&m);
    pool_done(&p);
    request_free(decoded);
    return wrong;
}
