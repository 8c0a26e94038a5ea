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

#define SEAL_GEN_ABI 1

typedef enum seal_idempotency {
    SEAL_IDEMPOTENCY_UNKNOWN = 0,
    SEAL_NO_SIDE_EFFECTS = 1,
    SEAL_IDEMPOTENT = 2
} seal_idempotency;

/** Bits of seal_method.flags. */
#define SEAL_METHOD_CLIENT_STREAMING (1u << 0)
#define SEAL_METHOD_SERVER_STREAMING (1u << 1)
#define SEAL_METHOD_DEPRECATED (1u << 2)
/** The request type (or response type) can reach a type that contains itself, so its depth is
 *  checked before decoding. */
#define SEAL_METHOD_REQUEST_RECURSIVE (1u << 3)
#define SEAL_METHOD_RESPONSE_RECURSIVE (1u << 4)

/**
 * Runs the handler of one method: the generated, typed step from the library to the ops structure.
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
    seal_invoke_fn *invoke; /**< NULL for streaming methods */
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
 * is freed. A NULL slot answers UNIMPLEMENTED.
 * @param user passed to every handler.
 * @return 0, SEAL_ERROR_INVALID (ABI mismatch: run the generator again), SEAL_ERROR_ALREADY (the
 * service is registered), SEAL_ERROR_STATE (the server was started).
 */
SEAL_API SEAL_MUST_USE int seal_server_register(seal_server *server, const seal_service *service,
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

/** Calls the typed callback @p done of a stub: the generated step. Once, on the loop thread, when
 * the call has ended. @p result is borrowed until return. */
typedef void seal_deliver_fn(const seal_result *result, seal_any_fn *done, void *user);

/**
 * Starts a unary call. The request is encoded before the function returns. **Thread-safe.**
 * @param deliver is called with @p done and @p user.
 * @param ret_call NULL, or receives a handle: seal_client_call_unref.
 * @return 0 and @p deliver comes once; or SEAL_ERROR_INVALID, SEAL_ERROR_NO_MEMORY,
 * SEAL_ERROR_STATE (the channel is being freed), and it never comes. Every other failure comes
 * through @p deliver.
 */
SEAL_API SEAL_MUST_USE int seal_channel_call(seal_channel *channel, const seal_method *method,
                                             const ProtobufCMessage *request,
                                             const seal_call_options *options,
                                             seal_deliver_fn *deliver, seal_any_fn *done,
                                             void *user, seal_client_call **ret_call);

/** The same, waiting for the end. Blocks: on a loop thread it returns FAILED_PRECONDITION at once.
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
