// SPDX-License-Identifier: BSD-3-Clause
#include "bench/cores.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

struct job {
	const struct cores *cores;
	core_work_fn *work;
	void *context;
	unsigned core;
	pthread_t thread;
};

// The last one first: the kernel gives its own work to the first.
int cores_find(struct cores *cores)
{
	cpu_set_t set;

	cores->count = 0;
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return -errno;
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--)
		if (CPU_ISSET(cpu, &set) && cores->count < CORES_MAX)
			cores->cpu[cores->count++] = cpu;
	return 0;
}

void core_pin(const struct cores *cores, unsigned core)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cores->cpu[core], &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void *job_main(void *arg)
{
	const struct job *job = arg;

	core_pin(job->cores, job->core);
	job->work(job->context, job->core);
	return NULL;
}

void cores_run(const struct cores *cores, unsigned count, core_work_fn *work, void *context)
{
	struct job job[CORES_MAX];

	if (count == 1) {
		work(context, 0);
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		job[i] = (struct job){ .cores = cores, .work = work, .context = context, .core = i };
		if (pthread_create(&job[i].thread, NULL, job_main, &job[i]) != 0) {
			fprintf(stderr, "no thread for core %u\n", i);
			exit(1); // those that run may be waiting for this one
		}
	}
	for (unsigned i = 0; i < count; i++)
		pthread_join(job[i].thread, NULL);
}
