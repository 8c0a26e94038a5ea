# SPDX-License-Identifier: Apache-2.0
#[[
sealrpc_generate(TARGET <target> PROTOS <file>...
                 [IMPORT_DIRS <dir>...] [SIDE client|server|both] [PREFIX <word>] [NO_IMPORTS])

Generates x.pb-c.h, x.pb-c.c and, where the file has services, x.seal.h and x.seal.c from each
.proto file, and adds them to the target, which must have been made in the current directory. The
headers are found by the target and by what links it, under the path of the .proto file below its
import directory: #include "demo/v1/x.seal.h".

  PROTOS       relative to the current source directory, or absolute
  IMPORT_DIRS  where imports are found, and what names of .proto files are relative to; default: the
               current source directory. The directories of sealrpc/options.proto and of protobuf's
               own files are always there
  SIDE         whose stubs to make; default: both
  PREFIX       goes before all generated names of services
  NO_IMPORTS   do not generate the messages of imported files too

Imported files, protobuf's well-known types among them, are generated along with the file, unless a
target that this one links already (target_link_libraries comes first) has them. The target needs
sealrpc::sealrpc, which is for the caller to link.
]]

set(_sealrpc_generate_dir ${CMAKE_CURRENT_LIST_DIR})

# Sets <out> to the command of protoc-gen-seal, and <out_depends> to what it has to be built by.
function(_sealrpc_find_plugin out out_depends)
  foreach(target protoc-gen-seal sealrpc::protoc-gen-seal)
    if(TARGET ${target})
      set(${out} $<TARGET_FILE:${target}> PARENT_SCOPE)
      set(${out_depends} ${target} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  if(NOT sealrpc_PROTOC_GEN_SEAL)
    find_program(sealrpc_PROTOC_GEN_SEAL protoc-gen-seal)
  endif()
  if(NOT sealrpc_PROTOC_GEN_SEAL)
    message(FATAL_ERROR "sealrpc_generate: protoc-gen-seal is missing; set sealrpc_PROTOC_GEN_SEAL")
  endif()
  set(${out} ${sealrpc_PROTOC_GEN_SEAL} PARENT_SCOPE)
  set(${out_depends} ${sealrpc_PROTOC_GEN_SEAL} PARENT_SCOPE)
endfunction()

# Sets <out> to the directory with sealrpc/options.proto: of the source tree, or installed.
function(_sealrpc_find_idl out)
  foreach(dir ${sealrpc_IDL_DIR} ${_sealrpc_generate_dir}/../idl
              ${_sealrpc_generate_dir}/../../../share/sealrpc/idl
              ${_sealrpc_generate_dir}/../../../../share/sealrpc/idl)
    if(EXISTS ${dir}/sealrpc/options.proto)
      get_filename_component(dir ${dir} ABSOLUTE)
      set(${out} ${dir} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  message(FATAL_ERROR "sealrpc_generate: sealrpc/options.proto is missing; set sealrpc_IDL_DIR")
endfunction()

# Sets <out> to the path of <file> below the first of the directories that it is in, or to "".
function(_sealrpc_relative out file)
  set(${out} "" PARENT_SCOPE)
  if(file MATCHES "/(google/protobuf/[a-z_]+\\.proto)$")
    set(${out} ${CMAKE_MATCH_1} PARENT_SCOPE)
  endif()
  foreach(dir ${ARGN})
    string(FIND "${file}" "${dir}/" at)
    if(at EQUAL 0)
      string(LENGTH "${dir}/" length)
      string(SUBSTRING "${file}" ${length} -1 relative)
      set(${out} "${relative}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

# Sets <out> to whether the file defines a service.
function(_sealrpc_has_services out file)
  file(READ ${file} text)
  string(REGEX REPLACE
    "\"([^\"\\\\\n]|\\\\.)*\"|'([^'\\\\\n]|\\\\.)*'|//[^\n]*|/\\*([^*]|\\*+[^*/])*\\*+/" " "
    text "${text}")
  if(text MATCHES "(^|[^A-Za-z0-9_.])service[ \t\r\n]+[A-Za-z_][A-Za-z0-9_]*[ \t\r\n]*{")
    set(${out} TRUE PARENT_SCOPE)
  else()
    set(${out} FALSE PARENT_SCOPE)
  endif()
endfunction()

# Sets <out> to the absolute paths of all files that <file> imports, directly or not.
function(_sealrpc_imports out protoc proto_paths file scratch)
  get_filename_component(dir ${scratch} DIRECTORY)
  file(MAKE_DIRECTORY ${dir})
  execute_process(
    COMMAND ${protoc} ${proto_paths} --dependency_out=${scratch}.d
            --descriptor_set_out=${scratch}.set ${file}
    RESULT_VARIABLE result ERROR_VARIABLE errors)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "sealrpc_generate: protoc refuses ${file}:\n${errors}")
  endif()
  file(READ ${scratch}.d text)
  string(REGEX REPLACE "^.*\\.set: *" "" text "${text}")
  string(REGEX REPLACE "\\\\\n *" ";" text "${text}")
  string(STRIP "${text}" text)
  set(found "")
  foreach(path ${text})
    get_filename_component(path "${path}" ABSOLUTE)
    if(NOT path STREQUAL file)
      list(APPEND found "${path}")
    endif()
  endforeach()
  set(${out} "${found}" PARENT_SCOPE)
endfunction()

# Sets <out> to the .proto files that the target and all it links have generated.
function(_sealrpc_generated out target)
  set(found "")
  set(queue ${target})
  set(seen "")
  while(queue)
    list(POP_FRONT queue next)
    if(NOT TARGET ${next} OR next IN_LIST seen)
      continue()
    endif()
    list(APPEND seen ${next})
    get_target_property(protos ${next} SEALRPC_PROTOS)
    if(protos)
      list(APPEND found ${protos})
    endif()
    foreach(property LINK_LIBRARIES INTERFACE_LINK_LIBRARIES)
      get_target_property(linked ${next} ${property})
      if(linked)
        list(APPEND queue ${linked})
      endif()
    endforeach()
  endwhile()
  set(${out} "${found}" PARENT_SCOPE)
endfunction()

function(sealrpc_generate)
  cmake_parse_arguments(PARSE_ARGV 0 arg "NO_IMPORTS" "TARGET;SIDE;PREFIX" "PROTOS;IMPORT_DIRS")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_TARGET OR NOT arg_PROTOS)
    message(FATAL_ERROR "sealrpc_generate(TARGET <target> PROTOS <file>... [IMPORT_DIRS <dir>...] "
                        "[SIDE client|server|both] [PREFIX <word>] [NO_IMPORTS])")
  endif()
  if(NOT TARGET ${arg_TARGET})
    message(FATAL_ERROR "sealrpc_generate: there is no target ${arg_TARGET}")
  endif()
  find_program(SEALRPC_PROTOC protoc)
  find_program(SEALRPC_PROTOC_GEN_C protoc-gen-c)
  if(NOT SEALRPC_PROTOC OR NOT SEALRPC_PROTOC_GEN_C)
    message(FATAL_ERROR "sealrpc_generate: install protobuf-compiler and protobuf-c-compiler")
  endif()
  _sealrpc_find_plugin(plugin plugin_depends)
  _sealrpc_find_idl(idl)

  set(dirs "")
  foreach(dir ${arg_IMPORT_DIRS})
    get_filename_component(dir ${dir} ABSOLUTE)
    list(APPEND dirs ${dir})
  endforeach()
  if(NOT dirs)
    set(dirs ${CMAKE_CURRENT_SOURCE_DIR})
  endif()
  list(APPEND dirs ${idl})
  list(TRANSFORM dirs PREPEND "--proto_path=" OUTPUT_VARIABLE proto_paths)

  set(options protoc_gen_c=${SEALRPC_PROTOC_GEN_C})
  if(arg_SIDE)
    string(APPEND options ,side=${arg_SIDE})
  endif()
  if(arg_PREFIX)
    string(APPEND options ,prefix=${arg_PREFIX})
  endif()
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${arg_TARGET}.seal)
  file(MAKE_DIRECTORY ${output})

  # The files asked for come first; what they import is appended.
  set(files "")
  foreach(proto ${arg_PROTOS})
    get_filename_component(proto ${proto} ABSOLUTE)
    list(APPEND files ${proto})
  endforeach()
  set(asked ${files})
  _sealrpc_generated(elsewhere ${arg_TARGET})
  set(done "")
  set(sources "")
  while(files)
    list(POP_FRONT files proto)
    _sealrpc_relative(name ${proto} ${dirs})
    if(NOT name)
      message(FATAL_ERROR "sealrpc_generate: ${proto} is in none of the IMPORT_DIRS")
    endif()
    if(name IN_LIST done OR name IN_LIST elsewhere)
      continue()
    endif()
    list(APPEND done ${name})
    _sealrpc_imports(imports ${SEALRPC_PROTOC} "${proto_paths}" ${proto} ${output}/.imports/${name})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${proto} ${imports})
    if(NOT arg_NO_IMPORTS AND proto IN_LIST asked)
      foreach(import ${imports})
        # Options leave nothing in the generated messages.
        if(NOT import MATCHES "/(sealrpc/options|google/protobuf/descriptor)\\.proto$")
          list(APPEND files ${import})
        endif()
      endforeach()
    endif()

    string(REGEX REPLACE "\\.proto(devel)?$" "" stem ${output}/${name})
    set(generated ${stem}.pb-c.c ${stem}.pb-c.h)
    _sealrpc_has_services(services ${proto})
    if(services)
      list(APPEND generated ${stem}.seal.c ${stem}.seal.h)
    endif()
    add_custom_command(
      OUTPUT ${generated}
      COMMAND ${SEALRPC_PROTOC} ${proto_paths} --plugin=protoc-gen-seal=${plugin}
              --seal_opt=${options} --seal_out=${output} ${name}
      DEPENDS ${proto} ${imports} ${plugin_depends}
      COMMENT "Generating C from ${name}"
      VERBATIM)
    # protoc-gen-c's output answers to its own warnings.
    set_source_files_properties(${stem}.pb-c.c PROPERTIES COMPILE_OPTIONS -w)
    list(APPEND sources ${generated})
  endwhile()

  set_property(TARGET ${arg_TARGET} APPEND PROPERTY SEALRPC_PROTOS ${done})
  target_sources(${arg_TARGET} PRIVATE ${sources})
  target_include_directories(${arg_TARGET} PUBLIC $<BUILD_INTERFACE:${output}>)
endfunction()
