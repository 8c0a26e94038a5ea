/* SPDX-License-Identifier: Apache-2.0 */
/* The bodies of the stubs of a method: each hands on to one function of gen.h. */
#include "emit.h"

static void emit_invoke(const service *s, const method *me, printer *out) {
    printer_line(out, "    const %s_ops *table = (const %s_ops *)ops;", s->prefix, s->prefix);
    printer_line(out, "    if (table->size < offsetof(%s_ops, %s) + sizeof(table->%s) ||",
                 s->prefix, me->slot, me->slot);
    printer_line(out, "        (table->%s) == NULL)", me->slot);
    printer_line(out, "        return false;");
    if (me->requests_stream) {
        printer_line(out, "    (void)request;");
        printer_line(out, "    (table->%s)(call, user);", me->slot);
    } else {
        printer_line(out, "    (table->%s)(call, (const %s *)request, user);", me->slot,
                     me->input->c_type);
    }
    printer_line(out, "    return true;");
}

/* Calls the typed callback of a message. */
static void emit_message(const service *s, const method *me, stub which, printer *out) {
    bool server = which == STUB_ACCEPT;
    printer_line(out, "    ((%s_%s_%s *)received)(", s->prefix,
                 stub_word(server ? STUB_ON : STUB_GOT), me->snake);
    printer_line(out, "        call, (const %s *)message, user);",
                 (server ? me->input : me->output)->c_type);
}

static void emit_deliver(const service *s, const method *me, printer *out) {
    if (me->replies_stream) {
        printer_line(out, "    ((%s_done_%s *)done)(result, user);", s->prefix, me->snake);
        return;
    }
    printer_line(out, "    ((%s_done_%s *)done)(", s->prefix, me->snake);
    printer_line(out, "        result, (const %s *)seal_result_reply(result), user);",
                 me->output->c_type);
}

static void emit_receive(const service *s, size_t index, printer *out) {
    printer_line(out, "    return seal_call_receive(call, &%s_methods[%zu],", s->prefix, index);
    printer_line(out, "                             %s_accept_%s, (seal_any_fn *)on_message,",
                 s->prefix, s->methods[index].snake);
    printer_line(out, "                             user);");
}

/* A function with a message to send, and what it calls. */
static void emit_outgoing(const service *s, size_t index, const char *function,
                          const char *argument, printer *out) {
    printer_line(out, "    return %s(call, &%s_methods[%zu], (const ProtobufCMessage *)%s);",
                 function, s->prefix, index, argument);
}

/* A function that waits for a message, and what it calls. */
static void emit_incoming(const service *s, size_t index, const char *function, const message *type,
                          printer *out) {
    printer_line(out, "    const ProtobufCMessage *message = NULL;");
    printer_line(out, "    int rc = %s(call, &%s_methods[%zu], &message);", function, s->prefix,
                 index);
    printer_line(out, "    *ret_message = (const %s *)message;", type->c_type);
    printer_line(out, "    return rc;");
}

static void emit_call(const service *s, size_t index, printer *out) {
    printer_line(out, "    return seal_channel_call(channel, &%s_methods[%zu],", s->prefix, index);
    printer_line(out, "                             (const ProtobufCMessage *)request, options,");
    printer_line(out, "                             %s_deliver_%s, (seal_any_fn *)done, user,",
                 s->prefix, s->methods[index].snake);
    printer_line(out, "                             ret_call);");
}

static void emit_sync(const service *s, size_t index, printer *out) {
    printer_line(out, "    seal_result *result = seal_channel_call_sync(");
    printer_line(out,
                 "        channel, &%s_methods[%zu], (const ProtobufCMessage *)request, options);",
                 s->prefix, index);
    printer_line(out, "    if (ret_reply != NULL)");
    printer_line(out, "        *ret_reply = (const %s *)seal_result_reply(result);",
                 s->methods[index].output->c_type);
    printer_line(out, "    return result;");
}

static const char *request_of(const method *me) {
    return me->requests_stream ? "NULL" : "(const ProtobufCMessage *)request";
}

static void emit_open(const service *s, size_t index, printer *out) {
    const method *me = &s->methods[index];
    printer_line(out, "    const seal_stream_callbacks callbacks = {");
    if (me->replies_stream) {
        printer_line(out, "        .message = %s_pass_%s,", s->prefix, me->snake);
        printer_line(out, "        .received = (seal_any_fn *)got,");
    }
    printer_line(out, "        .deliver = %s_deliver_%s,", s->prefix, me->snake);
    printer_line(out, "        .done = (seal_any_fn *)done,");
    printer_line(out, "        .user = user,");
    printer_line(out, "    };");
    printer_line(out, "    return seal_channel_open(channel, &%s_methods[%zu],", s->prefix, index);
    printer_line(out, "                             %s, options,", request_of(me));
    printer_line(out, "                             &callbacks, ret_call);");
}

static void emit_start(const service *s, size_t index, printer *out) {
    printer_line(out, "    return seal_channel_start(channel, &%s_methods[%zu],", s->prefix, index);
    printer_line(out, "                              %s, options,", request_of(&s->methods[index]));
    printer_line(out, "                              ret_call);");
}

/* The call may be of another method: then its reply is no business of this function. */
static void emit_finish(const method *me, printer *out) {
    printer_line(out, "    seal_result *result = seal_client_call_finish(call);");
    printer_line(out, "    const ProtobufCMessage *reply =");
    printer_line(out, "        (const ProtobufCMessage *)seal_result_reply(result);");
    printer_line(out, "    if (reply != NULL && reply->descriptor != &%s__descriptor)",
                 me->output->c_lower);
    printer_line(out, "        reply = NULL;");
    printer_line(out, "    if (ret_reply != NULL)");
    printer_line(out, "        *ret_reply = (const %s *)reply;", me->output->c_type);
    printer_line(out, "    return result;");
}

static void emit_server_body(const service *s, size_t index, stub which, printer *out) {
    const method *me = &s->methods[index];
    if (which == STUB_INVOKE)
        emit_invoke(s, me, out);
    else if (which == STUB_REPLY)
        emit_outgoing(s, index, "seal_call_reply", "reply", out);
    else if (which == STUB_SEND)
        emit_outgoing(s, index, "seal_call_send", "message", out);
    else if (which == STUB_PUT)
        emit_outgoing(s, index, "seal_call_put", "message", out);
    else if (which == STUB_TAKE)
        emit_incoming(s, index, "seal_call_take", me->input, out);
    else if (which == STUB_ACCEPT)
        emit_message(s, me, which, out);
    else
        emit_receive(s, index, out);
}

static void emit_client_body(const service *s, size_t index, stub which, printer *out) {
    const method *me = &s->methods[index];
    if (which == STUB_PASS)
        emit_message(s, me, which, out);
    else if (which == STUB_DELIVER)
        emit_deliver(s, me, out);
    else if (which == STUB_CALL)
        emit_call(s, index, out);
    else if (which == STUB_SYNC)
        emit_sync(s, index, out);
    else if (which == STUB_OPEN)
        emit_open(s, index, out);
    else if (which == STUB_START)
        emit_start(s, index, out);
    else if (which == STUB_WRITE)
        emit_outgoing(s, index, "seal_client_call_write", "message", out);
    else if (which == STUB_PUSH)
        emit_outgoing(s, index, "seal_client_call_put", "message", out);
    else if (which == STUB_READ)
        emit_incoming(s, index, "seal_client_call_take", me->output, out);
    else
        emit_finish(me, out);
}

void emit_function(const service *s, size_t index, stub which, printer *out) {
    printer_char(out, '\n');
    emit_signature(out, s, &s->methods[index], which, "", "");
    printer_line(out, "{");
    if (which < STUB_FIRST_OF_CLIENT)
        emit_server_body(s, index, which, out);
    else
        emit_client_body(s, index, which, out);
    printer_line(out, "}");
}
