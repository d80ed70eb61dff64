// SPDX-License-Identifier: BSD-3-Clause
// Huge pages for what rte_acl mallocs while it builds. Control thread.
#pragma once

#include <stddef.h>

// So many bytes will be malloc'd, and freed again before build_heap_end. Hints both: where they can't help, nothing is lost.
void build_heap_begin(size_t bytes);
void build_heap_end(size_t bytes);
