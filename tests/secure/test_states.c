/* SPDX-License-Identifier: Apache-2.0 */
/* The table of handshake states in the documentation is the one in the code. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "secure/handshake.h"

enum { CELLS = 6 };

static FILE *open_documentation(void) {
    FILE *file = fopen(SEAL_TEST_DOCS "/protocol.md", "r");
    char line[1024];
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strstr(line, "<!-- handshake states: begin -->") != NULL)
            return file;
    }
    if (file != NULL)
        fclose(file);
    return NULL;
}

static seal__hs_state state_named(const char *name) {
    unsigned i = 0;
    while (i < SEAL__HS_N_STATES && strcmp(seal__hs_state_name((seal__hs_state)i), name) != 0)
        i++;
    assert_in_range(i, 0, SEAL__HS_N_STATES - 1);
    return (seal__hs_state)i;
}

/* Remembers which rows the documentation has. */
static void check_row(const char *line, bool seen[2][SEAL__HS_N_STATES]) {
    char end[16], name[16], cell[CELLS][16];
    assert_int_equal(sscanf(line, "| %15s | %15s | %15s | %15s | %15s | %15s | %15s | %15s |", end,
                            name, cell[0], cell[1], cell[2], cell[3], cell[4], cell[5]),
                     2 + CELLS);
    bool is_server = strcmp(end, "server") == 0;
    seal__hs_state state = state_named(name);
    assert_false(seen[is_server][state]);
    seen[is_server][state] = true;
    for (unsigned i = 0; i < CELLS; i++) {
        const seal__hs_action *action = seal__hs_find_action(
            is_server ? SEAL__SERVER : SEAL__CLIENT, state, SEAL__CLIENT_HELLO + i);
        assert_string_equal(cell[i], action == NULL ? "error" : action->name);
    }
}

static void documentation_has_the_same_table(void **unused) {
    (void)unused;
    bool seen[2][SEAL__HS_N_STATES] = {{false}};
    FILE *file = open_documentation();
    assert_non_null(file);
    char line[1024];
    while (fgets(line, sizeof line, file) != NULL && line[0] == '|') {
        if (strncmp(line, "| server", 8) == 0 || strncmp(line, "| client", 8) == 0)
            check_row(line, seen);
    }
    fclose(file);
    /* A state without a row takes nothing. */
    for (unsigned s = 0; s < SEAL__HS_N_STATES; s++) {
        for (unsigned type = 0; type < SEAL__N_MESSAGES; type++) {
            seal__hs_state state = (seal__hs_state)s;
            if (!seen[0][s])
                assert_null(seal__hs_find_action(SEAL__CLIENT, state, type));
            if (!seen[1][s])
                assert_null(seal__hs_find_action(SEAL__SERVER, state, type));
        }
    }
    assert_true(seen[0][SEAL__HS_SWITCH] && seen[1][SEAL__HS_CLIENT_HELLO]);
}

static void unknown_messages_have_no_action(void **unused) {
    (void)unused;
    for (unsigned s = 0; s < SEAL__HS_N_STATES; s++) {
        assert_null(seal__hs_find_action(SEAL__CLIENT, (seal__hs_state)s, 0));
        assert_null(seal__hs_find_action(SEAL__SERVER, (seal__hs_state)s, SEAL__N_MESSAGES));
        assert_null(seal__hs_find_action(SEAL__SERVER, (seal__hs_state)s, 255));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documentation_has_the_same_table),
        cmocka_unit_test(unknown_messages_have_no_action),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
