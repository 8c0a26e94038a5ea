/* SPDX-License-Identifier: Apache-2.0 */
#include "keywords.h"

#include <stddef.h>
#include <string.h>

static const char *const protobuf_c_words[] = {"and",
                                               "and_eq",
                                               "asm",
                                               "auto",
                                               "bitand",
                                               "bitor",
                                               "bool",
                                               "break",
                                               "case",
                                               "catch",
                                               "char",
                                               "class",
                                               "compl",
                                               "const",
                                               "const_cast",
                                               "continue",
                                               "default",
                                               "delete",
                                               "do",
                                               "double",
                                               "dynamic_cast",
                                               "else",
                                               "enum",
                                               "explicit",
                                               "extern",
                                               "false",
                                               "float",
                                               "for",
                                               "friend",
                                               "goto",
                                               "if",
                                               "inline",
                                               "int",
                                               "long",
                                               "mutable",
                                               "namespace",
                                               "new",
                                               "not",
                                               "not_eq",
                                               "operator",
                                               "or",
                                               "or_eq",
                                               "private",
                                               "protected",
                                               "public",
                                               "register",
                                               "reinterpret_cast",
                                               "return",
                                               "short",
                                               "signed",
                                               "sizeof",
                                               "static",
                                               "static_cast",
                                               "struct",
                                               "switch",
                                               "template",
                                               "this",
                                               "throw",
                                               "true",
                                               "try",
                                               "typedef",
                                               "typeid",
                                               "typename",
                                               "union",
                                               "unsigned",
                                               "using",
                                               "virtual",
                                               "void",
                                               "volatile",
                                               "wchar_t",
                                               "while",
                                               "xor",
                                               "xor_eq"};

static const char *const more_words[] = {
    /* C11, C23 and GNU C */
    "restrict", "typeof", "typeof_unqual", "alignas", "alignof", "constexpr", "nullptr",
    "static_assert", "thread_local", "noreturn",
    /* C++11 to C++20 */
    "char8_t", "char16_t", "char32_t", "decltype", "export", "noexcept", "concept", "requires",
    "consteval", "constinit", "co_await", "co_return", "co_yield",
    /* types of the generated structures: a member would change their meaning in C++ */
    "size_t", "int32_t", "int64_t", "uint8_t", "uint32_t", "uint64_t", "protobuf_c_boolean",
    "seal_call",
    /* object-like macros: compilers in GNU mode, and <errno.h>, <complex.h>, <sys/stat.h>,
     * <netdb.h>, <netinet/in.h>, <signal.h>, <dirent.h>, <stdio.h>, <iso646.h> */
    "unix", "linux", "i386", "sun", "mips", "sparc", "vax", "hpux", "errno", "complex", "imaginary",
    "st_atime", "st_mtime", "st_ctime", "h_addr", "s6_addr", "s6_addr16", "s6_addr32", "s_host",
    "s_net", "s_imp", "s_impno", "s_lh", "sa_handler", "sa_sigaction", "sv_onstack", "d_ino",
    "d_fileno", "si_pid", "si_uid", "si_status", "si_utime", "si_stime", "si_value", "si_int",
    "si_ptr", "si_addr", "si_addr_lsb", "si_lower", "si_upper", "si_pkey", "si_band", "si_fd",
    "si_timerid", "si_overrun", "si_call_addr", "si_syscall", "si_arch", "stdin", "stdout",
    "stderr"};

static const char *const bad_types[] = {"NULL",
                                        "EOF",
                                        "BUFSIZ",
                                        "FILE",
                                        "DIR",
                                        "I",
                                        "TRUE",
                                        "FALSE",
                                        "EDOM",
                                        "ERANGE",
                                        "EILSEQ",
                                        "INFINITY",
                                        "NAN",
                                        "SIG",
                                        "NDEBUG",
                                        "EINVAL",
                                        "ENOMEM",
                                        "EAGAIN",
                                        "EINTR",
                                        "EIO",
                                        "EPERM",
                                        "ENOENT",
                                        "EACCES",
                                        "EEXIST",
                                        "ETIMEDOUT",
                                        "ECANCELED",
                                        "EPIPE",
                                        "EBUSY",
                                        "L_tmpnam",
                                        "TMP_MAX",
                                        "M_PI",
                                        "M_E",
                                        "SEAL_API",
                                        "ProtobufCMessage",
                                        "ProtobufCService",
                                        "ProtobufCAllocator",
                                        "ProtobufCBinaryData",
                                        "ProtobufCBuffer",
                                        "ProtobufCBufferSimple",
                                        "ProtobufCEnumDescriptor",
                                        "ProtobufCEnumValue",
                                        "ProtobufCEnumValueIndex",
                                        "ProtobufCFieldDescriptor",
                                        "ProtobufCFieldFlag",
                                        "ProtobufCIntRange",
                                        "ProtobufCLabel",
                                        "ProtobufCMessageDescriptor",
                                        "ProtobufCMessageUnknownField",
                                        "ProtobufCMethodDescriptor",
                                        "ProtobufCServiceDescriptor",
                                        "ProtobufCType",
                                        "ProtobufCWireType",
                                        "ProtobufCClosure",
                                        "ProtobufCMessageInit",
                                        "ProtobufCServiceDestroy"};

static const char *const bad_enums[] = {
    "Alignas",   "Alignof",   "Atomic",     "BitInt",   "Bool",    "Complex",
    "Decimal32", "Decimal64", "Decimal128", "Float16",  "Float32", "Float64",
    "Float128",  "Generic",   "Imaginary",  "Noreturn", "Pragma"};

static bool contains(const char *const *words, size_t count, const char *word) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

bool keyword_known_to_protobuf_c(const char *word) {
    return contains(protobuf_c_words, COUNT(protobuf_c_words), word);
}

bool keyword_bad_member(const char *word) {
    return keyword_known_to_protobuf_c(word) || contains(more_words, COUNT(more_words), word);
}

bool keyword_bad_type(const char *word) {
    return contains(bad_types, COUNT(bad_types), word);
}

bool keyword_bad_enum(const char *word) {
    return contains(bad_enums, COUNT(bad_enums), word);
}
