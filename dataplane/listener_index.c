// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/listener_index.h"
