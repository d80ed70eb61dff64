// SPDX-License-Identifier: BSD-3-Clause
// Words of a user's text as they may stand in a message.
#pragma once

#include <stddef.h>

enum { QUOTE_MAX = 160 };

// 'word' in quotes, cut if it is long, with \x1b for what is no printable ASCII. Returns quoted.
const char *quote_word(const char *word, size_t length, char quoted[QUOTE_MAX]);
