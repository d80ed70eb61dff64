// SPDX-License-Identifier: BSD-3-Clause
// Rules in nftables' own syntax: the part of it that asks for what portier knows. Whatever is read here, "nft -f" reads too,
// and means the same; all else is an error that names the word. Control thread only.
#pragma once

#include <stddef.h>

#include "control/error.h"
#include "control/rule_list.h"

// Parses a whole file: one table with one base chain. Includes are looked for beside it. list: empty before; after an error
// it holds what was read so far (entries may be NULL). 0, or -1 with an error that names file, line, column and word.
int rule_nft_parse(const char *file, const char *text, size_t length, struct rule_list *list, struct error *error);

// Parses one rule by itself, as it stands in a chain of a table of family inet. An entry with one reference; NULL with an
// error.
struct rule_entry *rule_nft_parse_rule(const char *source, const char *text, struct error *error);
