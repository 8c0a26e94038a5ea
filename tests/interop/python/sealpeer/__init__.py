# SPDX-License-Identifier: Apache-2.0
"""A peer of the sealrpc protocol, version 1, written from docs/protocol.md."""
