// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/flow_table.h"
