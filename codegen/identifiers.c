/* SPDX-License-Identifier: Apache-2.0 */
/* Finds identifiers at file scope that two things would share. */
#include <string.h>

#include "check.h"
#include "keywords.h"
#include "names.h"
#include "stubs.h"

/* ---- Ours ------------------------------------------------------------------------------------ */

/* The tables, besides the stubs. What is static counts: there may be several services in a file. */
static const char *const service_suffixes[] = {"service", "methods", "ops"};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void take(const model *m, strmap *taken, problems *list, const service *s,
                 const char *subject, const char *identifier) {
    const char *owner = pool_printf(m->pool, "%s: %s", s->file->name, subject);
    const char *other = strmap_add(taken, identifier, owner);
    if (other != NULL)
        problems_add(
            list, s->file->name, subject,
            "its %s in C is also made from %s; rename one of them, or generate the files in "
            "two runs with different --seal_opt=prefix=WORD",
            identifier, other);
}

static void take_methods(const model *m, strmap *taken, problems *list, const service *s) {
    strmap names = {0};
    for (size_t i = 0; i < s->n_methods; i++) {
        const method *me = &s->methods[i];
        const method *other = strmap_add(&names, me->snake, me);
        if (other != NULL) {
            problems_add(list, s->file->name, me->subject,
                         "its name in C, %s, is also that of %s; rename one of them", me->snake,
                         other->subject);
            continue;
        }
        take(m, taken, list, s, me->subject,
             pool_printf(m->pool, "%s_allow_%s", s->prefix, me->snake));
        for (stub k = STUB_FIRST_OF_METHOD; k < STUB_COUNT; k++)
            if (stub_applies(me, k))
                take(m, taken, list, s, me->subject,
                     pool_printf(m->pool, "%s_%s_%s", s->prefix, stub_word(k), me->snake));
    }
    strmap_done(&names);
}

static void check_ours(const model *m, problems *list) {
    strmap taken = {0};
    for (size_t i = 0; i < m->n_files; i++)
        for (size_t k = 0; k < m->files[i].n_services; k++) {
            const service *s = &m->files[i].services[k];
            size_t before = list->count;
            for (size_t j = 0; j < COUNT(service_suffixes) && list->count == before; j++)
                take(m, &taken, list, s, s->proto->name,
                     pool_printf(m->pool, "%s_%s", s->prefix, service_suffixes[j]));
            for (stub j = 0; j < STUB_FIRST_OF_METHOD && list->count == before; j++)
                take(m, &taken, list, s, s->proto->name,
                     pool_printf(m->pool, "%s_%s", s->prefix, stub_word(j)));
            if (list->count == before)
                take_methods(m, &taken, list, s);
        }
    strmap_done(&taken);
}

/* ---- protobuf-c's ---------------------------------------------------------------------------- */

/* A message or enum of protobuf-c: who it is. */
typedef struct pbc_owner {
    const char *full_name;
    const file *file;
} pbc_owner;

typedef struct pbc_names {
    const model *m;
    problems *list;
    strmap types;
    strmap lowers; /* the upper-case names are the same but for the case */
} pbc_names;

/* Whether what f generates includes the header of other. */
static bool sees(const file *f, const file *other, strmap *visited) {
    if (f == other)
        return true;
    if (strmap_add(visited, f->name, f) != NULL)
        return false;
    for (size_t i = 0; i < f->n_dependencies; i++)
        if (sees(f->dependencies[i], other, visited))
            return true;
    return false;
}

/* Whether some file to generate sees both. */
static bool meet(const model *m, const file *a, const file *b) {
    for (size_t i = 0; i < m->n_files; i++) {
        strmap from_a = {0};
        strmap from_b = {0};
        const file *f = &m->files[i];
        bool both = f->generate && sees(f, a, &from_a) && sees(f, b, &from_b);
        strmap_done(&from_a);
        strmap_done(&from_b);
        if (both)
            return true;
    }
    return false;
}

static bool clash(pbc_names *names, strmap *map, const char *identifier, const pbc_owner *owner) {
    const pbc_owner *other = strmap_add(map, identifier, owner);
    if (other == NULL || !meet(names->m, owner->file, other->file))
        return false;
    problems_add(
        names->list, owner->file->name, owner->full_name,
        "its name in C, %s, is also that of %s of %s; rename one of them, or give one file "
        "protobuf-c's option c_package",
        identifier, other->full_name, other->file->name);
    return true;
}

static void add_pbc(pbc_names *names, const file *f, const char *full_name, bool is_enum) {
    pool *p = names->m->pool;
    pbc_owner *owner = pool_alloc(p, 1, sizeof *owner);
    *owner = (pbc_owner){full_name, f};
    const char *type = name_pbc_type(p, full_name, f->package, f->c_package);
    const char *lower = name_pbc_lower(p, full_name, f->package, f->c_package);
    bool digit = type[0] >= '0' && type[0] <= '9';
    bool bad =
        digit || type[0] == '\0' || keyword_bad_type(type) || (is_enum && keyword_bad_enum(type));
    if (f->generate && bad)
        problems_add(names->list, f->name, full_name,
                     "its name in C would be '%s'; put the file into a package", type);
    else if (!clash(names, &names->types, type, owner))
        clash(names, &names->lowers, lower, owner);
}

static void add_pbc_enums(pbc_names *names, const file *f, const char *scope,
                          Spb__EnumDescriptorProto **enums, size_t count) {
    for (size_t i = 0; i < count; i++)
        add_pbc(names, f,
                pool_printf(names->m->pool, "%s%s%s", scope, scope[0] != '\0' ? "." : "",
                            model_text(enums[i]->name)),
                true);
}

static void add_pbc_messages(pbc_names *names, const message *messages, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const message *msg = &messages[i];
        add_pbc(names, msg->file, msg->full_name, false);
        add_pbc_enums(names, msg->file, msg->full_name, msg->proto->enum_type,
                      msg->proto->n_enum_type);
        add_pbc_messages(names, msg->nested, msg->n_nested);
    }
}

static void check_pbc(const model *m, problems *list) {
    pbc_names names = {.m = m, .list = list};
    for (size_t i = 0; i < m->n_files; i++) {
        const file *f = &m->files[i];
        add_pbc_enums(&names, f, f->package, f->proto->enum_type, f->proto->n_enum_type);
        add_pbc_messages(&names, f->messages, f->n_messages);
    }
    strmap_done(&names.types);
    strmap_done(&names.lowers);
}

void check_identifiers(const model *m, problems *list) {
    check_ours(m, list);
    check_pbc(m, list);
}
