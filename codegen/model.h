/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a request as a plain tree: what generated code is made from. */
#ifndef CODEGEN_MODEL_H
#define CODEGEN_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory.h"
#include "plugin.pb-c.h"
#include "problems.h"
#include "settings.h"
#include "strmap.h"

/* FieldDescriptorProto.Type and .Label, as far as they matter. */
enum { TYPE_STRING = 9, TYPE_GROUP = 10, TYPE_MESSAGE = 11, TYPE_BYTES = 12, TYPE_ENUM = 14 };
enum { TYPE_FIRST = 1, TYPE_DOUBLE = 1, TYPE_FLOAT = 2, TYPE_LAST = 18 };
enum { LABEL_OPTIONAL = 1, LABEL_REQUIRED = 2, LABEL_REPEATED = 3 };

typedef struct file file;
typedef struct message message;

/* A message or an enum, found by its full name. */
typedef struct type_entry {
    const char *full_name;
    const file *file;
    message *message; /* NULL: an enum */
} type_entry;

typedef struct field {
    const Spb__FieldDescriptorProto *proto;
    const type_entry *type; /* of messages, groups and enums, else NULL */
    bool synthetic_oneof;   /* proto3 optional */
    int oneof;              /* index of a real oneof, or -1 */
    const char *new_name;   /* what protoc-gen-c is told instead of the name; NULL: the name */
} field;

struct message {
    const Spb__DescriptorProto *proto;
    const file *file;
    const char *full_name;
    const char *c_type;  /* "Demo__V1__HelloRequest" */
    const char *c_lower; /* "demo__v1__hello_request" */
    const char *c_upper; /* "DEMO__V1__HELLO_REQUEST" */
    size_t n_fields;
    field *fields;
    size_t n_nested;
    message *nested;
    size_t n_oneofs;              /* the real ones: synthetic ones come last */
    const char **new_oneof_names; /* as field.new_name */
    bool deep;                    /* contains itself, or something that does: no bound on depth */
    unsigned char color;          /* while deep is computed */
};

typedef struct method {
    const Spb__MethodDescriptorProto *proto;
    const char *snake;     /* "say_hello" */
    const char *slot;      /* "say_hello", or "delete_" */
    const char *full_name; /* "demo.v1.Greeter/SayHello" */
    const char *subject;   /* "Greeter.SayHello", for problems */
    message *input;
    message *output;
    bool requests_stream;
    bool replies_stream;
    bool deprecated;
    const char *leading; /* comments of the .proto, or "" */
    const char *trailing;
} method;

typedef struct service {
    const Spb__ServiceDescriptorProto *proto;
    const file *file;
    const char *full_name; /* "demo.v1.Greeter" */
    const char *prefix;    /* "demo_v1_greeter" */
    const char *spn_class;
    bool deprecated;
    const char *leading;
    const char *trailing;
    size_t n_methods;
    method *methods;
} service;

struct file {
    const Spb__FileDescriptorProto *proto;
    const char *name;
    const char *stem; /* "demo/v1/greeter" */
    const char *package;
    const char *c_package; /* of protobuf-c's option, or NULL */
    const char *comment;   /* of the syntax or package line, or "" */
    bool generate;
    bool proto3;
    bool has_optional; /* proto3 optional fields */
    bool no_pbc;       /* protobuf-c's no_generate: there is no .pb-c.h */
    size_t n_dependencies;
    const file **dependencies;
    size_t n_messages;
    message *messages;
    size_t n_services;
    service *services;
};

typedef struct model {
    pool *pool;
    settings settings;
    size_t n_files;
    file *files; /* in the order of the request */
    strmap files_by_name;
    strmap types; /* full name -> type_entry */
} model;

/* Builds the model. Returns NULL, or why protoc cannot have written the request, in the pool. */
const char *model_build(model *ret_model, const Spb__CodeGeneratorRequest *request, pool *p);

void model_done(model *m);

/* A service with nothing set in proto3 syntax, and the like: NULL becomes "". */
const char *model_text(const char *text_or_null);

#endif
