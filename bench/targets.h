// SPDX-License-Identifier: BSD-3-Clause
// What the flow table is meant to reach, and whether it did.
#pragma once

#include "bench/cell.h"
#include "bench/plan.h"

void targets_print(const struct plan *plan, const struct results *results);
