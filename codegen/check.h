/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that can be wrong with the files to generate, found before anything is written. */
#ifndef CODEGEN_CHECK_H
#define CODEGEN_CHECK_H

#include "model.h"

/* Options, names, paths and constructs of each file to generate. */
void check_files(const model *m, problems *list);

/* Identifiers that two things would share. */
void check_identifiers(const model *m, problems *list);

/* Chooses names for the fields and oneofs whose own names would not compile in C or C++
 * (field.new_name, message.new_oneof_names), in all files to generate. */
void check_members(const model *m, problems *list);

#endif
