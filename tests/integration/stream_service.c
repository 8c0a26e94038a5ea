/* SPDX-License-Identifier: Apache-2.0 */
#include "stream_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

stream_service it_flow;

/* ---- Calls ---- */

typedef struct work {
    uint32_t left; /* to send */
    uint32_t next;
    uint64_t sum;
    uint64_t bytes;
    bool stalled;
    bool answered;
    bool owed; /* an item was received and could not be sent */
    char text[16];
    seal_status ending; /* after what is left */
    bool hold;
    Flow__Item item; /* to send */
    uint8_t *data;
} work;

static char no_text[] = "";

/* Assertions are for the test's thread. */
static void check(bool is_right) {
    if (!is_right)
        atomic_fetch_add(&it_s.mistakes, 1);
}

static void *memory(size_t size) {
    void *bytes = calloc(1, size);
    if (bytes == NULL)
        abort();
    return bytes;
}

static work *work_new(void) {
    work *w = memory(sizeof *w);
    flow__item__init(&w->item);
    w->item.text = no_text;
    atomic_fetch_add(&it_flow.alive, 1);
    return w;
}

static void work_end(seal_call *call, work *w) {
    free(w->data);
    free(w);
    atomic_fetch_sub(&it_flow.alive, 1);
    seal_call_unref(call);
}

static bool is(const Flow__Item *item, const char *text) {
    return strcmp(item->text, text) == 0;
}

static void on_cancelled(seal_call *call, void *user) {
    atomic_fetch_add(&it_flow.cancelled, 1);
    seal_call_fail(call, SEAL_STATUS_CANCELLED, "cancelled");
    work_end(call, user);
}

static void end_failed(seal_call *call, work *w) {
    seal_call_fail(call, SEAL_STATUS_ABORTED, "as asked");
    work_end(call, w);
}

static void set_data(work *w, const Flow__Item *item) {
    free(w->data);
    w->data = memory(item->data.len + 1);
    if (item->data.len > 0)
        memcpy(w->data, item->data.data, item->data.len);
    w->item.data.data = w->data;
    w->item.data.len = item->data.len;
}

/* ---- One ---- */

static void fail_with_details(seal_call *call) {
    static char first[] = "first detail";
    static char second[] = "second detail";
    Flow__Item detail = FLOW__ITEM__INIT;
    seal_metadata *trailing = NULL;
    check(seal_metadata_new(NULL, &trailing) == 0);
    check(seal_metadata_add(trailing, "why", "as asked", NULL) == 0);
    detail.text = first;
    check(seal_call_add_detail(call, &detail.base) == 0);
    detail.text = second;
    check(seal_call_add_detail(call, &detail.base) == 0);
    check(seal_call_set_trailing_metadata(call, trailing) == 0);
    seal_metadata_free(trailing);
    seal_call_fail(call, SEAL_STATUS_ABORTED, "with details");
}

static void reply_context(seal_call *call) {
    Flow__Item reply = FLOW__ITEM__INIT;
    char text[128];
    snprintf(text, sizeof text, "%s %s", seal_call_traceparent(call), seal_call_tracestate(call));
    reply.text = text;
    reply.number = (uint32_t)(seal_call_time_left_us(call) / 1000);
    flow_flow_reply_one(call, &reply);
}

static void on_child(const seal_result *result, const Flow__Item *reply, void *user) {
    seal_call *parent = user;
    atomic_store(&it_flow.child_status, (unsigned)seal_result_status(result));
    atomic_fetch_add(&it_flow.children, 1);
    if (reply != NULL)
        flow_flow_reply_one(parent, reply);
    else
        seal_call_fail(parent, seal_result_status(result), "the child: %s",
                       seal_result_message(result));
    seal_call_unref(parent);
}

/* The text of the child is the data of the parent's request. */
static void make_child(seal_call *call, const Flow__Item *request) {
    Flow__Item item = FLOW__ITEM__INIT;
    seal_call_options options;
    char text[32];
    seal_call_options_init(&options);
    seal_call_options_inherit(&options, call);
    snprintf(text, sizeof text, "%.*s", (int)request->data.len, (const char *)request->data.data);
    item.text = text;
    check(flow_flow_call_one(it_flow.child, &item, &options, on_child, seal_call_ref(call), NULL) ==
          0);
}

static void one(seal_call *call, const Flow__Item *request, void *user) {
    (void)user;
    if (is(request, "fail")) {
        fail_with_details(call);
    } else if (is(request, "child")) {
        reply_context(call);
    } else if (is(request, "parent")) {
        make_child(call, request);
    } else if (is(request, "never")) {
        seal_call_on_cancel(seal_call_ref(call), on_cancelled, work_new());
    } else {
        seal_call_send_metadata(call, seal_call_metadata(call));
        seal_call_set_trailing_metadata(call, seal_call_metadata(call));
        flow_flow_reply_one(call, request);
    }
}

/* ---- Down ---- */

static void send_down(seal_call *call, void *user) {
    work *w = user;
    for (; w->left > 0; w->left--) {
        w->item.number = w->next;
        int rc = flow_flow_send_down(call, &w->item);
        if (rc == SEAL_ERROR_AGAIN)
            return;
        if (rc < 0)
            break; /* cancelled: told in a moment */
        w->next++;
    }
    if (w->left > 0 || w->hold)
        return;
    if (w->ending != SEAL_STATUS_OK) {
        end_failed(call, w);
        return;
    }
    seal_call_finish(call);
    work_end(call, w);
}

static void down(seal_call *call, const Flow__Item *request, void *user) {
    (void)user;
    work *w = work_new();
    w->left = request->number;
    w->hold = is(request, "hold");
    w->ending = is(request, "fail") ? SEAL_STATUS_ABORTED : SEAL_STATUS_OK;
    set_data(w, request);
    seal_call_ref(call);
    if (seal_metadata_count(seal_call_metadata(call)) > 0)
        seal_call_send_metadata(call, seal_call_metadata(call));
    seal_call_on_cancel(call, on_cancelled, w);
    seal_call_on_writable(call, send_down, w);
    send_down(call, w);
}

/* ---- Up ---- */

static void reply_up(seal_call *call, work *w) {
    static uint8_t zeros[1000];
    Flow__Item reply = FLOW__ITEM__INIT;
    char sum[32];
    snprintf(sum, sizeof sum, "%llu", (unsigned long long)w->sum);
    reply.number = w->next;
    reply.text = sum;
    reply.data.data = zeros;
    reply.data.len = w->bytes < sizeof zeros ? (size_t)w->bytes : sizeof zeros;
    flow_flow_reply_up(call, &reply);
    work_end(call, w);
}

static void on_up(seal_call *call, const Flow__Item *item, void *user) {
    work *w = user;
    if (item == NULL || is(item, "early")) {
        reply_up(call, w);
        return;
    }
    atomic_fetch_add(&it_flow.received, 1);
    w->next++;
    w->sum += item->number;
    w->bytes += item->data.len;
    if (is(item, "fail"))
        end_failed(call, w);
    else if (!is(item, "stall"))
        seal_call_read(call, 1);
}

static void up(seal_call *call, void *user) {
    (void)user;
    work *w = work_new();
    seal_call_on_cancel(seal_call_ref(call), on_cancelled, w);
    check(flow_flow_receive_up(call, on_up, w) == 0);
    seal_call_read(call, 1);
}

/* ---- Both ---- */

static void send_back(seal_call *call, void *user) {
    work *w = user;
    if (!w->owed)
        return;
    w->item.text = w->text;
    int rc = flow_flow_send_both(call, &w->item);
    if (rc == SEAL_ERROR_AGAIN)
        return;
    w->owed = false;
    if (rc == 0)
        seal_call_read(call, 1);
}

static void on_both(seal_call *call, const Flow__Item *item, void *user) {
    work *w = user;
    if (item == NULL || is(item, "stop")) {
        seal_call_finish(call);
        work_end(call, w);
        return;
    }
    atomic_fetch_add(&it_flow.received, 1);
    if (is(item, "fail")) {
        end_failed(call, w);
    } else if (!is(item, "stall")) {
        set_data(w, item);
        w->item.number = item->number;
        snprintf(w->text, sizeof w->text, "%s", item->text);
        w->owed = true;
        send_back(call, w);
    }
}

static void both(seal_call *call, void *user) {
    (void)user;
    work *w = work_new();
    seal_call_on_cancel(seal_call_ref(call), on_cancelled, w);
    seal_call_on_writable(call, send_back, w);
    if (seal_metadata_count(seal_call_metadata(call)) > 0)
        seal_call_send_metadata(call, seal_call_metadata(call));
    check(flow_flow_receive_both(call, on_both, w) == 0);
    seal_call_read(call, 1);
}

/* ---- The pair ---- */

static const flow_flow_ops ops = {
    .size = sizeof ops, .one = one, .down = down, .up = up, .both = both};

void stream_service_register(seal_server *server) {
    assert_int_equal(flow_flow_register(server, &ops, NULL, NULL), 0);
}

static bool is_idle(void *arg) {
    (void)arg;
    return atomic_load(&it_flow.alive) == 0;
}

void stream_service_wait_idle(void) {
    it_wait(is_idle, NULL, "all streams to be answered");
}

int stream_setup(void **state) {
    (void)state;
    memset(&it_flow, 0, sizeof it_flow);
    it_server_init(&it_s);
    it_s.prepare = stream_service_register;
    it_server_start(&it_s, NULL, NULL);
    it_client_start(&it_c, it_s.target, NULL);
    return 0;
}

int stream_teardown(void **state) {
    (void)state;
    it_client_done(&it_c);
    stream_service_wait_idle();
    assert_int_equal(atomic_load(&it_s.mistakes), 0);
    it_server_done(&it_s);
    return 0;
}
