/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "response.h"

void read_file(const char *directory, const char *name, printer *out) {
    char path[4096];
    char buffer[4096];
    size_t n;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("cannot open %s", path);
    while (file != NULL && (n = fread(buffer, 1, sizeof buffer, file)) > 0)
        printer_bytes(out, buffer, n);
    if (file != NULL)
        fclose(file);
}

wire_view view_of(const printer *p) {
    return (wire_view){(const uint8_t *)p->data, p->len};
}

const char *fake_protoc_gen_c(const char *program, wire_view input, printer *out, pool *p) {
    (void)program;
    wire_reader reader = wire_read(input);
    wire_field part;
    response r = {0};
    while (wire_next(&reader, &part)) {
        if (part.number != 1)
            continue;
        const char *stem =
            name_stem(p, pool_copy(p, (const char *)part.bytes.data, part.bytes.len));
        printer content = {0};
        response_add(&r, pool_printf(p, "%s.pb-c.h", stem), &content);
        response_add(&r, pool_printf(p, "%s.pb-c.c", stem), &content);
        printer_done(&content);
    }
    response_write(&r, out);
    response_done(&r);
    return NULL;
}

Spb__CodeGeneratorResponse *generate_response(wire_view request, child_run_fn *run) {
    printer out = {0};
    pool scratch = {0};
    const char *wrong = generate(request, run, &out, &scratch);
    if (wrong != NULL)
        fail_msg("the request was refused: %s", wrong);
    Spb__CodeGeneratorResponse *answer =
        spb__code_generator_response__unpack(NULL, out.len, (const uint8_t *)out.data);
    assert_non_null(answer);
    printer_done(&out);
    pool_done(&scratch);
    return answer;
}

char *response_file(const Spb__CodeGeneratorResponse *answer, const char *name) {
    for (size_t i = 0; i < answer->n_file; i++) {
        const Spb__CodeGeneratorResponse__File *file = answer->file[i];
        if (file->name == NULL || strcmp(file->name, name) != 0)
            continue;
        char *text = calloc(1, file->content.len + 1);
        assert_non_null(text);
        if (file->content.len > 0)
            memcpy(text, file->content.data, file->content.len);
        return text;
    }
    return NULL;
}
