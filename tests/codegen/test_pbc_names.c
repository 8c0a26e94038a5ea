/* SPDX-License-Identifier: Apache-2.0 */
/* Our idea of protobuf-c's names against what protoc-gen-c really writes. Argument: the requests.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "model.h"
#include "request.h"

static const char *requests;

static void assert_contains(const char *text, const char *part, const char *before,
                            const char *after) {
    pool scratch = {0};
    const char *expected = pool_printf(&scratch, "%s%s%s", before, part, after);
    if (strstr(text, expected) == NULL)
        fail_msg("protoc-gen-c did not write '%s'", expected);
    pool_done(&scratch);
}

static void assert_messages(const char *header, const message *messages, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const message *msg = &messages[i];
        assert_contains(header, msg->c_type, "\nstruct  ", "\n{");
        assert_contains(header, msg->c_upper, "\n#define ", "__INIT \\\n");
        assert_contains(header, msg->c_lower, "\nextern const ProtobufCMessageDescriptor ",
                        "__descriptor;");
        assert_messages(header, msg->nested, msg->n_nested);
    }
}

static void names_are_those_of_protoc_gen_c(void **state) {
    (void)state;
    printer bytes = {0};
    read_file(requests, "all.bin", &bytes);
    Spb__CodeGeneratorResponse *response = generate_response(view_of(&bytes), child_run);
    const char *wrong = NULL;
    Spb__CodeGeneratorRequest *request = request_decode(view_of(&bytes), &wrong);
    assert_non_null(request);
    pool p = {0};
    model m = {0};
    assert_null(settings_parse(&m.settings, "", &p));
    assert_null(model_build(&m, request, &p));
    unsigned seen = 0;
    for (size_t i = 0; i < m.n_files; i++) {
        if (!m.files[i].generate)
            continue;
        char *header = response_file(response, pool_printf(&p, "%s.pb-c.h", m.files[i].stem));
        assert_non_null(header);
        assert_messages(header, m.files[i].messages, m.files[i].n_messages);
        free(header);
        seen++;
    }
    assert_true(seen > 5);
    model_done(&m);
    pool_done(&p);
    request_free(request);
    spb__code_generator_response__free_unpacked(response, NULL);
    printer_done(&bytes);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_are_those_of_protoc_gen_c)};
    if (argc != 2)
        return 2;
    requests = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
