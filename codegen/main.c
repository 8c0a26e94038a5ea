/* SPDX-License-Identifier: Apache-2.0 */
/* protoc-gen-seal: the protoc plugin. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "generate.h"

static int failed(const char *what, const char *why) {
    fprintf(stderr, "protoc-gen-seal: %s: %s\n", what, why);
    return 1;
}

static const char *read_input(printer *in) {
    char buffer[64 * 1024];
    size_t n;
    while ((n = fread(buffer, 1, sizeof buffer, stdin)) > 0)
        printer_bytes(in, buffer, n);
    if (ferror(stdin))
        return strerror(errno);
    return in->overflow ? "larger than 1 GiB" : NULL;
}

static const char *write_output(const printer *out) {
    if (out->len > 0 && fwrite(out->data, 1, out->len, stdout) != out->len)
        return strerror(errno);
    return fflush(stdout) != 0 ? strerror(errno) : NULL;
}

static int run(void) {
    printer in = {0};
    printer out = {0};
    pool scratch = {0};
    int status = 0;
    const char *wrong = read_input(&in);
    if (wrong != NULL) {
        status = failed("cannot read the request", wrong);
    } else {
        wrong = generate((wire_view){(const uint8_t *)in.data, in.len}, child_run, &out, &scratch);
        if (wrong != NULL)
            status = failed("cannot use the request", wrong);
        else if ((wrong = write_output(&out)) != NULL)
            status = failed("cannot write the response", wrong);
    }
    printer_done(&in);
    printer_done(&out);
    pool_done(&scratch);
    return status;
}

static int usage(FILE *to) {
    fputs("protoc-gen-seal " SEAL_GEN_VERSION ": makes C stubs for sealrpc. It is run by protoc:\n"
          "  protoc --plugin=/path/to/protoc-gen-seal --seal_out=DIR FILE.proto\n"
          "Options: --seal_opt=side=client|server|both,prefix=WORD,protoc_gen_c=PATH\n",
          to);
    return to == stdout ? 0 : 1;
}

int main(int argc, char **argv) {
    if (argc == 1)
        return run();
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return puts("protoc-gen-seal " SEAL_GEN_VERSION) < 0;
    return usage(argc == 2 && strcmp(argv[1], "--help") == 0 ? stdout : stderr);
}
