// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/tcp_state.h"
