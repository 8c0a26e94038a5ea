/* SPDX-License-Identifier: Apache-2.0 */
/* The primitives against the vectors of their RFCs. */
#include "pair.h"

#include "secure/crypto/stock.h"
#include "secure/keys.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

static size_t unhex(const char *text, uint8_t *ret_bytes) {
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;
    for (; text[0] != '\0'; text += 2) {
        const char *high = strchr(digits, text[0]);
        const char *low = strchr(digits, text[1]);
        assert_true(high != NULL && low != NULL);
        ret_bytes[n++] = (uint8_t)((high - digits) * 16 + (low - digits));
    }
    return n;
}

static void check(const uint8_t *bytes, size_t len, const char *expected) {
    uint8_t want[512];
    assert_int_equal(unhex(expected, want), len);
    assert_memory_equal(bytes, want, len);
}

static void sha256(void **state) {
    (void)state;
    seal__sha256 hash = {0};
    uint8_t digest[SEAL__HASH];
    assert_int_equal(seal__sha256_init(&hash), 0);
    assert_int_equal(seal__sha256_peek(&hash, digest), 0);
    check(digest, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    seal__sha256_update(&hash, "a", 1);
    seal__sha256_peek(&hash, digest);
    seal__sha256_update(&hash, "bc", 2);
    seal__sha256_peek(&hash, digest);
    check(digest, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    seal__sha256_done(&hash);
}

static void hmac(void **state) { /* RFC 4231, cases 1 to 3 */
    (void)state;
    static const struct {
        const char *key, *data, *mac;
    } cases[] = {
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
         "dddddddddddddddddddddddddddddddddddd",
         "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
    };
    for (size_t i = 0; i < 3; i++) {
        uint8_t key[64], data[64], mac[32];
        size_t key_len = unhex(cases[i].key, key);
        size_t len = unhex(cases[i].data, data);
        seal__hmac h = {0};
        assert_int_equal(seal__hmac_init(&h, key, key_len), 0);
        for (int again = 0; again < 3; again++) { /* the key stays */
            const seal_bytes parts[] = {{data, 3}, {NULL, 0}, {data + 3, len - 3}};
            assert_int_equal(seal__hmac_compute(&h, parts, 3, mac), 0);
            check(mac, 32, cases[i].mac);
        }
        seal__hmac_done(&h);
    }
}

static void hkdf(void **state) { /* RFC 5869, A.1 to A.3 */
    (void)state;
    static const struct {
        const char *ikm, *salt, *info, *prk, *okm;
    } cases[] = {
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
         "f0f1f2f3f4f5f6f7f8f9", "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
         "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
        {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2"
         "c2d2e2f"
         "303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
         "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8"
         "c8d8e8f"
         "909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
         "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbd"
         "cdddedf"
         "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
         "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
         "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65"
         "e590e09"
         "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"},
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
         "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
         "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
    };
    for (size_t i = 0; i < 3; i++) {
        uint8_t ikm[128], salt[128], info[128], prk[32], okm[128];
        size_t ikm_len = unhex(cases[i].ikm, ikm);
        size_t salt_len = unhex(cases[i].salt, salt);
        size_t info_len = unhex(cases[i].info, info);
        size_t len = strlen(cases[i].okm) / 2;
        assert_int_equal(
            seal__hkdf_extract((seal_bytes){salt, salt_len}, (seal_bytes){ikm, ikm_len}, prk), 0);
        check(prk, 32, cases[i].prk);
        assert_int_equal(seal__hkdf_expand(prk, (seal_bytes){info, info_len}, okm, len), 0);
        check(okm, len, cases[i].okm);
    }
    uint8_t prk[32] = {0};
    static uint8_t big[8161];
    assert_int_equal(seal__hkdf_expand(prk, (seal_bytes){NULL, 0}, big, 8160), 0);
    assert_int_equal(seal__hkdf_expand(prk, (seal_bytes){NULL, 0}, big, 8161), SEAL_ERROR_INVALID);
}

static void x25519(void **state) { /* RFC 7748, 6.1 */
    (void)state;
    uint8_t a[32], b[32], secret[32];
    seal__x25519 alice = {0}, bob = {0};
    unhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", a);
    unhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb", b);
    assert_int_equal(seal__x25519_from_private(&alice, a), 0);
    assert_int_equal(seal__x25519_from_private(&bob, b), 0);
    check(alice.share, 32, "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    check(bob.share, 32, "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    assert_int_equal(seal__x25519_derive(&alice, bob.share, secret), 0);
    check(secret, 32, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    seal__x25519_done(&alice);
    seal__x25519_done(&bob);
    assert_int_equal(seal__x25519_new_key(&alice), 0);
    assert_int_equal(seal__x25519_new_key(&bob), 0);
    uint8_t other[32];
    assert_int_equal(seal__x25519_derive(&alice, bob.share, secret), 0);
    assert_int_equal(seal__x25519_derive(&bob, alice.share, other), 0);
    assert_memory_equal(secret, other, 32);
    seal__x25519_done(&alice);
    seal__x25519_done(&bob);
}

/* RFC 7748, 5.2: the secret of each round is the private key of the next, whose peer is the last
 * private key; so shares and secrets of bytes that nobody chose are right. */
static void x25519_again(void **state) {
    (void)state;
    uint8_t k[32] = {9}, u[32] = {9}, result[32];
    for (int i = 0; i < 1000; i++) {
        seal__x25519 pair_of_keys = {0};
        assert_int_equal(seal__x25519_from_private(&pair_of_keys, k), 0);
        if (i == 0)
            memcpy(result, pair_of_keys.share, 32); /* the peer is the base point */
        else
            assert_int_equal(seal__x25519_derive(&pair_of_keys, u, result), 0);
        seal__x25519_done(&pair_of_keys);
        memcpy(u, k, 32);
        memcpy(k, result, 32);
        if (i == 0)
            check(k, 32, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
    }
    check(k, 32, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

enum { MAKERS = 4 };

static void *makes_keys(void *arg) {
    atomic_int *failures = arg;
    seal__x25519 one = {0}, two = {0};
    uint8_t secrets[2][32];
    for (int i = 0; i < 100; i++) {
        if (seal__x25519_new_key(&one) != 0 || seal__x25519_new_key(&two) != 0 ||
            seal__x25519_derive(&one, two.share, secrets[0]) != 0 ||
            seal__x25519_derive(&two, one.share, secrets[1]) != 0 ||
            memcmp(secrets[0], secrets[1], 32) != 0)
            atomic_fetch_add(failures, 1);
        seal__x25519_done(&one);
        seal__x25519_done(&two);
    }
    return NULL;
}

static void x25519_threads(void **state) {
    (void)state;
    pthread_t threads[MAKERS];
    atomic_int failures;
    atomic_init(&failures, 0);
    for (size_t i = 0; i < MAKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, makes_keys, &failures), 0);
    for (size_t i = 0; i < MAKERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&failures), 0);
}

static void x25519_refuses(void **state) {
    (void)state;
    static const char *const points[] = {
        /* of small order */
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    uint8_t point[32], secret[32];
    seal__x25519 pair_of_keys = {0};
    assert_int_equal(seal__x25519_new_key(&pair_of_keys), 0);
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        unhex(points[i], point);
        assert_int_equal(seal__x25519_derive(&pair_of_keys, point, secret),
                         SEAL_ERROR_AUTHENTICATION);
    }
    assert_int_equal(seal__x25519_derive(&pair_of_keys, pair_of_keys.share, secret),
                     SEAL_ERROR_AUTHENTICATION);
    seal__x25519_done(&pair_of_keys);
}

static void check_aead(seal__aead_kind kind, const char *key_hex, const char *nonce_hex,
                       const char *aad_hex, const char *plain_hex, const char *sealed_hex,
                       const char *tag_hex) {
    uint8_t key[32], nonce[12], aad[64], data[128], tag[16], zero[128] = {0};
    seal__aead sealer = {0}, opener = {0};
    unhex(key_hex, key);
    unhex(nonce_hex, nonce);
    size_t aad_len = unhex(aad_hex, aad);
    size_t len = unhex(plain_hex, data);
    assert_int_equal(seal__aead_init(&sealer, kind, true, zero), 0);
    assert_int_equal(seal__aead_init(&opener, kind, false, zero), 0);
    assert_int_equal(seal__aead_rekey(&sealer, key), 0);
    assert_int_equal(seal__aead_rekey(&opener, key), 0);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(
            seal__aead_seal(&sealer, nonce, (seal_bytes){aad, aad_len}, data, len, tag), 0);
        check(data, len, sealed_hex);
        check(tag, 16, tag_hex);
        assert_int_equal(
            seal__aead_open(&opener, nonce, (seal_bytes){aad, aad_len}, data, len, tag), 0);
        check(data, len, plain_hex);
    }
    for (size_t bit = 0; bit < 128; bit++) { /* a wrong tag leaves nothing of the plaintext */
        unhex(sealed_hex, data);
        tag[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(
            seal__aead_open(&opener, nonce, (seal_bytes){aad, aad_len}, data, len, tag),
            SEAL_ERROR_TAMPERED);
        tag[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_memory_equal(data, zero, len);
    }
    unhex(sealed_hex, data); /* and the next one opens again */
    assert_int_equal(seal__aead_open(&opener, nonce, (seal_bytes){aad, aad_len}, data, len, tag),
                     0);
    seal__aead_done(&sealer);
    seal__aead_done(&opener);
}

static void aeads(void **state) {
    (void)state;
    /* The GCM specification, test cases 1, 4, 13, 16. */
    check_aead(SEAL__AEAD_AES128_GCM, "00000000000000000000000000000000",
               "000000000000000000000000", "", "", "", "58e2fccefa7e3061367f1d57a4e7455a");
    check_aead(SEAL__AEAD_AES128_GCM, "feffe9928665731c6d6a8f9467308308",
               "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
               "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fc"
               "f0e2449a6b525"
               "b16aedf5aa0de657ba637b39",
               "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8"
               "f6a5aac84aa05"
               "1ba30b396a0aac973d58e091",
               "5bc94fbc3221a5db94fae95ae7121a47");
    check_aead(SEAL__AEAD_AES256_GCM,
               "0000000000000000000000000000000000000000000000000000000000000000",
               "000000000000000000000000", "", "", "", "530f8afbc74536b9a963b4f1c4cb738b");
    check_aead(SEAL__AEAD_AES256_GCM,
               "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
               "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
               "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fc"
               "f0e2449a6b525"
               "b16aedf5aa0de657ba637b39",
               "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b"
               "08b1056828838"
               "c5f61e6393ba7a0abcc9f662",
               "76fc6ece0f4e1768cddf8853bb2d551b");
    /* RFC 8439, 2.8.2. */
    check_aead(SEAL__AEAD_CHACHA20_POLY1305,
               "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
               "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
               "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a2"
               "0496620492063"
               "6f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f72207468652066757475726"
               "52c2073756e73"
               "637265656e20776f756c642062652069742e",
               "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282f"
               "afb69da92728b"
               "1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad67594558"
               "5808b4831d7bc"
               "3ff4def08e4b7a9de576d26586cec64b6116",
               "1ae10b594f09e26a7e902ecbd0600691");
}

/* All of it associated data, as at the integrity level: nothing is encrypted and every byte counts.
 */
static void aad_only(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < 3; kind++) {
        uint8_t key[32] = {1}, nonce[12] = {2}, tag[16], data[40];
        memset(data, 7, sizeof data);
        seal__aead sealer = {0}, opener = {0};
        assert_true(seal__aead_available((seal__aead_kind)kind));
        assert_int_equal(seal__aead_init(&sealer, (seal__aead_kind)kind, true, key), 0);
        assert_int_equal(seal__aead_init(&opener, (seal__aead_kind)kind, false, key), 0);
        assert_int_equal(seal__aead_seal(&sealer, nonce, (seal_bytes){data, 40}, NULL, 0, tag), 0);
        assert_int_equal(seal__aead_open(&opener, nonce, (seal_bytes){data, 40}, NULL, 0, tag), 0);
        for (size_t bit = 0; bit < 320; bit++) {
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(seal__aead_open(&opener, nonce, (seal_bytes){data, 40}, NULL, 0, tag),
                             SEAL_ERROR_TAMPERED);
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        seal__aead_done(&sealer);
        seal__aead_done(&opener);
    }
}

/* ---- Opening to elsewhere ---- */

enum { SCATTERED = 500 };

typedef struct places {
    seal__scatter scatter;
    uint8_t to[2][SCATTERED];
    const uint8_t *plain;
} places;

/* Parts of odd sizes, of which every second one stays; sees what it may go by, and no more. */
static size_t next_place(void *user, const uint8_t *content, size_t at, size_t len) {
    places *p = user;
    assert_in_range(at, 0, len - 1);
    if (at == 0)
        return 13;
    assert_memory_equal(content, p->plain, 13);
    if (p->scatter.n == 2)
        return SIZE_MAX; /* more than there is */
    p->scatter.pieces[p->scatter.n] = (seal__scattered){
        .from = content + at, .to = p->to[p->scatter.n], .len = p->scatter.n == 0 ? 101 : 64};
    p->scatter.n++;
    return p->scatter.n == 1 ? 0 : 31;
}

static void scattered(void **state) {
    (void)state;
    static const uint8_t nothing[SCATTERED];
    for (unsigned kind = 0; kind < 3; kind++) {
        uint8_t key[32] = {1}, nonce[12] = {2}, tag[16], plain[SCATTERED], data[SCATTERED];
        seal__aead sealer = {0}, opener = {0};
        places p = {.scatter = {.next = next_place, .user = &p}, .plain = plain};
        seal_bytes aad = {key, 5};
        for (size_t i = 0; i < SCATTERED; i++)
            plain[i] = (uint8_t)(i * 7);
        memcpy(data, plain, sizeof data);
        assert_int_equal(seal__aead_init(&sealer, (seal__aead_kind)kind, true, key), 0);
        assert_int_equal(seal__aead_init(&opener, (seal__aead_kind)kind, false, key), 0);
        assert_int_equal(seal__aead_seal(&sealer, nonce, aad, data, SCATTERED, tag), 0);
        uint8_t sealed[SCATTERED];
        memcpy(sealed, data, sizeof sealed);
        assert_int_equal(
            seal__aead_open_with(&opener, nonce, aad, data, SCATTERED, &p.scatter, tag), 0);
        assert_int_equal(p.scatter.n, 2);
        assert_memory_equal(data, plain, 13);
        assert_memory_equal(p.to[0], plain + 13, 101);
        assert_memory_equal(p.to[1], plain + 114, 64);
        assert_memory_equal(data + 178, plain + 178, SCATTERED - 178);
        /* a wrong tag leaves nothing of the plaintext there, either */
        memcpy(data, sealed, sizeof data);
        tag[3] ^= 1;
        p.scatter.n = 0;
        assert_int_equal(
            seal__aead_open_with(&opener, nonce, aad, data, SCATTERED, &p.scatter, tag),
            SEAL_ERROR_TAMPERED);
        assert_memory_equal(data, nothing, SCATTERED);
        assert_memory_equal(p.to[0], nothing, 101);
        assert_memory_equal(p.to[1], nothing, 64);
        seal__aead_done(&sealer);
        seal__aead_done(&opener);
    }
}

static void randomness(void **state) {
    (void)state;
    uint8_t a[64] = {0}, b[64] = {0};
    assert_int_equal(seal__random(a, sizeof a), 0);
    assert_int_equal(seal__random(b, sizeof b), 0);
    assert_false(seal__equal(a, b, sizeof a));
    assert_true(seal__equal(a, a, sizeof a));
    assert_true(seal__equal(a, b, 0));
}

/* Each key is given out once, there are never more than wanted, and an empty stock is no obstacle.
 */
static void key_stock(void **state) {
    (void)state;
    enum { ROUNDS = 6, MOST = 4 * SEAL__KEY_STOCK_MAX };
    static uint8_t shares[ROUNDS * MOST][SEAL__SHARE];
    seal__key_stock stock;
    size_t n = 0;
    seal__key_stock_init(&stock);
    assert_false(seal__key_stock_is_low(&stock));
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i <= round * 8; i++) {
            seal__x25519 key = {0};
            assert_int_equal(seal__key_stock_take(&stock, &key), 0);
            memcpy(shares[n], key.share, SEAL__SHARE);
            for (size_t k = 0; k < n; k++)
                assert_memory_not_equal(shares[k], shares[n], SEAL__SHARE);
            n++;
            seal__x25519_done(&key);
        }
        for (size_t i = 0; seal__key_stock_is_low(&stock); i++) {
            assert_in_range(i, 0, SEAL__KEY_STOCK_MAX - 1);
            assert_int_equal(seal__key_stock_add(&stock), 0);
        }
        assert_int_equal(stock.n, stock.wanted);
        assert_in_range(stock.n, 1, SEAL__KEY_STOCK_MAX);
    }
    assert_int_equal(stock.n, SEAL__KEY_STOCK_MAX);
    assert_int_equal(seal__key_stock_add(&stock), 0);
    assert_int_equal(stock.n, SEAL__KEY_STOCK_MAX);
    seal__key_stock_done(&stock);
    assert_int_equal(stock.n, 0);
    seal__x25519 key = {0};
    assert_int_equal(seal__key_stock_take(NULL, &key), 0);
    seal__x25519_done(&key);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256),         cmocka_unit_test(hmac),
        cmocka_unit_test(hkdf),           cmocka_unit_test(x25519),
        cmocka_unit_test(x25519_refuses), cmocka_unit_test(x25519_again),
        cmocka_unit_test(x25519_threads), cmocka_unit_test(aeads),
        cmocka_unit_test(key_stock),      cmocka_unit_test(aad_only),
        cmocka_unit_test(scattered),      cmocka_unit_test(randomness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
