/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the header for clients. */
#include "emit.h"

#define PARAM_OPTIONS " * @param options NULL for the defaults.\n"
#define PARAM_REPLY                                                                                \
    " * @param ret_reply NULL, or receives the reply, owned by the result; NULL unless the "       \
    "status "                                                                                      \
    "is OK.\n"
#define PARAM_CALL " * @param ret_call receives a handle: seal_client_call_unref.\n"
#define RETURN_DONE                                                                                \
    " * @return 0 and done comes once; or SEAL_ERROR_INVALID, SEAL_ERROR_NO_MEMORY, "              \
    "SEAL_ERROR_STATE\n * and it never comes.\n"
#define RETURN_START                                                                               \
    " * @return 0; or SEAL_ERROR_INVALID, SEAL_ERROR_NO_MEMORY, SEAL_ERROR_STATE, "                \
    "SEAL_ERROR_WRONG_THREAD\n * and there is no call.\n"

/* The comment of a stub: before, the name of the method, after, and the lines that follow. */
typedef struct text {
    const char *before;
    const char *after;
    const char *lines;
} text;

/* The same for all kinds of methods. */
static const text texts[STUB_COUNT] = {
    [STUB_GOT] = {"Called with each message of the reply to a call of", " that was asked for,",
                  " * on the loop thread.\n"
                  " * @param message borrowed until return.\n"},
    [STUB_CALL] = {"Calls", ". The request is encoded before the function returns.",
                   " * **Thread-safe.**\n" PARAM_OPTIONS
                   " * @param ret_call NULL, or receives a handle: "
                   "seal_client_call_unref.\n" RETURN_DONE},
    [STUB_SYNC] = {"Calls", " and waits for the end. Blocks: not on a loop thread.",
                   PARAM_REPLY " * @return the result, never NULL: seal_result_free.\n"},
    [STUB_WRITE] = {"Sends one message of a call of", ". It is encoded before the function",
                    " * returns; messages that two threads send at once come in either order. "
                    "**Thread-safe.**\n"
                    " * @return 0; SEAL_ERROR_AGAIN (too much waits for the server: the message "
                    "was not taken, see\n"
                    " * seal_client_call_on_writable); SEAL_ERROR_CLOSED (the call has ended: the "
                    "result says why);\n"
                    " * SEAL_ERROR_STATE (after seal_client_call_end); SEAL_ERROR_INVALID (a call "
                    "of another method, or\n"
                    " * the message lacks something required), SEAL_ERROR_TOO_BIG, "
                    "SEAL_ERROR_NO_MEMORY: not sent.\n"},
    [STUB_PUSH] = {"Sends one message of a call of", ", and waits for room where the",
                   " * write function returns SEAL_ERROR_AGAIN. Blocks: not on a loop thread.\n"
                   " * @return as the write function, and SEAL_ERROR_WRONG_THREAD (a loop thread), "
                   "SEAL_ERROR_INVALID (a\n"
                   " * call that was not started with the start function).\n"},
    [STUB_READ] = {"Waits for the next message of the reply to a call of", ".",
                   " * Blocks: not on a loop thread. One thread at a time.\n"
                   " * @param ret_message receives it, valid until the next read of this call, or "
                   "until its handle is\n"
                   " * dropped; NULL where there is none.\n"
                   " * @return 1; 0: there is none any more, and seal_client_call_finish says how "
                   "the call ended;\n"
                   " * SEAL_ERROR_WRONG_THREAD (a loop thread), SEAL_ERROR_INVALID (a call of "
                   "another method, or one that\n"
                   " * was not started with the start function).\n"},
    [STUB_FINISH] = {"Sends no more messages of a call of", " that was started with the",
                     " * start function, and waits for its end: seal_client_call_finish with a "
                     "typed reply.\n" PARAM_REPLY
                     " * @return the result, never NULL: seal_result_free.\n"},
};

static text done_text(const method *me) {
    if (me->replies_stream)
        return (text){"Called once when a call of", " has ended, and nothing follows.",
                      " * @param result borrowed until return; seal_result_ref keeps it.\n"};
    return (text){"Called once when a call of", " has ended.",
                  " * @param result borrowed until return; seal_result_ref keeps it, and the "
                  "reply with it.\n"
                  " * @param reply NULL unless the status is OK.\n"};
}

static text open_text(const method *me) {
    if (me->requests_stream && me->replies_stream)
        return (text){"Opens a call of", ". Messages are sent with the write function, until",
                      " * seal_client_call_end; those of the reply come to got when they are asked "
                      "for with\n"
                      " * seal_client_call_read. **Thread-safe.**\n" PARAM_OPTIONS
                      " * @param got NULL: messages are passed over.\n" PARAM_CALL RETURN_DONE};
    if (me->requests_stream)
        return (text){
            "Opens a call of", ". Messages are sent with the write function, until",
            " * seal_client_call_end. **Thread-safe.**\n" PARAM_OPTIONS PARAM_CALL RETURN_DONE};
    return (text){"Calls", ". The request is encoded before the function returns. Messages",
                  " * of the reply come to got when they are asked for with "
                  "seal_client_call_read. **Thread-safe.**\n" PARAM_OPTIONS
                  " * @param got NULL: messages are passed over.\n" PARAM_CALL RETURN_DONE};
}

static text start_text(const method *me) {
    if (me->requests_stream && me->replies_stream)
        return (text){"Starts a call of", " for the blocking functions: push sends messages,",
                      " * read waits for those of the reply, and seal_client_call_finish for the "
                      "end. Not on a loop thread.\n" PARAM_OPTIONS PARAM_CALL RETURN_START};
    if (me->requests_stream)
        return (text){
            "Starts a call of", " for the blocking functions: push sends messages.",
            " * The finish function waits for the reply. Not on a loop thread.\n" PARAM_OPTIONS
                PARAM_CALL RETURN_START};
    return (text){"Starts a call of", " for the blocking functions: read waits for the",
                  " * messages of the reply, and seal_client_call_finish for the end. Not on a "
                  "loop thread.\n" PARAM_OPTIONS PARAM_CALL RETURN_START};
}

static text text_of(const method *me, stub which) {
    switch (which) {
    case STUB_DONE:
        return done_text(me);
    case STUB_OPEN:
        return open_text(me);
    case STUB_START:
        return start_text(me);
    default:
        return texts[which];
    }
}

static void emit_stub(const service *s, const method *me, stub which, printer *out) {
    text t = text_of(me, which);
    bool deprecated = stub_is_start(which) && (s->deprecated || me->deprecated);
    const char *attributes = "";
    if (stub_is_start(which))
        attributes = deprecated ? "PROTOBUF_C__DEPRECATED SEAL_MUST_USE " : "SEAL_MUST_USE ";
    else if (which == STUB_FINISH)
        attributes = "SEAL_MUST_USE ";
    printer_text(out, "\n/**\n");
    if (which == STUB_CALL || which == STUB_OPEN)
        emit_comments(out, me->leading, me->trailing);
    printer_line(out, " * %s %s%s", t.before, me->full_name, t.after);
    printer_text(out, t.lines);
    emit_deprecated(out, deprecated);
    printer_text(out, " */\n");
    emit_signature(out, s, me, which, attributes, ";");
}

void emit_client(const service *s, printer *out) {
    printer_text(out, "\n/**\n");
    printer_line(out, " * Makes a channel to %s: seal_channel_new with the class \"%s\" where the",
                 s->full_name, s->spn_class);
    printer_text(out, " * options set no principal and no class.\n */\n");
    emit_signature(out, s, NULL, STUB_CHANNEL_NEW,
                   s->deprecated ? "PROTOBUF_C__DEPRECATED SEAL_MUST_USE " : "SEAL_MUST_USE ", ";");
    for (size_t i = 0; i < s->n_methods; i++)
        for (stub k = STUB_FIRST_OF_CLIENT; k < STUB_COUNT; k++)
            if (!stub_is_private(k) && stub_applies(&s->methods[i], k))
                emit_stub(s, &s->methods[i], k, out);
}
