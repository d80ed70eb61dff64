// SPDX-License-Identifier: BSD-3-Clause
// Lookups against size, as a picture (SVG).
#pragma once

#include "bench/cell.h"

// 0; or -errno, with a message on stderr.
int picture_write(const struct results *results, const char *path);
