/* SPDX-License-Identifier: Apache-2.0 */
#include <stdalign.h>
#include <string.h>

#include "call/metadata.h"
#include "client/client_internal.h"
#include "codec/codec.h"

enum { FIRST = 384 };

struct seal_result {
    atomic_size_t refs;
    seal__shared *shared; /* NULL: a static object */
    bool borrows;         /* shared and the peer: the loop alone refers to it */
    seal_status status;
    seal_execution execution;
    seal_error_code cause;
    char *message;
    const char *static_message;
    seal__arena arena;
    ProtobufCMessage *reply;
    seal_peer *peer;
    uint32_t attempts;
    seal_metadata *initial; /* the next three: NULL: none */
    seal_metadata *trailing;
    seal__details *details;
    alignas(max_align_t) uint8_t first[FIRST]; /* what the arena hands out first */
};

static seal_result no_memory = {.status = SEAL_STATUS_RESOURCE_EXHAUSTED,
                                .execution = SEAL_EXECUTION_UNKNOWN,
                                .cause = SEAL_ERROR_NO_MEMORY,
                                .static_message = "out of memory"};

static seal_result wrong_thread = {
    .status = SEAL_STATUS_FAILED_PRECONDITION,
    .execution = SEAL_NOT_EXECUTED,
    .cause = SEAL_ERROR_WRONG_THREAD,
    .static_message = "a blocking call on a loop's thread would hold up all that the loop serves; "
                      "use the asynchronous one, or make it in a blocking handler "
                      "(_register_blocking)"};

seal_result *seal__result_no_memory(void) {
    return &no_memory;
}

seal_result *seal__result_wrong_thread(void) {
    return &wrong_thread;
}

static void init(seal_result *result, seal__shared *shared) {
    memset(result, 0, offsetof(seal_result, first));
    atomic_init(&result->refs, 1);
    result->shared = shared;
    seal__arena_init(&result->arena, &shared->blocks.alloc, 0);
    result->arena.at = result->first;
    result->arena.left = sizeof result->first;
}

seal_result *seal__result_new(seal__shared *shared) {
    seal_result *result = seal__alloc(&shared->alloc, sizeof *result);
    if (result != NULL)
        init(result, seal__shared_ref(shared));
    return result;
}

void seal__results_prepare(seal_runtime *runtime, uint32_t max) {
    seal__spares_init(&runtime->spare_results, seal__runtime_alloc(runtime), sizeof(seal_result),
                      max);
}

seal_result *seal__result_take(seal_runtime *runtime) {
    seal_result *result = seal__spares_take(&runtime->spare_results);
    if (result == NULL)
        result = seal__alloc(seal__runtime_alloc(runtime), sizeof *result);
    if (result == NULL)
        return NULL;
    init(result, runtime->shared);
    result->borrows = true;
    return result;
}

int seal__result_unpack(seal_result *result, const seal_method *method, seal__session *session,
                        const seal__event *event, seal_error **reterr) {
    seal__buf held;
    bool is_held = seal__session_take(session, event, &held);
    if (is_held)
        seal__arena_adopt(&result->arena, &held);
    result->arena.budget = seal__codec_budget(event->len);
    return seal__codec_unpack(method->response, event->data, event->len,
                              is_held ? SEAL__CODEC_VIEWS : SEAL__CODEC_COPIES, &result->arena,
                              &result->reply, reterr);
}

void seal__result_set(seal_result *result, const seal__outcome *outcome, seal_peer *peer) {
    const seal_allocator *alloc = &result->shared->alloc;
    result->status = outcome->status;
    result->execution = outcome->execution;
    result->cause = outcome->cause;
    result->peer = result->borrows ? peer : seal__peer_ref(peer);
    if (outcome->trailing.len > 0 &&
        seal__metadata_from_block(alloc, outcome->trailing, &result->trailing) < 0)
        result->trailing = NULL; /* no memory: the status is worth more */
    if (outcome->status == SEAL_STATUS_OK)
        return;
    result->reply = NULL;
    result->details = seal__details_parse(alloc, outcome->details);
    if (outcome->message != NULL && outcome->message[0] != '\0')
        result->message = seal__strdup(alloc, outcome->message);
}

void seal__result_replied(seal_result *result, seal_peer *peer, uint32_t attempts) {
    result->status = SEAL_STATUS_OK;
    result->execution = SEAL_EXECUTED;
    result->peer = result->borrows ? peer : seal__peer_ref(peer);
    result->attempts = attempts;
}

void seal__result_set_call(seal_result *result, uint32_t attempts, seal_metadata *initial) {
    result->attempts = attempts;
    result->initial = initial;
}

bool seal__result_has_reply(const seal_result *result) {
    return result->reply != NULL;
}

seal_peer *seal__result_peer(const seal_result *result) {
    return result->peer;
}

seal_result *seal__result_failed(seal__shared *shared, int code, const char *text) {
    seal_result *result = seal__result_new(shared);
    if (result == NULL)
        return seal__result_no_memory();
    seal__result_set(result,
                     &(seal__outcome){.status = seal__status_of(code),
                                      .execution = SEAL_NOT_EXECUTED,
                                      .cause = (seal_error_code)code,
                                      .message = text != NULL ? text : seal_error_code_text(code)},
                     NULL);
    return result;
}

seal_status seal__status_of(int code) {
    switch (code) {
    case SEAL_ERROR_INVALID:
        return SEAL_STATUS_INVALID_ARGUMENT;
    case SEAL_ERROR_STATE:
        return SEAL_STATUS_FAILED_PRECONDITION;
    case SEAL_ERROR_CREDENTIALS:
    case SEAL_ERROR_KEYTAB:
    case SEAL_ERROR_CREDENTIALS_EXPIRED:
    case SEAL_ERROR_CLOCK_SKEW:
    case SEAL_ERROR_UNKNOWN_SERVICE:
    case SEAL_ERROR_KERBEROS_CONFIG:
    case SEAL_ERROR_PEER_REFUSED:
    case SEAL_ERROR_AUTHENTICATION:
    case SEAL_ERROR_NOT_MUTUAL:
    case SEAL_ERROR_PROTECTION:
    case SEAL_ERROR_CONTEXT_EXPIRED:
    case SEAL_ERROR_KEY_VERSION:
    case SEAL_ERROR_WRONG_TARGET:
    case SEAL_ERROR_DIRECTORY_UNTRUSTED:
    case SEAL_ERROR_SPN_OWNER:
    case SEAL_ERROR_SPN_DUPLICATE:
        return SEAL_STATUS_UNAUTHENTICATED;
    case SEAL_ERROR_DIRECTORY_DENIED:
        return SEAL_STATUS_PERMISSION_DENIED;
    case SEAL_ERROR_NO_MEMORY:
    case SEAL_ERROR_TOO_MANY:
    case SEAL_ERROR_TOO_BIG:
        return SEAL_STATUS_RESOURCE_EXHAUSTED;
    case SEAL_ERROR_CANCELLED:
        return SEAL_STATUS_CANCELLED;
    case SEAL_ERROR_INTERNAL:
    case SEAL_ERROR_PROTOCOL:
        return SEAL_STATUS_INTERNAL;
    default:
        return SEAL_STATUS_UNAVAILABLE;
    }
}

/* ---- Public ---- */

seal_status seal_result_status(const seal_result *result) {
    return result->status;
}

seal_execution seal_result_execution(const seal_result *result) {
    return result->execution;
}

seal_error_code seal_result_cause(const seal_result *result) {
    return result->cause;
}

const char *seal_result_message(const seal_result *result) {
    if (result->message != NULL)
        return result->message;
    if (result->static_message != NULL)
        return result->static_message;
    return result->status == SEAL_STATUS_OK ? "" : seal_status_name(result->status);
}

const void *seal_result_reply(const seal_result *result) {
    return result->reply;
}

const seal_metadata *seal_result_initial_metadata(const seal_result *result) {
    return result->initial != NULL ? result->initial : seal__metadata_none();
}

const seal_metadata *seal_result_trailing_metadata(const seal_result *result) {
    return result->trailing != NULL ? result->trailing : seal__metadata_none();
}

size_t seal_result_detail_count(const seal_result *result) {
    return seal__details_count(result->details);
}

const char *seal_result_detail_type(const seal_result *result, size_t index) {
    return seal__details_type(result->details, index);
}

seal_bytes seal_result_detail_value(const seal_result *result, size_t index) {
    return seal__details_value(result->details, index);
}

uint32_t seal_result_attempts(const seal_result *result) {
    return result->attempts;
}

const seal_peer *seal_result_peer(const seal_result *result) {
    return result->peer;
}

/* The object is immutable but for its count, which is why users hold it as const. */
static seal_result *counted(const seal_result *result) {
    seal_result *unqualified = NULL;
    memcpy(&unqualified, &result, sizeof result);
    return unqualified;
}

seal_result *seal_result_ref(const seal_result *result) {
    seal_result *r = counted(result);
    if (r->shared != NULL)
        atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

static void release_content(seal_result *result) {
    seal__arena_done(&result->arena);
    if (result->initial != NULL)
        seal_metadata_free(result->initial);
    if (result->trailing != NULL)
        seal_metadata_free(result->trailing);
    seal__release(&result->shared->alloc, result->details);
    seal__release(&result->shared->alloc, result->message);
}

void seal_result_free(seal_result *result) {
    if (result == NULL || result->shared == NULL ||
        atomic_fetch_sub_explicit(&result->refs, 1, memory_order_acq_rel) != 1)
        return;
    seal__shared *shared = result->shared;
    bool borrows = result->borrows;
    release_content(result);
    if (!borrows)
        seal__peer_unref(result->peer);
    seal__release(&shared->alloc, result);
    if (!borrows)
        seal__shared_unref(shared);
}

/* Who got a reference has it from the loop, and so finds what is set here before the loop gives up
 * its own. */
void seal__result_hand_back(seal_runtime *runtime, seal_result *result) {
    if (!result->borrows) {
        seal_result_free(result);
        return;
    }
    if (atomic_load_explicit(&result->refs, memory_order_acquire) == 1) {
        release_content(result);
        seal__spares_give(&runtime->spare_results, result);
        return;
    }
    result->borrows = false;
    seal__peer_ref(result->peer);
    seal__shared_ref(result->shared);
    seal_result_free(result);
}
