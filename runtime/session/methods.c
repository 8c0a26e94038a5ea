/* SPDX-License-Identifier: Apache-2.0 */
/* Method names travel once per connection; afterwards a number stands for them. */
#include "session/internal.h"

/* The client's table is keyed by pointer; alignment makes the low bits of pointers all alike. */
static uint64_t key_of(const char *method) {
    uint64_t bits = (uint64_t)(uintptr_t)method;
    return (bits >> 4) | (bits << 60);
}

uint32_t seal__method_number(const seal__session *session, const char *method) {
    if (method == session->last_method)
        return session->last_number;
    return (uint32_t)(uintptr_t)seal__idmap_find(&session->method_numbers, key_of(method));
}

bool seal__method_add(seal__session *session, const char *method, uint32_t *ret_number) {
    uint32_t number = session->n_methods + 1;
    if (!seal__idmap_insert(&session->method_numbers, key_of(method), (void *)(uintptr_t)number))
        return false;
    session->n_methods = number;
    *ret_number = number;
    return true;
}

static bool make_room(seal__session *session) {
    if (session->n_methods < session->cap_methods)
        return true;
    uint32_t cap = session->cap_methods == 0 ? 16 : session->cap_methods * 2;
    size_t size = 0;
    if (!seal__mul(cap, sizeof *session->methods, &size))
        return false;
    seal__method_ref **methods = seal__resize(session->alloc, session->methods, size);
    if (methods == NULL)
        return false;
    session->methods = methods;
    session->cap_methods = cap;
    return true;
}

/* A name that no method can have takes its number all the same, with no name: its calls are
 * refused. */
static size_t usable_len(const seal__session *session, const seal__headers *headers) {
    if (headers->name_len > SEAL__METHOD_NAME_MAX ||
        headers->name_len > SEAL__NAME_BYTES - session->name_bytes ||
        memchr(headers->name, '\0', headers->name_len) != NULL)
        return 0;
    return headers->name_len;
}

static bool store(seal__session *session, const seal__headers *headers) {
    size_t len = usable_len(session, headers);
    if (!make_room(session))
        return false;
    seal__method_ref *ref = seal__alloc(session->alloc, sizeof *ref + len + 1);
    if (ref == NULL)
        return false;
    char *name = (char *)(ref + 1);
    memcpy(name, headers->name, len);
    name[len] = '\0';
    *ref = (seal__method_ref){.name = name, .len = len};
    session->name_bytes += len;
    session->methods[session->n_methods++] = ref;
    return true;
}

int seal__method_take(seal__session *session, const seal__headers *headers,
                      seal__method_ref **ret_method) {
    uint32_t number = headers->method;
    if (number == 0 || number > session->n_methods + 1 || number > SEAL__METHODS_MAX)
        return SEAL_ERROR_PROTOCOL;
    if (number <= session->n_methods) {
        if (headers->name_len > 0)
            return SEAL_ERROR_PROTOCOL;
    } else if (!store(session, headers)) {
        return SEAL_ERROR_NO_MEMORY;
    }
    *ret_method = session->methods[number - 1];
    return 0;
}

void seal__methods_done(seal__session *session) {
    seal__idmap_done(&session->method_numbers);
    if (session->methods == NULL)
        return;
    for (uint32_t i = 0; i < session->n_methods; i++)
        seal__release(session->alloc, session->methods[i]);
    seal__release(session->alloc, session->methods);
}
