// SPDX-License-Identifier: BSD-3-Clause
// The processor time that this program took: what else the machine does is not counted.
#pragma once

#include <time.h>

static inline double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
