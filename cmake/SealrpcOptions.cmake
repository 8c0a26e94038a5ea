# SPDX-License-Identifier: Apache-2.0
# Options, and how everything is compiled: warnings, hardening, sanitizers.
option(SEALRPC_TESTS "Build the tests" ON)
option(SEALRPC_FUZZ "Build the fuzzers (clang)" OFF)
option(SEALRPC_WERROR "Warnings are errors" ON)
set(SEALRPC_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=, such as address,undefined")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

include(CheckCCompilerFlag)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

# Every target of ours links this one.
add_library(sealrpc_warnings INTERFACE)
target_compile_options(sealrpc_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes
  -Wundef -Wformat=2 -Wimplicit-fallthrough -Wpointer-arith -Wwrite-strings)
if(SEALRPC_WERROR)
  target_compile_options(sealrpc_warnings INTERFACE -Werror)
endif()
target_compile_definitions(sealrpc_warnings INTERFACE _GNU_SOURCE)

# Hardening: each flag only where the compiler knows it.
foreach(flag -fstack-protector-strong -fstack-clash-protection -fcf-protection=full
        -ftrivial-auto-var-init=zero -fno-strict-aliasing -fno-delete-null-pointer-checks)
  string(MAKE_C_IDENTIFIER "SEALRPC_HAS${flag}" have)
  check_c_compiler_flag(${flag} ${have})
  if(${have})
    add_compile_options(${flag})
  endif()
endforeach()
if(SEALRPC_SANITIZE)
  add_compile_options(-fsanitize=${SEALRPC_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SEALRPC_SANITIZE})
else()
  add_compile_options($<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=3>)
endif()
add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code)
