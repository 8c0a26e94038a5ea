/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the header for servers. */
#include "emit.h"

/* ---- Handlers -------------------------------------------------------------------------------- */

static const char *slot_text(const method *me) {
    if (me->requests_stream && me->replies_stream)
        return ": messages come and go as long as both ends want.";
    if (me->requests_stream)
        return ": messages come, and one reply answers them.";
    return me->replies_stream ? ": one request, answered with any number of messages." : ".";
}

static void emit_slot(const method *me, printer *out) {
    printer_indent(out);
    printer_line(out, "/**");
    emit_comments(out, me->leading, me->trailing);
    printer_line(out, " * Handles %s%s", me->full_name, slot_text(me));
    emit_deprecated(out, me->deprecated);
    printer_line(out, " */");
    if (me->requests_stream)
        printer_line(out, "void (*%s)(seal_call *call, void *user);", me->slot);
    else
        printer_line(out, "void (*%s)(seal_call *call, const %s *request, void *user);", me->slot,
                     me->input->c_type);
    printer_outdent(out);
}

static bool has_reply_streams(const service *s) {
    for (size_t i = 0; i < s->n_methods; i++)
        if (s->methods[i].replies_stream)
            return true;
    return false;
}

static void emit_ops(const service *s, printer *out) {
    printer_text(out, "\n/**\n");
    printer_line(out, " * Handlers of %s. Set size to sizeof(%s_ops); a slot that is NULL answers",
                 s->full_name, s->prefix);
    printer_text(
        out, " * UNIMPLEMENTED. A handler answers its call once, with the reply function of the "
             "method or with\n"
             " * seal_call_fail, before it returns or later, and from any thread. The call and its "
             "request live until\n"
             " * the handler returns or, when it has called seal_call_ref, until that reference is "
             "dropped.\n");
    if (has_reply_streams(s))
        printer_text(out, " * Where the replies are a stream, seal_call_finish stands for the "
                          "reply function.\n");
    printer_text(out, " */\n");
    printer_line(out, "typedef struct %s_ops {", s->prefix);
    printer_line(out, "    size_t size;");
    for (size_t i = 0; i < s->n_methods; i++)
        emit_slot(&s->methods[i], out);
    printer_line(out, "} %s_ops;", s->prefix);
}

static void emit_register(const service *s, stub which, printer *out) {
    printer_text(out, "\n/**\n");
    if (which == STUB_REGISTER) {
        printer_line(out, " * Registers %s with a server that has not been started.", s->full_name);
    } else {
        printer_line(out, " * Registers %s with handlers that may block: each call has a worker",
                     s->full_name);
        printer_text(out, " * thread of its own (seal_server_options.worker_threads) until its "
                          "handler returns.\n");
    }
    printer_text(out,
                 " * @param ops borrowed until the server is freed.\n"
                 " * @param user passed to every handler.\n"
                 " * @return 0, SEAL_ERROR_INVALID, SEAL_ERROR_ALREADY, SEAL_ERROR_STATE.\n */\n");
    emit_signature(out, s, NULL, which, "SEAL_MUST_USE ", ";");
}

/* ---- Methods --------------------------------------------------------------------------------- */

/* The comment of a stub: before, the name of the method, after, and the lines that follow. */
typedef struct text {
    const char *before;
    const char *after;
    const char *lines;
} text;

static const text texts[STUB_FIRST_OF_CLIENT] = {
    [STUB_REPLY] = {"Answers a call of", ". The reply is encoded before the function returns.",
                    " * **Thread-safe.**\n"
                    " * @return 0, SEAL_ERROR_ALREADY, SEAL_ERROR_INVALID (a call of another "
                    "method), SEAL_ERROR_TOO_BIG.\n"},
    [STUB_ON] = {"Called with each message of a call of", " that was asked for,",
                 " * on the call's loop thread.\n"
                 " * @param message borrowed until return; NULL: the client sends no more, and "
                 "nothing follows.\n"},
    [STUB_RECEIVE] = {"Sets where the messages of a call of", " go: once, in the handler or later.",
                      " * They come when they are asked for with seal_call_read. On the call's "
                      "loop thread.\n"
                      " * @return 0, SEAL_ERROR_ALREADY, SEAL_ERROR_INVALID (a call of another "
                      "method).\n"},
    [STUB_SEND] = {"Sends one message of the reply to a call of", ". It is encoded before the",
                   " * function returns; messages that two threads send at once come in either "
                   "order. **Thread-safe.**\n"
                   " * @return 0; SEAL_ERROR_AGAIN (too much waits for the client: the message "
                   "was not taken, see\n"
                   " * seal_call_on_writable); SEAL_ERROR_CANCELLED (nobody waits for it any "
                   "more: the call is still\n"
                   " * to be answered); SEAL_ERROR_ALREADY (answered); SEAL_ERROR_INVALID (a call "
                   "of another method, or\n"
                   " * the message lacks something required), SEAL_ERROR_TOO_BIG, "
                   "SEAL_ERROR_NO_MEMORY: not sent.\n"},
    [STUB_TAKE] = {"In a blocking handler: waits for the next message of a call of", ".",
                   " * @param ret_message receives it, valid until the next take of this call, or "
                   "its end; NULL where\n"
                   " * there is none.\n"
                   " * @return 1; 0: the client sends no more; SEAL_ERROR_CANCELLED (cancel, "
                   "deadline or connection\n"
                   " * lost: the call is still to be answered); SEAL_ERROR_WRONG_THREAD (a loop "
                   "thread); SEAL_ERROR_INVALID\n"
                   " * (a call of another method, or its handler is not a blocking one).\n"},
    [STUB_PUT] = {"In a blocking handler: sends one message of the reply to a call of", ",",
                  " * and waits for room where the send function returns SEAL_ERROR_AGAIN.\n"
                  " * @return as the send function, and SEAL_ERROR_WRONG_THREAD (a loop thread), "
                  "SEAL_ERROR_INVALID (its\n"
                  " * handler is not a blocking one).\n"},
};

static void emit_method(const service *s, const method *me, printer *out) {
    for (stub k = STUB_FIRST_OF_SERVER; k < STUB_FIRST_OF_CLIENT; k++) {
        if (stub_is_private(k) || !stub_applies(me, k))
            continue;
        printer_text(out, "\n/**\n");
        printer_line(out, " * %s %s%s", texts[k].before, me->full_name, texts[k].after);
        printer_text(out, texts[k].lines);
        printer_text(out, " */\n");
        emit_signature(out, s, me, k, "", ";");
    }
}

void emit_server(const service *s, printer *out) {
    emit_ops(s, out);
    emit_register(s, STUB_REGISTER, out);
    emit_register(s, STUB_REGISTER_BLOCKING, out);
    for (size_t i = 0; i < s->n_methods; i++)
        emit_method(s, &s->methods[i], out);
}
