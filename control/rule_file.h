// SPDX-License-Identifier: BSD-3-Clause
// Reads whole text files.
#pragma once

#include <stddef.h>

// The text of a file of at most most bytes, to be freed, not terminated; NULL with errno (EFBIG: longer). Control thread.
char *rule_file_read(const char *file, size_t most, size_t *length);
