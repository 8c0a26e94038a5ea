/* SPDX-License-Identifier: Apache-2.0 */
/* Lists, the deadline heap and the id map, against simple models; spare memory. */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "base/idmap.h"
#include "base/list.h"
#include "base/spares.h"
#include "support/failing_alloc.h"

static failing_alloc alloc;

static void list_keeps_order(void **state) {
    (void)state;
    seal__list head, other, nodes[6];
    seal__list_init(&head);
    seal__list_init(&other);
    assert_true(seal__list_is_empty(&head));
    assert_null(seal__list_take_first(&head));
    for (size_t i = 0; i < 6; i++)
        seal__list_append(i < 3 ? &head : &other, &nodes[i]);
    seal__list_remove(&nodes[1]);
    seal__list_remove(&nodes[1]); /* in no list: harmless */
    seal__list_append_all(&head, &other);
    assert_true(seal__list_is_empty(&other));
    seal__list_append_all(&head, &other);
    static const size_t order[] = {0, 2, 3, 4, 5};
    for (size_t i = 0; i < 5; i++)
        assert_ptr_equal(seal__list_take_first(&head), &nodes[order[i]]);
    assert_true(seal__list_is_empty(&head));
}

enum { NODES = 500 };

static void heap_gives_the_smallest(void **state) {
    (void)state;
    failing_alloc_init(&alloc);
    seal__heap heap;
    seal__heap_init(&heap, &alloc.allocator);
    static seal__heap_node nodes[NODES];
    memset(nodes, 0, sizeof nodes);
    srand(1);
    for (int round = 0; round < 20000; round++) {
        seal__heap_node *node = &nodes[rand() % NODES];
        if (node->position == 0)
            assert_true(seal__heap_insert(&heap, node, (uint64_t)rand() % 1000));
        else
            seal__heap_remove(&heap, node);
        if (round % 50 != 0)
            continue;
        uint64_t least = UINT64_MAX;
        size_t n = 0;
        for (size_t i = 0; i < NODES; i++) {
            if (nodes[i].position == 0)
                continue;
            n++;
            assert_ptr_equal(heap.nodes[nodes[i].position - 1], &nodes[i]);
            if (nodes[i].key < least)
                least = nodes[i].key;
        }
        assert_int_equal(heap.len, n);
        assert_true(n == 0 ? seal__heap_first(&heap) == NULL
                           : seal__heap_first(&heap)->key == least);
    }
    uint64_t last = 0;
    for (seal__heap_node *first; (first = seal__heap_first(&heap)) != NULL;) {
        assert_true(first->key >= last);
        last = first->key;
        seal__heap_remove(&heap, first);
        seal__heap_remove(&heap, first);
    }
    seal__heap_done(&heap);
    assert_int_equal(alloc.live, 0);
}

static void heap_without_memory(void **state) {
    (void)state;
    failing_alloc_init(&alloc);
    seal__heap heap;
    seal__heap_init(&heap, &alloc.allocator);
    static seal__heap_node nodes[17];
    memset(nodes, 0, sizeof nodes);
    for (size_t i = 0; i < 16; i++)
        assert_true(seal__heap_insert(&heap, &nodes[i], i));
    failing_alloc_fail_at(&alloc, 1, true);
    assert_false(seal__heap_insert(&heap, &nodes[16], 0));
    assert_int_equal(nodes[16].position, 0);
    assert_int_equal(heap.len, 16);
    assert_true(seal__heap_insert(&heap, &nodes[16], 0));
    seal__heap_done(&heap);
    assert_int_equal(alloc.live, 0);
}

enum { IDS = 2000 };

/* Ids are taken from few places of the table, so that runs collide and wrap. */
static uint64_t id_of(size_t i, unsigned pattern) {
    switch (pattern) {
    case 0:
        return i + 1;
    case 1:
        return i * 64;
    case 2:
        return UINT64_MAX - i * i;
    default:
        return (uint64_t)i << 40 | (i & 7);
    }
}

static void check_map(const seal__idmap *map, void *const *model, unsigned pattern) {
    size_t n = 0;
    for (size_t i = 0; i < IDS; i++) {
        assert_ptr_equal(seal__idmap_find(map, id_of(i, pattern)), model[i]);
        n += model[i] != NULL;
    }
    assert_int_equal(map->len, n);
    size_t cursor = 0;
    for (void *value; (value = seal__idmap_next(map, &cursor)) != NULL; n--)
        assert_ptr_equal(model[*(size_t *)value], value);
    assert_int_equal(n, 0);
}

static void map_agrees_with_a_model(void **state) {
    (void)state;
    static size_t values[IDS];
    for (unsigned pattern = 0; pattern < 4; pattern++) {
        failing_alloc_init(&alloc);
        seal__idmap map;
        seal__idmap_init(&map, &alloc.allocator);
        static void *model[IDS];
        memset(model, 0, sizeof model);
        assert_null(seal__idmap_find(&map, 1));
        assert_null(seal__idmap_remove(&map, 1));
        srand(pattern + 1);
        for (int round = 0; round < 20000; round++) {
            size_t i = (size_t)rand() % IDS;
            if (round / 5000 % 2 == 1 && model[i] == NULL)
                continue; /* phases of growing and of shrinking */
            if (model[i] == NULL) {
                values[i] = i;
                model[i] = &values[i];
                assert_true(seal__idmap_insert(&map, id_of(i, pattern), model[i]));
            } else {
                assert_ptr_equal(seal__idmap_remove(&map, id_of(i, pattern)), model[i]);
                model[i] = NULL;
            }
            if (round % 500 == 0)
                check_map(&map, model, pattern);
        }
        check_map(&map, model, pattern);
        seal__idmap_done(&map);
        assert_int_equal(alloc.live, 0);
    }
}

static void map_without_memory(void **state) {
    (void)state;
    failing_alloc_init(&alloc);
    seal__idmap map;
    seal__idmap_init(&map, &alloc.allocator);
    failing_alloc_fail_at(&alloc, 1, true);
    assert_false(seal__idmap_insert(&map, 1, &map));
    for (uint64_t id = 1; id <= 8; id++)
        assert_true(seal__idmap_insert(&map, id, &map));
    failing_alloc_fail_at(&alloc, 1, true);
    assert_false(seal__idmap_insert(&map, 9, &map));
    assert_null(seal__idmap_find(&map, 9));
    assert_ptr_equal(seal__idmap_find(&map, 8), &map);
    assert_true(seal__idmap_insert(&map, 9, &map));
    seal__idmap_done(&map);
    assert_int_equal(alloc.live, 0);
}

static void spares_are_used_again(void **state) {
    (void)state;
    enum { SIZE = 100, MAX = 3, N = 5 };
    failing_alloc_init(&alloc);
    seal__spares spares;
    uint8_t *all[N];
    seal__spares_init(&spares, &alloc.allocator, SIZE, MAX);
    assert_null(seal__spares_take(&spares));
    for (int i = 0; i < N; i++) {
        all[i] = seal__alloc(&alloc.allocator, SIZE);
        assert_non_null(all[i]);
        memset(all[i], i + 1, SIZE);
    }
    for (int i = 0; i < N; i++)
        seal__spares_give(&spares, all[i]);
    assert_int_equal(alloc.live, MAX);
    for (int i = MAX; i-- > 0;) { /* the last one first, with what it held */
        assert_ptr_equal(seal__spares_take(&spares), all[i]);
        for (size_t k = sizeof(void *); k < SIZE; k++)
            assert_int_equal(all[i][k], i + 1);
    }
    assert_null(seal__spares_take(&spares));
    for (int i = 0; i < MAX; i++)
        seal__spares_give(&spares, all[i]);
    assert_int_equal(alloc.calls, N);
    seal__spares_done(&spares);
    assert_int_equal(alloc.live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_keeps_order),    cmocka_unit_test(heap_gives_the_smallest),
        cmocka_unit_test(heap_without_memory), cmocka_unit_test(map_agrees_with_a_model),
        cmocka_unit_test(map_without_memory),  cmocka_unit_test(spares_are_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
