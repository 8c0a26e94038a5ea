/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test vectors of docs/protocol.md: what the code produces stands there, letter for letter.
 * With
 * --print the block for the document is written instead.
 */
#include "pair.h"

#include "secure/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char block[32768];
static size_t block_len;

static void line(const char *name, const uint8_t *bytes, size_t len) {
    block_len += (size_t)snprintf(block + block_len, sizeof block - block_len, "%s\n", name);
    for (size_t i = 0; i < len; i += 32) {
        block_len += (size_t)snprintf(block + block_len, sizeof block - block_len, "  ");
        for (size_t k = i; k < len && k < i + 32; k++)
            block_len +=
                (size_t)snprintf(block + block_len, sizeof block - block_len, "%02x", bytes[k]);
        block_len += (size_t)snprintf(block + block_len, sizeof block - block_len, "\n");
    }
}

static void count_up(uint8_t *bytes, size_t len, uint8_t first) {
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(first + i);
}

/* ---- Handshake and keys ---- */

static void append(seal__sha256 *hash, seal__buf *message, uint8_t type, const char *name) {
    seal__store_u24(message->data, (uint32_t)(message->len - 4));
    message->data[3] = type;
    if (name != NULL)
        line(name, message->data, message->len);
    assert_int_equal(seal__sha256_update(hash, message->data, message->len), 0);
    seal__buf_reset(message);
    seal__buf_put_u32(message, 0);
}

static void opaque(seal__buf *message, const char *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        seal__buf_put_u8(message, (uint8_t)text[i % strlen(text)]);
}

static void make_secrets(seal__secrets *ret_secrets) {
    static const uint8_t alice[32] = {0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d,
                                      0x3c, 0x16, 0xc1, 0x72, 0x51, 0xb2, 0x66, 0x45,
                                      0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0, 0x99, 0x2a,
                                      0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a};
    static const uint8_t bob[32] = {0x5d, 0xab, 0x08, 0x7e, 0x62, 0x4a, 0x8a, 0x4b,
                                    0x79, 0xe1, 0x7f, 0x8b, 0x83, 0x80, 0x0e, 0xe6,
                                    0x6f, 0x3b, 0xb1, 0x29, 0x26, 0x18, 0xb6, 0xfd,
                                    0x1c, 0x2f, 0x8b, 0x27, 0xff, 0x88, 0xe0, 0xeb};
    seal__x25519 c = {0}, s = {0};
    seal__sha256 hash = {0};
    seal__buf message;
    uint8_t random[2][32], instance[2][16];
    seal__key_inputs inputs;
    assert_int_equal(seal__x25519_from_private(&c, alice), 0);
    assert_int_equal(seal__x25519_from_private(&s, bob), 0);
    assert_int_equal(seal__sha256_init(&hash), 0);
    count_up(random[0], 32, 0x00);
    count_up(random[1], 32, 0x20);
    count_up(instance[0], 16, 0x40);
    count_up(instance[1], 16, 0x50);
    seal__buf_init(&message, &seal__default_allocator, 4096);
    seal__buf_put_u32(&message, 0);
    seal__hello hello = {.random = random[0],
                         .instance = instance[0],
                         .share = c.share,
                         .mechanism = 1,
                         .level = 2,
                         .suites = {1, 3, 2},
                         .n_suites = 3,
                         .target = (const uint8_t *)"echo/host.example",
                         .target_len = 17};
    seal__put_client_hello(&message, &hello);
    append(&hash, &message, SEAL__CLIENT_HELLO, "CLIENT_HELLO");
    opaque(&message, "client token", 24);
    append(&hash, &message, SEAL__TOKEN, "TOKEN of the client");
    hello = (seal__hello){.random = random[1],
                          .instance = instance[1],
                          .share = s.share,
                          .mechanism = 1,
                          .level = 2,
                          .suites = {1}};
    seal__put_server_hello(&message, &hello);
    append(&hash, &message, SEAL__SERVER_HELLO, "SERVER_HELLO");
    opaque(&message, "server token", 24);
    append(&hash, &message, SEAL__TOKEN, "TOKEN of the server");
    seal__sha256_peek(&hash, inputs.transcript);
    line("TH in the server's FINISHED", inputs.transcript, 32);
    opaque(&message, "wrapped by the server ", 124);
    append(&hash, &message, SEAL__FINISHED, "FINISHED of the server");
    seal__sha256_peek(&hash, inputs.transcript);
    line("TH in the client's FINISHED", inputs.transcript, 32);
    opaque(&message, "wrapped by the client ", 124);
    append(&hash, &message, SEAL__FINISHED, "FINISHED of the client");
    seal__sha256_peek(&hash, inputs.transcript);
    line("TH after both", inputs.transcript, 32);
    count_up(inputs.server_secret, 32, 0x80);
    count_up(inputs.client_secret, 32, 0xa0);
    assert_int_equal(seal__x25519_derive(&c, s.share, inputs.shared), 0);
    line("server secret", inputs.server_secret, 32);
    line("client secret", inputs.client_secret, 32);
    line("X25519 private key of the client", alice, 32);
    line("X25519 private key of the server", bob, 32);
    line("X25519 shared secret", inputs.shared, 32);
    uint8_t material[96], master[32];
    memcpy(material, inputs.server_secret, 32);
    memcpy(material + 32, inputs.client_secret, 32);
    memcpy(material + 64, inputs.shared, 32);
    assert_int_equal(seal__hkdf_extract((seal_bytes){inputs.transcript, 32},
                                        (seal_bytes){material, sizeof material}, master),
                     0);
    line("master", master, 32);
    assert_int_equal(seal__derive_secrets(&inputs, ret_secrets), 0);
    line("c traffic", ret_secrets->c_traffic, 32);
    line("s traffic", ret_secrets->s_traffic, 32);
    line("channel id", ret_secrets->id, 32);
    seal__sha256_done(&hash);
    seal__x25519_done(&c);
    seal__x25519_done(&s);
    seal__buf_done(&message);
}

static void make_keys(const seal__secrets *secrets) {
    static const struct {
        const char *label;
        size_t len;
        const char *name;
    } keys[] = {{"key", 32, "key, 32 bytes, from c traffic"},
                {"key", 16, "key, 16 bytes, from c traffic"},
                {"iv", 12, "iv from c traffic"},
                {"mac", 32, "mac from c traffic"},
                {"upd", 32, "upd from c traffic: the next generation"}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        uint8_t bytes[32];
        assert_int_equal(seal__expand_label(secrets->c_traffic, keys[i].label, bytes, keys[i].len),
                         0);
        line(keys[i].name, bytes, keys[i].len);
    }
}

/* ---- Records ---- */

static int stub_wrap(seal__mech *mech, bool conf, const uint8_t *in, size_t len, seal__buf *out) {
    (void)mech;
    seal__buf_put(out, conf ? "WRAP" : "SIGN", 4);
    seal__buf_put(out, in, len);
    return 0;
}

static int stub_unwrap(seal__mech *mech, bool conf, const uint8_t *in, size_t len, seal__buf *out) {
    (void)mech;
    if (len < 4 || memcmp(in, conf ? "WRAP" : "SIGN", 4) != 0)
        return SEAL_ERROR_TAMPERED;
    seal__buf_put(out, in + 4, len - 4);
    return 0;
}

static const seal__mech_ops stub_ops = {.wrap = stub_wrap, .unwrap = stub_unwrap};

static void one_record(seal__half *sealing, seal__half *opening, seal__record_type type,
                       const char *content, size_t len, const char *what) {
    char name[120];
    seal__buf out, scratch;
    seal__buf_init(&out, &seal__default_allocator, 1024);
    seal__buf_init(&scratch, &seal__default_allocator, 1024);
    snprintf(name, sizeof name, "%s, %s: %s", seal_suite_name(sealing->suite->code),
             seal_level_name(sealing->level), what);
    seal__buf_put_u32(&out, 0);
    seal__buf_put(&out, content, len);
    assert_int_equal(seal__half_seal(sealing, type, &out, 0, NULL, &scratch), 0);
    line(name, out.data, out.len);
    uint8_t *opened = NULL;
    size_t opened_len = 0;
    assert_int_equal(out.data[3], type);
    assert_int_equal(
        seal__half_open(opening, out.data, out.len - 4, NULL, &scratch, &opened, &opened_len), 0);
    assert_int_equal(opened_len, len);
    assert_memory_equal(opened, content, len);
    seal__buf_done(&out);
    seal__buf_done(&scratch);
}

static void make_records(const seal__secrets *secrets) {
    seal__mech mech = {.ops = &stub_ops};
    for (size_t i = 0; i < 8; i++) {
        const seal__suite *suite = seal__suite_find((unsigned)pair_suites[i / 2]);
        seal_level level = i % 2 == 0 ? SEAL_LEVEL_PRIVACY : SEAL_LEVEL_INTEGRITY;
        seal__half sealing = {0}, opening = {0};
        assert_int_equal(seal__half_init(&sealing, suite, level, true, secrets->c_traffic, &mech),
                         0);
        assert_int_equal(seal__half_init(&opening, suite, level, false, secrets->c_traffic, &mech),
                         0);
        one_record(&sealing, &opening, SEAL__RECORD_DATA, "first", 5, "record 0, DATA \"first\"");
        one_record(&sealing, &opening, SEAL__RECORD_KEY_UPDATE, "\0", 1, "record 1, KEY_UPDATE");
        assert_int_equal(seal__half_update(&sealing), 0);
        assert_int_equal(seal__half_update(&opening), 0);
        one_record(&sealing, &opening, SEAL__RECORD_CLOSE, "\0\0", 2,
                   "record 0 under the next key, CLOSE 0");
        seal__half_done(&sealing);
        seal__half_done(&opening);
    }
}

static void make_block(void) {
    seal__secrets secrets;
    block_len = 0;
    make_secrets(&secrets);
    make_keys(&secrets);
    make_records(&secrets);
}

/* ---- The document ---- */

static char *read_document(void) {
    static const char here[] = "tests/secure/test_vectors.c";
    char path[1024];
    size_t root = strlen(__FILE__) - (sizeof here - 1);
    snprintf(path, sizeof path, "%.*sdocs/protocol.md", (int)root, __FILE__);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    char *text = calloc(1, 1 << 20);
    if (text != NULL)
        text[fread(text, 1, (1 << 20) - 1, file)] = '\0';
    fclose(file);
    return text;
}

static void document_is_right(void **state) {
    (void)state;
    make_block();
    char *text = read_document();
    if (text == NULL)
        skip(); /* a build from elsewhere */
    assert_non_null(strstr(text, block));
    free(text);
}

static void expand_label(void **state) {
    (void)state;
    /* The label's bytes as the document gives them. */
    static const uint8_t info[] = {0,   12,  11,  's', 'e', 'a', 'l', 'r',
                                   'p', 'c', '1', ' ', 'i', 'v', 0};
    uint8_t secret[32], a[12], b[12];
    count_up(secret, 32, 1);
    assert_int_equal(seal__expand_label(secret, "iv", a, 12), 0);
    assert_int_equal(seal__hkdf_expand(secret, (seal_bytes){info, sizeof info}, b, 12), 0);
    assert_memory_equal(a, b, 12);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(document_is_right),
        cmocka_unit_test(expand_label),
    };
    if (argc > 1 && strcmp(argv[1], "--print") == 0) {
        make_block();
        fputs(block, stdout);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
