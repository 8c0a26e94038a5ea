#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A protoc plugin that keeps the request in the file $SEAL_REQUEST and generates nothing.
set -eu
cat >"$SEAL_REQUEST"
printf '\020\001' # supported_features: proto3 optional
