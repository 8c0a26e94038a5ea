/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_objects.h"

struct seal_channel {
    int unused;
};

struct seal_server {
    int unused;
};

const seal_service *fake_registered;
bool fake_registered_blocking;
const seal_service *fake_channel_service;
const seal_method *fake_method;
const ProtobufCMessage *fake_reply;

static struct seal_channel channel_object;
static struct seal_server server_object;
static const void *registered_ops;
static void *registered_user;

struct seal_result fake_result;

seal_channel *const fake_channel = &channel_object;
seal_server *const fake_server = &server_object;

int seal_server_register(seal_server *server, const seal_service *service, const void *ops,
                         void *user, seal_error **reterr_error) {
    (void)server;
    (void)reterr_error;
    fake_registered = service;
    registered_ops = ops;
    registered_user = user;
    fake_registered_blocking = false;
    return 0;
}

int seal_server_register_blocking(seal_server *server, const seal_service *service, const void *ops,
                                  void *user, seal_error **reterr_error) {
    int rc = seal_server_register(server, service, ops, user, reterr_error);
    fake_registered_blocking = true;
    return rc;
}

void fake_invoke(seal_call *call, const ProtobufCMessage *request) {
    if (call->method->invoke != NULL)
        call->method->invoke(registered_ops, call, request, registered_user);
}

int seal_call_reply(seal_call *call, const seal_method *method, const ProtobufCMessage *reply) {
    if (call->method != method)
        return SEAL_ERROR_INVALID;
    fake_reply = reply;
    return call->client != NULL ? fake_call_ended(call, reply) : 0;
}

int seal_channel_new_for(seal_runtime *runtime, const char *target,
                         const seal_channel_options *options, const seal_service *service,
                         seal_channel **ret_channel, seal_error **reterr_error) {
    (void)runtime;
    (void)target;
    (void)options;
    (void)reterr_error;
    fake_channel_service = service;
    *ret_channel = fake_channel;
    return 0;
}

seal_result *seal_channel_call_sync(seal_channel *channel, const seal_method *method,
                                    const ProtobufCMessage *request,
                                    const seal_call_options *options) {
    (void)channel;
    (void)options;
    seal_call call = {.method = method};
    fake_method = method;
    fake_reply = NULL;
    fake_invoke(&call, request);
    fake_result.reply = fake_reply;
    return &fake_result;
}

int seal_channel_call(seal_channel *channel, const seal_method *method,
                      const ProtobufCMessage *request, const seal_call_options *options,
                      seal_deliver_fn *deliver, seal_any_fn *done, void *user,
                      seal_client_call **ret_call) {
    (void)ret_call;
    deliver(seal_channel_call_sync(channel, method, request, options), done, user);
    return 0;
}

const void *seal_result_reply(const seal_result *result) {
    return result->reply;
}
