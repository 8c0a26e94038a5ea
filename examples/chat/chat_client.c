/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: chat-client TARGET ROOM
 *
 * Says in the room what it reads from standard input, line by line, and prints what is said there.
 * At the end of the input (Ctrl-D) it leaves, after everything that was said before has come.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "chat.seal.h"
#include "text.h"

enum { MAX_LINE = 1000 };

typedef struct session {
    seal_client_call *call;
    pthread_t listener;
    int ended[2]; /* a pipe: closed when no more events come */
    bool gap;     /* an event was missing: a broken promise */
} session;

/* ---- Listening: a thread of its own ---------------------------------------------------------- */

static void print_event(const Demo__Event *e) {
    char who[256];
    char text[MAX_LINE + 1];
    snprintf(who, sizeof who, "%s", e->who);
    snprintf(text, sizeof text, "%s", e->text);
    text_clean(who);
    text_clean(text);
    if (e->kind == DEMO__EVENT__KIND__SAID)
        printf("%s: %s\n", who, text);
    else
        printf("* %s %s\n", who,
               e->kind == DEMO__EVENT__KIND__ENTERED ? "has entered" : "has left");
    fflush(stdout);
}

static void *listen_to(void *user) {
    session *s = user;
    const Demo__Event *e = NULL;
    uint64_t expected = 0;
    while (demo_chat_read_join(s->call, &e) == 1) {
        s->gap |= expected != 0 && e->number != expected;
        expected = e->number + 1;
        print_event(e);
    }
    close(s->ended[1]);
    return NULL;
}

/* ---- Speaking -------------------------------------------------------------------------------- */

/* false: the call has ended, or nearly so. */
static bool say(session *s, char *text) {
    Demo__Line line = DEMO__LINE__INIT;
    text_clean(text);
    line.what_case = DEMO__LINE__WHAT_TEXT;
    line.text = text;
    return text[0] == '\0' || demo_chat_push_join(s->call, &line) == 0;
}

/* Standard input as lines. One that is longer than a line may be is said in pieces. */
typedef struct input {
    char bytes[MAX_LINE + 1];
    size_t len;
} input;

/* Says the first n bytes, and drops them and what separates them from the rest. */
static bool say_first(session *s, input *in, size_t n, size_t separator) {
    char text[MAX_LINE + 1];
    memcpy(text, in->bytes, n);
    text[n > 0 && text[n - 1] == '\r' ? n - 1 : n] = '\0';
    in->len -= n + separator;
    memmove(in->bytes, in->bytes + n + separator, in->len);
    return say(s, text);
}

/* Says the lines that are complete. */
static bool say_lines(session *s, input *in) {
    for (;;) {
        const char *end = memchr(in->bytes, '\n', in->len);
        if (end == NULL && in->len < MAX_LINE)
            return true;
        size_t n = end != NULL ? (size_t)(end - in->bytes) : in->len;
        if (!say_first(s, in, n, end != NULL ? 1 : 0))
            return false;
    }
}

/* Returns when the input has ended (true), or the call has (false). */
static bool speak(session *s) {
    input in = {.len = 0};
    struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                            {.fd = s->ended[0], .events = POLLIN}};
    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return false;
        if (fds[1].revents != 0)
            return false;
        if (fds[0].revents == 0)
            continue;
        ssize_t n = read(STDIN_FILENO, in.bytes + in.len, sizeof in.bytes - 1 - in.len);
        if (n <= 0)
            return say_first(s, &in, in.len, 0);
        in.len += (size_t)n;
        if (!say_lines(s, &in))
            return false;
    }
}

/* ---- The call -------------------------------------------------------------------------------- */

static bool enter(session *s, seal_channel *channel, char *room) {
    seal_call_options options;
    seal_call_options_init(&options);
    options.timeout_us = SEAL_NO_DEADLINE;
    Demo__Line line = DEMO__LINE__INIT;
    line.what_case = DEMO__LINE__WHAT_ROOM;
    line.room = room;
    if (demo_chat_start_join(channel, &options, &s->call) < 0)
        return false;
    int rc = demo_chat_push_join(s->call, &line);
    return rc == 0 || rc == SEAL_ERROR_CLOSED; /* then the result says why */
}

static int report(const session *s, const seal_result *result, bool complete) {
    if (seal_result_status(result) != SEAL_STATUS_OK)
        fprintf(stderr, "chat-client: %s: %s\n", seal_status_name(seal_result_status(result)),
                seal_result_message(result));
    else if (!complete)
        fprintf(stderr, "chat-client: the server has ended the call before the input ended\n");
    else if (s->gap)
        fprintf(stderr, "chat-client: events were missing\n");
    else
        return 0;
    return 1;
}

static int chat(seal_channel *channel, char *room) {
    session s = {.call = NULL};
    int status = 1;
    if (pipe(s.ended) != 0)
        return 1;
    bool started = enter(&s, channel, room);
    bool listening = started && pthread_create(&s.listener, NULL, listen_to, &s) == 0;
    if (listening) {
        bool complete = speak(&s);
        seal_client_call_end(s.call);
        pthread_join(s.listener, NULL);
        seal_result *result = seal_client_call_finish(s.call);
        status = report(&s, result, complete);
        seal_result_free(result);
    } else {
        fprintf(stderr, "chat-client: there is no call: no memory, or no thread\n");
        if (s.call != NULL)
            seal_client_call_cancel(s.call);
        close(s.ended[1]);
    }
    close(s.ended[0]);
    seal_client_call_unref(s.call);
    return status;
}

int main(int argc, char **argv) {
    seal_channel *channel = NULL;
    seal_error *error = NULL;
    if (argc != 3) {
        fprintf(stderr, "usage: chat-client TARGET ROOM\n");
        return 2;
    }
    if (demo_chat_channel_new(NULL, argv[1], NULL, &channel, &error) < 0) {
        fprintf(stderr, "chat-client: %s\n", seal_error_message(error));
        seal_error_free(error);
        return 2;
    }
    int status = chat(channel, argv[2]);
    seal_channel_free(channel);
    return status;
}
