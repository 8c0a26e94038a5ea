/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that a program fills in wrongly: an error that names the field, never a crash. */
#include "support/cmocka_all.h"

#include <string.h>

#include "codec/measure.h"
#include "kitchen.pb-c.h"
#include "required.pb-c.h"

static char text[] = "text";

static void check(const ProtobufCMessageDescriptor *type, const void *message,
                  const char *in_message) {
    seal_error *error = NULL;
    int rc = codec_check(type, message, &error);
    assert_int_equal(rc, in_message == NULL ? 0 : SEAL_ERROR_INVALID);
    if (in_message != NULL && strstr(seal_error_message(error), in_message) == NULL)
        fail_msg("%s: not in: %s", in_message, seal_error_message(error));
    seal_error_free(error);
}

static void sink(const Kitchen__Sink *message, const char *in_message) {
    check(&kitchen__sink__descriptor, message, in_message);
}

static void whole_messages(void **state) {
    (void)state;
    Kitchen__Sink s;
    kitchen__sink__init(&s);
    sink(&s, NULL);
    sink(NULL, "kitchen.Sink");
    Kitchen__Leaf leaf;
    kitchen__leaf__init(&leaf);
    check(&kitchen__sink__descriptor, &leaf, "kitchen.Sink");
    Kitchen__Sink zero;
    memset(&zero, 0, sizeof zero);
    sink(&zero, "not initialized");
    s.string_field = NULL; /* proto3: the same as empty */
    sink(&s, NULL);
    s.base.n_unknown_fields = 1;
    sink(&s, "unknown fields");
}

static void inner_messages(void **state) {
    (void)state;
    Kitchen__Sink s;
    kitchen__sink__init(&s);
    Kitchen__Leaf leaf;
    kitchen__leaf__init(&leaf);
    s.leaf = &leaf;
    sink(&s, NULL);
    leaf.base.descriptor = NULL;
    sink(&s, "kitchen.Leaf");
    leaf.base.descriptor = &kitchen__empty__descriptor;
    sink(&s, "kitchen.Leaf");
    s.leaf = NULL;
    Kitchen__Leaf *leaves[2] = {NULL, NULL};
    s.n_leaves = 2;
    sink(&s, "leaves");
    s.leaves = leaves;
    sink(&s, "leaves");
}

static void strings_and_bytes(void **state) {
    (void)state;
    Kitchen__Sink s;
    kitchen__sink__init(&s);
    char bad[] = "\xff";
    s.string_field = bad;
    sink(&s, "string_field of kitchen.Sink is not UTF-8");
    s.string_field = text;
    char *names[] = {text, NULL};
    s.names = names;
    s.n_names = 1;
    sink(&s, NULL);
    s.n_names = 2;
    sink(&s, "names");
    s.names = NULL;
    sink(&s, "names");
    s.n_names = 0;
    s.bytes_field.len = 1;
    sink(&s, "bytes_field");
    s.bytes_field.len = 0;
    ProtobufCBinaryData blobs[] = {{0, NULL}, {1, NULL}};
    s.blobs = blobs;
    s.n_blobs = 1;
    sink(&s, NULL);
    s.n_blobs = 2;
    sink(&s, "blobs");
    s.n_blobs = 0;
    s.n_numbers = 1;
    sink(&s, "numbers");
}

static void oneofs(void **state) {
    (void)state;
    Kitchen__Sink s;
    kitchen__sink__init(&s);
    s.choice_case = KITCHEN__SINK__CHOICE_CHOICE_TEXT;
    s.choice_text = NULL;
    sink(&s, "choice_text");
    s.choice_text = text;
    sink(&s, NULL);
    /* the same storage, read as what it is not, must not be looked at */
    s.choice_case = KITCHEN__SINK__CHOICE_CHOICE_NUMBER;
    s.choice_number = 1;
    sink(&s, NULL);
    s.choice_case = KITCHEN__SINK__CHOICE_CHOICE_LEAF;
    s.choice_leaf = NULL;
    sink(&s, "choice_leaf");
    s.choice_case = KITCHEN__SINK__CHOICE_CHOICE_BYTES;
    s.choice_bytes.data = NULL;
    s.choice_bytes.len = 5;
    sink(&s, "choice_bytes");
    s.choice_case = KITCHEN__SINK__CHOICE__NOT_SET;
    sink(&s, NULL);
}

static void required_fields(void **state) {
    (void)state;
    Kitchen2__Needy needy;
    kitchen2__needy__init(&needy);
    Kitchen2__Part part;
    kitchen2__part__init(&part);
    const ProtobufCMessageDescriptor *type = &kitchen2__needy__descriptor;
    check(type, &needy, "text");
    needy.text = text;
    check(type, &needy, "part");
    needy.part = &part;
    check(type, &needy, "name");
    part.name = text;
    check(type, &needy, NULL);
    needy.has_data = 1;
    needy.data.len = 3;
    check(type, &needy, "data");
}

static void depth_and_cycles(void **state) {
    (void)state;
    Kitchen__Tree trees[65];
    for (size_t i = 0; i < 65; i++) {
        kitchen__tree__init(&trees[i]);
        trees[i].left = i + 1 < 65 ? &trees[i + 1] : NULL;
    }
    check(&kitchen__tree__descriptor, &trees[0], "nested too deeply");
    check(&kitchen__tree__descriptor, &trees[1], NULL);
    Kitchen__Tree cycle;
    kitchen__tree__init(&cycle);
    cycle.left = &cycle;
    check(&kitchen__tree__descriptor, &cycle, "contains itself");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_messages),    cmocka_unit_test(inner_messages),
        cmocka_unit_test(strings_and_bytes), cmocka_unit_test(oneofs),
        cmocka_unit_test(required_fields),   cmocka_unit_test(depth_and_cycles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
