// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/rule_match.h"
