/* SPDX-License-Identifier: Apache-2.0 */
#include "own_loop.h"

void own_loop_init(own_loop *own) {
    seal_runtime_options options;
    own->runtime = NULL;
    own->channel = NULL;
    assert_int_equal(uv_loop_init(&own->loop), 0);
    seal_runtime_options_init(&options);
    options.loop = &own->loop;
    assert_int_equal(seal_runtime_new(&options, &own->runtime, NULL), 0);
}

void own_loop_connect(own_loop *own, const char *target, const seal_service *service) {
    seal_channel_options options;
    it_channel_options(&options);
    assert_int_equal(
        seal_channel_new_for(own->runtime, target, &options, service, &own->channel, NULL), 0);
}

void own_loop_done(own_loop *own) {
    seal_channel_free(own->channel);
    seal_runtime_free(own->runtime);
    assert_int_equal(uv_run(&own->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&own->loop), 0);
}
