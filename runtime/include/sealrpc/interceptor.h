/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Interceptors: functions around every call, of any kind, for what concerns all methods alike:
 * policy, metrics, logs, traces. What the library itself does of these goes the same way.
 *
 * Interceptors are added to a server or channel before its first call, at most
 * SEAL_MAX_INTERCEPTORS. `begin` runs in the order in which they were added, the other functions in
 * the opposite order, innermost first. Where a `begin` refuses, those behind it do not run, and of
 * those before it `end` does; the one that refuses has none. Every call that a `begin` let through
 * gets `end` exactly once. All functions may be NULL. None may block.
 *
 * `state` points to a pointer of this interceptor's own in this call, NULL at first.
 */
#ifndef SEALRPC_INTERCEPTOR_H
#define SEALRPC_INTERCEPTOR_H

#include <sealrpc/channel.h>
#include <sealrpc/server.h>

SEAL_BEGIN_DECLS

#define SEAL_MAX_INTERCEPTORS 8u

/** A protobuf-c message: see <protobuf-c/protobuf-c.h>. */
struct ProtobufCMessage;

/** How a call ended, and what it took. */
typedef struct seal_call_outcome {
    seal_status status;
    seal_execution execution;
    const char *message;   /**< of a status that is not OK; "" otherwise. Borrowed */
    uint64_t duration_us;  /**< since the call began at this end */
    uint64_t messages_in;  /**< received, from this end's point of view */
    uint64_t messages_out; /**< sent */
} seal_call_outcome;

typedef struct seal_server_interceptor {
    size_t struct_size; /**< set by seal_server_interceptor_init */
    /** A call has come; nothing of its request is decoded. On the call's loop thread.
     * @return true: go on. false: the call ends here, with the status that this function gave it by
     * seal_call_fail, else with PERMISSION_DENIED; NOT_EXECUTED in both cases. */
    bool (*begin)(seal_call *call, void **state, void *user);
    /** A message of the client's was decoded. On the call's loop thread, or on the thread that
     * reads it. Borrowed. */
    void (*received)(seal_call *call, const struct ProtobufCMessage *message, void **state,
                     void *user);
    /** A message is going to be encoded. On the thread that sends it. Borrowed. */
    void (*sent)(seal_call *call, const struct ProtobufCMessage *message, void **state, void *user);
    /** The call is over, whoever ended it, and its handler has let go of it: nothing of this
     * interceptor runs for it any more, on any thread. On the call's loop thread, once. The call
     * may be asked about, but not be kept. */
    void (*end)(seal_call *call, const seal_call_outcome *outcome, void **state, void *user);
} seal_server_interceptor;

static inline void seal_server_interceptor_init(seal_server_interceptor *interceptor) {
    memset(interceptor, 0, sizeof *interceptor);
    interceptor->struct_size = sizeof *interceptor;
}

/** Adds an interceptor; copied. Before the server is started.
 *  @return 0, SEAL_ERROR_INVALID, SEAL_ERROR_STATE (started), SEAL_ERROR_TOO_MANY. */
SEAL_API SEAL_MUST_USE int seal_server_add_interceptor(seal_server *server,
                                                       const seal_server_interceptor *interceptor,
                                                       void *user, seal_error **reterr_error);

typedef struct seal_client_interceptor {
    size_t struct_size; /**< set by seal_client_interceptor_init */
    /** A call is being made. On the thread that makes it. @p metadata is what will be sent with the
     * request, and may be changed until return. @return 0: go on. Negative, a code of error.h: the
     * call fails with that cause, its text and its status (see seal_result_cause), NOT_EXECUTED. */
    int (*begin)(seal_client_call *call, seal_metadata *metadata, void **state, void *user);
    /** A message is going to be encoded. On the thread that sends it. Borrowed. */
    void (*sent)(seal_client_call *call, const struct ProtobufCMessage *message, void **state,
                 void *user);
    /** A message was decoded. On the loop thread, or on the thread that reads it. Borrowed. */
    void (*received)(seal_client_call *call, const struct ProtobufCMessage *message, void **state,
                     void *user);
    /** The call is over, all attempts counted as one. On the loop thread, once, and as the last
     * function: the loop waits for one that is just running on another thread, and what a thread
     * reads or writes afterwards is not shown. The outcome counts it. */
    void (*end)(seal_client_call *call, const seal_result *result, const seal_call_outcome *outcome,
                void **state, void *user);
} seal_client_interceptor;

static inline void seal_client_interceptor_init(seal_client_interceptor *interceptor) {
    memset(interceptor, 0, sizeof *interceptor);
    interceptor->struct_size = sizeof *interceptor;
}

/** Adds an interceptor; copied. Before the channel's first call.
 *  @return 0, SEAL_ERROR_INVALID, SEAL_ERROR_STATE, SEAL_ERROR_TOO_MANY. */
SEAL_API SEAL_MUST_USE int seal_channel_add_interceptor(seal_channel *channel,
                                                        const seal_client_interceptor *interceptor,
                                                        void *user, seal_error **reterr_error);

/** Ready-made: writes a line to the runtime's log for every call that ends (INFO, and WARNING where
 * the status is not OK): principal, method, status, execution, duration. @p user is NULL. */
SEAL_API const seal_server_interceptor *seal_server_log_interceptor(void);

/** Returns the method of a call, such as "demo.Greeter/SayHello". Static. **Thread-safe.** */
SEAL_API const char *seal_client_call_method(const seal_client_call *call);

SEAL_END_DECLS

#endif
