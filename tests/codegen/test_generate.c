/* SPDX-License-Identifier: Apache-2.0 */
/* The whole generator, on requests that protoc wrote. Argument: the directory with them. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *requests;

static Spb__CodeGeneratorResponse *generate_file(const char *name, const char *parameter,
                                                 child_run_fn *run) {
    printer request = {0};
    read_file(requests, name, &request);
    if (parameter != NULL)
        wire_put_string(&request, 2, parameter);
    Spb__CodeGeneratorResponse *response = generate_response(view_of(&request), run);
    printer_done(&request);
    return response;
}

static void free_response(Spb__CodeGeneratorResponse *response) {
    spb__code_generator_response__free_unpacked(response, NULL);
}

static void same_request_gives_same_bytes(void **state) {
    (void)state;
    printer request = {0};
    printer outputs[2] = {{0}, {0}};
    pool scratch = {0};
    read_file(requests, "all.bin", &request);
    for (size_t i = 0; i < 2; i++)
        assert_null(generate(view_of(&request), child_run, &outputs[i], &scratch));
    assert_int_equal(outputs[0].len, outputs[1].len);
    assert_memory_equal(outputs[0].data, outputs[1].data, outputs[0].len);
    printer_done(&outputs[0]);
    printer_done(&outputs[1]);
    printer_done(&request);
    pool_done(&scratch);
}

static void optional_fields_are_supported(void **state) {
    (void)state;
    Spb__CodeGeneratorResponse *response = generate_file("all.bin", NULL, child_run);
    assert_null(response->error);
    assert_true(response->has_supported_features);
    assert_int_equal(response->supported_features, 1);
    char *source = response_file(response, "optional.pb-c.c");
    char *header = response_file(response, "optional.pb-c.h");
    assert_non_null(source);
    assert_non_null(header);
    assert_null(strstr(source, "PROTOBUF_C_LABEL_REQUIRED"));
    assert_null(strstr(source, "__default_value"));
    assert_null(strstr(header, "__default_value"));
    assert_non_null(strstr(header, "protobuf_c_boolean has_i;"));
    assert_null(strstr(header, "has_plain_i"));
    free(source);
    free(header);
    free_response(response);
}

static void nothing_is_said_of_generated_dates_or_paths(void **state) {
    (void)state;
    Spb__CodeGeneratorResponse *response = generate_file("all.bin", NULL, child_run);
    for (size_t i = 0; i < response->n_file; i++) {
        char *text = response_file(response, response->file[i]->name);
        assert_null(strstr(text, __DATE__));
        assert_null(strstr(text, requests));
        free(text);
    }
    free_response(response);
}

static void files_without_services_have_no_stubs(void **state) {
    (void)state;
    Spb__CodeGeneratorResponse *response = generate_file("all.bin", NULL, child_run);
    char *missing = response_file(response, "imported.seal.h");
    char *messages = response_file(response, "imported.pb-c.h");
    assert_null(missing);
    assert_non_null(messages);
    free(messages);
    free_response(response);
}

static void side_chooses_the_stubs(void **state) {
    (void)state;
    for (unsigned client = 0; client < 2; client++) {
        Spb__CodeGeneratorResponse *response =
            generate_file("small.bin", client ? "side=client" : "side=server", fake_protoc_gen_c);
        char *header = response_file(response, "small.seal.h");
        char *source = response_file(response, "small.seal.c");
        assert_int_equal(strstr(header, "small_svc_call_go") != NULL, client);
        assert_int_equal(strstr(header, "small_svc_channel_new") != NULL, client);
        assert_int_equal(strstr(header, "small_svc_ops") == NULL, client);
        assert_int_equal(strstr(header, "small_svc_register") == NULL, client);
        assert_int_equal(strstr(source, ".invoke = NULL") != NULL, client);
        free(header);
        free(source);
        free_response(response);
    }
}

static void prefix_goes_before_all_names(void **state) {
    (void)state;
    Spb__CodeGeneratorResponse *response =
        generate_file("small.bin", "prefix=acme_", fake_protoc_gen_c);
    char *header = response_file(response, "small.seal.h");
    assert_non_null(strstr(header, "extern const seal_service acme_small_svc_service;"));
    assert_null(strstr(header, " small_svc"));
    free(header);
    free_response(response);
}

static void wrong_options_are_in_the_response(void **state) {
    (void)state;
    Spb__CodeGeneratorResponse *response =
        generate_file("small.bin", "side=top", fake_protoc_gen_c);
    assert_string_equal(response->error,
                        "option side: 'top' is not a side; write client, server or both");
    assert_int_equal(response->n_file, 0);
    free_response(response);
}

static const char *child_is_missing(const char *program, wire_view input, printer *out, pool *p) {
    (void)program;
    (void)input;
    (void)out;
    return pool_string(p, "cannot be run: No such file or directory");
}

static const char *child_complains(const char *program, wire_view input, printer *out, pool *p) {
    (void)program;
    (void)input;
    (void)p;
    wire_put_string(out, 1, "I will not");
    return NULL;
}

static const char *child_is_silent(const char *program, wire_view input, printer *out, pool *p) {
    (void)program;
    (void)input;
    (void)out;
    (void)p;
    return NULL;
}

static const char *child_babbles(const char *program, wire_view input, printer *out, pool *p) {
    (void)program;
    (void)input;
    (void)p;
    printer_text(out, "hello\n");
    return NULL;
}

static void assert_child_error(child_run_fn *run, const char *error) {
    Spb__CodeGeneratorResponse *response = generate_file("small.bin", NULL, run);
    assert_string_equal(response->error, error);
    assert_int_equal(response->n_file, 0);
    free_response(response);
}

static void failures_of_protoc_gen_c_are_reported(void **state) {
    (void)state;
    assert_child_error(
        child_is_missing,
        "protoc-gen-c: cannot be run: No such file or directory; install the package "
        "protobuf-c-compiler, or say where it is with --seal_opt=protoc_gen_c=PATH");
    assert_child_error(child_complains, "protoc-gen-c: I will not");
    assert_child_error(child_is_silent,
                       "small.proto: protoc-gen-c did not write what was expected; "
                       "use that of protobuf-c 1.4");
    assert_child_error(child_babbles,
                       "protoc-gen-c: its output is not a response; install the package "
                       "protobuf-c-compiler, or say where it is with --seal_opt=protoc_gen_c=PATH");
}

static void unexpected_text_of_protoc_gen_c_is_noticed(void **state) {
    (void)state;
    /* optional.proto needs corrections, for which the empty files of the fake give no occasion. */
    Spb__CodeGeneratorResponse *response = generate_file("all.bin", NULL, fake_protoc_gen_c);
    assert_non_null(strstr(response->error, "optional.proto: protoc-gen-c did not write what was"));
    assert_int_equal(response->n_file, 0);
    free_response(response);
}

/* Runs damaged bytes: a refusal, an error, or files, but never a crash and never both of these. */
static void try_damaged(wire_view request) {
    printer out = {0};
    pool scratch = {0};
    const char *wrong = generate(request, fake_protoc_gen_c, &out, &scratch);
    if (wrong == NULL) {
        Spb__CodeGeneratorResponse *response =
            spb__code_generator_response__unpack(NULL, out.len, (const uint8_t *)out.data);
        assert_non_null(response);
        assert_true(response->error == NULL || response->n_file == 0);
        free_response(response);
    }
    printer_done(&out);
    pool_done(&scratch);
}

static void truncated_requests_do_no_harm(void **state) {
    (void)state;
    printer request = {0};
    read_file(requests, "small.bin", &request);
    for (size_t len = 0; len < request.len; len++) {
        /* A copy of just that size, so that reading past it is seen. */
        uint8_t *copy = malloc(len > 0 ? len : 1);
        assert_non_null(copy);
        memcpy(copy, request.data, len);
        try_damaged((wire_view){copy, len});
        free(copy);
    }
    printer_done(&request);
}

static void flipped_bits_do_no_harm(void **state) {
    (void)state;
    printer request = {0};
    read_file(requests, "small.bin", &request);
    for (size_t bit = 0; bit < request.len * 8; bit++) {
        request.data[bit / 8] = (char)(request.data[bit / 8] ^ (1 << bit % 8));
        try_damaged(view_of(&request));
        request.data[bit / 8] = (char)(request.data[bit / 8] ^ (1 << bit % 8));
    }
    printer_done(&request);
}

static void many_flipped_bits_do_no_harm(void **state) {
    (void)state;
    printer request = {0};
    printer damaged = {0};
    uint32_t random = 1;
    read_file(requests, "all.bin", &request);
    for (unsigned round = 0; round < 300; round++) {
        damaged.len = 0;
        printer_bytes(&damaged, request.data, request.len);
        for (unsigned i = 0; i < 1 + round % 8; i++) {
            random = random * 1664525u + 1013904223u;
            size_t at = random % damaged.len;
            damaged.data[at] = (char)(damaged.data[at] ^ (1 << (random >> 28) % 8));
        }
        try_damaged(view_of(&damaged));
    }
    printer_done(&damaged);
    printer_done(&request);
}

static void deep_nesting_is_refused(void **state) {
    (void)state;
    printer message = {0};
    for (unsigned i = 0; i < 20000; i++) {
        printer outer = {0};
        wire_put_bytes(&outer, 3, message.data, message.len < 60000 ? message.len : 0);
        printer_done(&message);
        message = outer;
    }
    printer file = {0};
    printer request = {0};
    printer out = {0};
    pool scratch = {0};
    wire_put_bytes(&file, 4, message.data, message.len);
    wire_put_bytes(&request, 15, file.data, file.len);
    assert_string_equal(generate(view_of(&request), fake_protoc_gen_c, &out, &scratch),
                        "messages are nested too deeply");
    printer_done(&message);
    printer_done(&file);
    printer_done(&request);
    printer_done(&out);
    pool_done(&scratch);
}

static void nul_in_names_is_refused(void **state) {
    (void)state;
    printer request = {0};
    printer out = {0};
    pool scratch = {0};
    wire_put_bytes(&request, 1, "a\0b.proto", 9);
    assert_string_equal(generate(view_of(&request), fake_protoc_gen_c, &out, &scratch),
                        "a file name or parameter contains NUL");
    printer_done(&request);
    printer_done(&out);
    pool_done(&scratch);
}

/* A request for one file of that name, with a message M and a service of n methods. */
static void make_request(printer *request, const char *name, unsigned n_methods,
                         const char *option_bytes, size_t option_len) {
    printer file = {0};
    printer message = {0};
    printer service = {0};
    wire_put_string(&message, 1, "M");
    wire_put_string(&service, 1, "S");
    for (unsigned i = 0; i < n_methods; i++) {
        printer method = {0};
        char text[32];
        snprintf(text, sizeof text, "Method%u", i);
        wire_put_string(&method, 1, text);
        wire_put_string(&method, 2, ".p.M");
        wire_put_string(&method, 3, ".p.M");
        if (option_len > 0) {
            printer options = {0};
            wire_put_bytes(&options, 51730, option_bytes, option_len);
            wire_put_bytes(&method, 4, options.data, options.len);
            printer_done(&options);
        }
        wire_put_bytes(&service, 2, method.data, method.len);
        printer_done(&method);
    }
    wire_put_string(&file, 1, name);
    wire_put_string(&file, 2, "p");
    wire_put_bytes(&file, 4, message.data, message.len);
    wire_put_bytes(&file, 6, service.data, service.len);
    wire_put_string(&file, 12, "proto3");
    wire_put_string(request, 1, name);
    wire_put_bytes(request, 15, file.data, file.len);
    printer_done(&file);
    printer_done(&message);
    printer_done(&service);
}

static void ten_thousand_methods_work(void **state) {
    (void)state;
    printer request = {0};
    make_request(&request, "big.proto", 10000, NULL, 0);
    Spb__CodeGeneratorResponse *response = generate_response(view_of(&request), fake_protoc_gen_c);
    char *source = response_file(response, "big.seal.c");
    assert_non_null(source);
    assert_non_null(strstr(source, "p.S/Method9999"));
    free(source);
    free_response(response);
    printer_done(&request);
}

static void unsafe_paths_are_refused(void **state) {
    (void)state;
    static const char *const names[] = {"../x.proto", "/etc/x.proto", "a\nb.proto", "a/*/x.proto"};
    for (size_t i = 0; i < 4; i++) {
        printer request = {0};
        make_request(&request, names[i], 1, NULL, 0);
        Spb__CodeGeneratorResponse *response =
            generate_response(view_of(&request), fake_protoc_gen_c);
        assert_non_null(response->error);
        assert_int_equal(response->n_file, 0);
        assert_null(strchr(response->error, '\n'));
        free_response(response);
        printer_done(&request);
    }
}

static void assert_option_error(const char *bytes, size_t len, const char *error) {
    printer request = {0};
    make_request(&request, "o.proto", 1, bytes, len);
    Spb__CodeGeneratorResponse *response = generate_response(view_of(&request), fake_protoc_gen_c);
    assert_string_equal(response->error, error);
    free_response(response);
    printer_done(&request);
}

static void unknown_options_and_values_are_refused(void **state) {
    (void)state;
    assert_option_error("\x08\x03", 2,
                        "o.proto: S.Method0: 3 is not a protection; write INTEGRITY or PRIVACY");
    assert_option_error("\x08\x00", 2,
                        "o.proto: S.Method0: 0 is not a protection; write INTEGRITY or PRIVACY");
    assert_option_error("\xc0\x02\x01", 3,
                        "o.proto: S.Method0: option (sealrpc.method) has field 40, which this "
                        "generator does not know; use the generator that came with that "
                        "sealrpc/options.proto");
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_request_gives_same_bytes),
        cmocka_unit_test(optional_fields_are_supported),
        cmocka_unit_test(nothing_is_said_of_generated_dates_or_paths),
        cmocka_unit_test(files_without_services_have_no_stubs),
        cmocka_unit_test(side_chooses_the_stubs),
        cmocka_unit_test(prefix_goes_before_all_names),
        cmocka_unit_test(wrong_options_are_in_the_response),
        cmocka_unit_test(failures_of_protoc_gen_c_are_reported),
        cmocka_unit_test(unexpected_text_of_protoc_gen_c_is_noticed),
        cmocka_unit_test(truncated_requests_do_no_harm),
        cmocka_unit_test(flipped_bits_do_no_harm),
        cmocka_unit_test(many_flipped_bits_do_no_harm),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(nul_in_names_is_refused),
        cmocka_unit_test(ten_thousand_methods_work),
        cmocka_unit_test(unsafe_paths_are_refused),
        cmocka_unit_test(unknown_options_and_values_are_refused),
    };
    if (argc != 2)
        return 2;
    requests = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
