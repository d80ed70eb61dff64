// SPDX-License-Identifier: BSD-3-Clause
// What explain.h tells, for people. Client and daemon.
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

void explain_print(const json_t *explained, FILE *out, bool bold);
