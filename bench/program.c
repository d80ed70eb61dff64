// SPDX-License-Identifier: BSD-3-Clause
#include "bench/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_eal.h>

void fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
	exit(EXIT_FAILURE);
}

void *need(void *memory)
{
	if (!memory)
		fail("out of memory");
	return memory;
}

void start_eal(unsigned megabytes)
{
	char prefix[64], memory[16];
	snprintf(prefix, sizeof(prefix), "--file-prefix=%.32s_%d", program_invocation_short_name, (int)getpid());
	snprintf(memory, sizeof(memory), "%u", megabytes);
	char *arguments[] = { program_invocation_short_name, (char *)"--no-huge", (char *)"-m", memory, (char *)"--no-pci",
		(char *)"--no-shconf", (char *)"--no-telemetry", prefix, (char *)"-l", (char *)"0",
		(char *)"--log-level=warning" };
	if (rte_eal_init(RTE_DIM(arguments), arguments) < 0)
		fail("the EAL does not start");
}
