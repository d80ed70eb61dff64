// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_text.h"
