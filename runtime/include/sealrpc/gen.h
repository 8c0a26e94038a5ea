/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What generated code uses. Programs include the generated x.seal.h instead. The structures are
 * read by the library as they were compiled into the program; SEAL_GEN_ABI changes when their
 * layout does.
 */
#ifndef SEALRPC_GEN_H
#define SEALRPC_GEN_H

#include <protobuf-c/protobuf-c.h>

#include <sealrpc/channel.h>
#include <sealrpc/server.h>

SEAL_BEGIN_DECLS

#define SEAL_GEN_ABI 2

typedef enum seal_idempotency {
    SEAL_IDEMPOTENCY_UNKNOWN = 0,
    SEAL_NO_SIDE_EFFECTS = 1,
    SEAL_IDEMPOTENT = 2
} seal_idempotency;

/** Bits of seal_method.flags. */
#define SEAL_METHOD_CLIENT_STREAMING (1u << 0)
#define SEAL_METHOD_SERVER_STREAMING (1u << 1)
#define SEAL_METHOD_DEPRECATED (1u << 2)
/** The request type (or response type) can reach a type that contains itself. For programs that
 * look at services: the decoder limits the depth of every message. */
#define SEAL_METHOD_REQUEST_RECURSIVE (1u << 3)
#define SEAL_METHOD_RESPONSE_RECURSIVE (1u << 4)

/**
 * Runs the handler of one method: the generated, typed step from the library to the ops structure.
 * @param request NULL where the method streams its requests.
 * @return false when the structure has no handler for the method (NULL, or it ends before the
 * slot).
 */
typedef bool seal_invoke_fn(const void *ops, seal_call *call, const ProtobufCMessage *request,
                            void *user);

/** One method, as compiled into the stubs. */
typedef struct seal_method {
    const char *name;      /**< "SayHello" */
    const char *full_name; /**< "demo.Greeter/SayHello": the name on the wire */
    const ProtobufCMessageDescriptor *request;
    const ProtobufCMessageDescriptor *response;
    seal_invoke_fn *invoke;
    uint32_t flags;
    seal_level min_level; /**< 0: the server's and the channel's floor */
    seal_idempotency idempotency;
    uint64_t timeout_us;   /**< default deadline of the method; 0: the channel's */
    uint32_t max_request;  /**< bytes; 0: the server's limit */
    uint32_t max_response; /**< bytes; 0: the channel's limit */
    /** Who may call: principals "alice@REALM" or whole realms "*@REALM"; NULL-terminated. NULL:
     * every authenticated peer. */
    const char *const *allow;
} seal_method;

/** One service, as compiled into the stubs. */
typedef struct seal_service {
    uint32_t abi;          /**< SEAL_GEN_ABI of the generator */
    uint32_t method_size;  /**< sizeof(seal_method) when it was compiled */
    const char *full_name; /**< "demo.Greeter" */
    const char *spn_class; /**< "greeter" */
    size_t n_methods;
    const seal_method *methods;
} seal_service;

/**
 * Registers a service with a server, before it is started.
 * @param ops the generated ops structure, whose first member is its size; borrowed until the server
 * is freed. A slot that is NULL, or not within the size, answers UNIMPLEMENTED.
 * @param user passed to every handler.
 * @return 0, SEAL_ERROR_INVALID (ABI mismatch: run the generator again; or the size is 0),
 * SEAL_ERROR_ALREADY (the service is registered), SEAL_ERROR_STATE (the server was started).
 */
SEAL_API SEAL_MUST_USE int seal_server_register(seal_server *server, const seal_service *service,
                                                const void *ops, void *user,
                                                seal_error **reterr_error);

/** The same for handlers that block: they run on the server's worker threads. */
SEAL_API SEAL_MUST_USE int seal_server_register_blocking(seal_server *server,
                                                         const seal_service *service,
                                                         const void *ops, void *user,
                                                         seal_error **reterr_error);

/** Answers a call; the message is encoded before the function returns. **Thread-safe.**
 *  @return 0, SEAL_ERROR_ALREADY, SEAL_ERROR_INVALID (the call is of another method; it is not
 *  answered. Or the reply lacks something required; the client gets INTERNAL), SEAL_ERROR_TOO_BIG
 *  (over the reply limit) or SEAL_ERROR_NO_MEMORY; the client gets RESOURCE_EXHAUSTED. */
SEAL_API int seal_call_reply(seal_call *call, const seal_method *method,
                             const ProtobufCMessage *reply);

/** Any function: the typed callback of a stub on its way through the library. */
typedef void seal_any_fn(void);

/* ---- Streams at the server ---- */

/** Calls the typed callback @p received: the generated step. On the call's loop thread. @p message
 * is borrowed until return; NULL: the client sends no more, and nothing follows. */
typedef void seal_call_message_fn(seal_call *call, const ProtobufCMessage *message,
                                  seal_any_fn *received, void *user);

/** Sets where the messages of a streaming request go, once, in the handler or later; then ask for
 * them with seal_call_read. On the call's loop thread.
 * @return 0, SEAL_ERROR_ALREADY, SEAL_ERROR_INVALID (the call is of another method, or its handler
 * is a blocking one). */
SEAL_API int seal_call_receive(seal_call *call, const seal_method *method,
                               seal_call_message_fn *deliver, seal_any_fn *received, void *user);

/** Sends one message of a streaming reply; encoded before the function returns. **Thread-safe**;
 *  messages that two threads send at once come in either order.
 *  @return 0; SEAL_ERROR_AGAIN (64 KiB or more wait: the message was not taken; see
 *  seal_call_on_writable); SEAL_ERROR_CANCELLED (nobody waits for it any more: the call is still to
 *  be answered); SEAL_ERROR_ALREADY (answered); SEAL_ERROR_INVALID, SEAL_ERROR_TOO_BIG,
 *  SEAL_ERROR_NO_MEMORY: not sent. */
SEAL_API int seal_call_send(seal_call *call, const seal_method *method,
                            const ProtobufCMessage *message);

/** For blocking handlers: waits for the next message of a streaming request.
 *  @param ret_message valid until the next take of this call, or its end.
 *  @return 1; 0: the client sends no more; SEAL_ERROR_CANCELLED (cancel, deadline or connection
 * lost: the call is still to be answered); SEAL_ERROR_WRONG_THREAD (on a loop thread, such as in a
 * callback); SEAL_ERROR_INVALID (the call is of another method, or its handler is not a blocking
 * one, wherever it is called). */
SEAL_API int seal_call_take(seal_call *call, const seal_method *method,
                            const ProtobufCMessage **ret_message);

/** For blocking handlers: seal_call_send that waits for room instead of SEAL_ERROR_AGAIN. Errors as
 * there, and as with seal_call_take. */
SEAL_API int seal_call_put(seal_call *call, const seal_method *method,
                           const ProtobufCMessage *message);

/** Adds a detail to the status of a call that is going to fail: a message of any type, which the
 *  client gets as google.protobuf.Any with "type.googleapis.com/" and its full name. Encoded before
 *  the function returns. **Thread-safe.** @return 0, SEAL_ERROR_ALREADY (answered),
 * SEAL_ERROR_TOO_BIG (over 16 KiB in all), SEAL_ERROR_INVALID, SEAL_ERROR_NO_MEMORY. */
SEAL_API int seal_call_add_detail(seal_call *call, const ProtobufCMessage *detail);

/** Calls the typed callback @p done of a stub: the generated step. Once, on the loop thread, when
 * the call has ended. @p result is borrowed until return. */
typedef void seal_deliver_fn(const seal_result *result, seal_any_fn *done, void *user);

/**
 * Starts a unary call. The request is encoded before the function returns. **Thread-safe.**
 * @param deliver is called with @p done and @p user.
 * @param ret_call NULL, or receives a handle: seal_client_call_unref.
 * @return 0 and @p deliver comes once; or SEAL_ERROR_INVALID (the request or an option:
 * seal_channel_call_sync says which), SEAL_ERROR_NO_MEMORY, SEAL_ERROR_STATE (the channel is being
 * freed), and it never comes. Every other failure comes through @p deliver.
 */
SEAL_API SEAL_MUST_USE int seal_channel_call(seal_channel *channel, const seal_method *method,
                                             const ProtobufCMessage *request,
                                             const seal_call_options *options,
                                             seal_deliver_fn *deliver, seal_any_fn *done,
                                             void *user, seal_client_call **ret_call);

/** Calls the typed callback @p received: the generated step. On the loop thread. @p message is
 * borrowed until return. */
typedef void seal_client_message_fn(seal_client_call *call, const ProtobufCMessage *message,
                                    seal_any_fn *received, void *user);

/** Where the messages and the end of a streaming call go. */
typedef struct seal_stream_callbacks {
    seal_client_message_fn
        *message;          /**< NULL where the method has one reply: it is in the result */
    seal_any_fn *received; /**< for message; NULL: messages are passed over */
    seal_deliver_fn *deliver;
    seal_any_fn *done;
    void *user;
} seal_stream_callbacks;

/**
 * Opens a streaming call. **Thread-safe.**
 * @param request the one request, encoded before the function returns; NULL where requests are a
 * stream.
 * @param callbacks copied.
 * @param ret_call receives a handle: seal_client_call_unref. NULL only where nothing is to be done
 * with it: without it no message can be asked for or sent.
 * @return as seal_channel_call.
 */
SEAL_API SEAL_MUST_USE int seal_channel_open(seal_channel *channel, const seal_method *method,
                                             const ProtobufCMessage *request,
                                             const seal_call_options *options,
                                             const seal_stream_callbacks *callbacks,
                                             seal_client_call **ret_call);

/** Sends one message of a streaming request; encoded before the function returns. **Thread-safe**;
 *  messages that two threads send at once come in either order.
 *  @return 0; SEAL_ERROR_AGAIN (64 KiB or more wait: the message was not taken; see
 *  seal_client_call_on_writable); SEAL_ERROR_CLOSED (the call has ended: the result says why);
 *  SEAL_ERROR_STATE (after seal_client_call_end); SEAL_ERROR_INVALID, SEAL_ERROR_TOO_BIG,
 *  SEAL_ERROR_NO_MEMORY: not sent. */
SEAL_API int seal_client_call_write(seal_client_call *call, const seal_method *method,
                                    const ProtobufCMessage *message);

/** Starts a streaming call for the blocking functions below. Any thread but a loop's, of whatever
 *  runtime: there open it, or make it in a blocking handler.
 *  @return as seal_channel_open, and SEAL_ERROR_WRONG_THREAD. */
SEAL_API SEAL_MUST_USE int seal_channel_start(seal_channel *channel, const seal_method *method,
                                              const ProtobufCMessage *request,
                                              const seal_call_options *options,
                                              seal_client_call **ret_call);

/** Waits for the next message of a streaming reply. One thread at a time.
 *  @param ret_message valid until the next read of this call, or until its handle is dropped.
 *  @return 1; 0: there is none any more: seal_client_call_finish says how the call ended;
 *  SEAL_ERROR_WRONG_THREAD, SEAL_ERROR_INVALID (the call is of another method, or was not started
 *  with a start function). */
SEAL_API int seal_client_call_take(seal_client_call *call, const seal_method *method,
                                   const ProtobufCMessage **ret_message);

/** seal_client_call_write that waits for room instead of SEAL_ERROR_AGAIN. Errors as there, and as
 * with seal_client_call_take. */
SEAL_API int seal_client_call_put(seal_client_call *call, const seal_method *method,
                                  const ProtobufCMessage *message);

/** The same as seal_channel_call, waiting for the end. Blocks: on a loop thread, of whatever
 * runtime, it returns FAILED_PRECONDITION at once. What the call cannot start with is in the
 * message.
 *  @return the result, never NULL: seal_result_free. */
SEAL_API SEAL_MUST_USE seal_result *seal_channel_call_sync(seal_channel *channel,
                                                           const seal_method *method,
                                                           const ProtobufCMessage *request,
                                                           const seal_call_options *options);

/** seal_channel_new with the service's SPN class where the options set none. */
SEAL_API SEAL_MUST_USE int seal_channel_new_for(seal_runtime *runtime, const char *target,
                                                const seal_channel_options *options,
                                                const seal_service *service,
                                                seal_channel **ret_channel,
                                                seal_error **reterr_error);

SEAL_END_DECLS

#endif
