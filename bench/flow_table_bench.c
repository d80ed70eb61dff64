// SPDX-License-Identifier: BSD-3-Clause
// portier's flow table beside DPDK's rte_hash and beside what the machine's memory allows. See bench/README.md.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>

#include "bench/group.h"
#include "bench/picture.h"
#include "bench/report.h"
#include "bench/targets.h"

static size_t memory_available(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	size_t kilobytes = 0;
	char line[128];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		sscanf(line, "MemAvailable: %zu", &kilobytes);
	if (file != NULL)
		fclose(file);
	return kilobytes << 10;
}

// Calls a function for each group of the plan: by number of cores, family and size. Ends when it returns anything but 0.
static int each_group(struct group *group, int (*call)(const struct group *group, void *context), void *context)
{
	static const enum ip_family families[] = { FAMILY_IP4, FAMILY_IP6 };
	const unsigned count = group->measure->cores->count, ways = count > 1 ? 2 : 1;
	const uint32_t *slots = group->plan->effort.slots;
	int result = 0;

	for (unsigned way = 0; way < ways; way++)
		for (unsigned f = 0; f < RTE_DIM(families); f++)
			for (unsigned s = 0; s < SIZES_MAX && slots[s] && result == 0; s++) {
				group->cores = way ? count : 1;
				group->family = families[f];
				group->slots = slots[s];
				result = call(group, context);
			}
	return result;
}

static int greatest(const struct group *group, void *context)
{
	size_t *bytes = context;

	*bytes = RTE_MAX(*bytes, group_bytes(group));
	return 0;
}

static int run(const struct group *group, void *context)
{
	const double gigabyte = 1 << 30;
	const size_t need = group_bytes(group), have = memory_available();

	if (!group->heap->hugetlb && need > have - have / 16) {
		printf("left out: ip%d, %u flows, %u cores: takes %.1f GB, there are %.1f\n", group->family,
		       plan_flows(group->slots), group->cores, (double)need / gigabyte, (double)have / gigabyte);
		return 0;
	}
	return group_run(group, context);
}

static int measure_all(struct group *group, struct results *results)
{
	size_t bytes = 0;
	int result;

	each_group(group, greatest, &bytes);
	result = heap_start(group->heap, bytes);
	if (result != 0) {
		fprintf(stderr, "the EAL does not start: %s\n", strerror(-result));
		return result;
	}
	core_pin(group->measure->cores, 0); // the EAL has moved this thread
	report_machine(group);
	result = each_group(group, run, results);
	heap_stop(group->heap);
	return result;
}

static int report(const struct plan *plan, const struct results *results)
{
	int result = 0;

	report_lookups(results);
	report_sharing(results);
	report_filling(results);
	targets_print(plan, results);
	if (plan->json != NULL)
		result = report_json(results, plan->json);
	if (plan->svg != NULL && result == 0)
		result = picture_write(results, plan->svg);
	return result;
}

static int measure_and_report(const struct plan *plan, struct measure *measure)
{
	struct heap heap = { 0 };
	struct group group = { .plan = plan, .measure = measure, .heap = &heap };
	struct results results = { 0 };
	int result = measure_all(&group, &results);

	if (result == 0)
		result = report(plan, &results);
	free(results.row);
	return result;
}

int main(int argc, char **argv)
{
	struct measure *measure;
	struct cores cores;
	struct plan plan;
	int result = plan_make(&plan, argc, argv);

	if (result != 0)
		return result == 1 ? 0 : 2;
	measure = calloc(1, sizeof(*measure));
	if (measure == NULL || cores_find(&cores) != 0)
		return 1;
	*measure = (struct measure){
		.cores = &cores, .rounds = plan.effort.rounds, .sample_seconds = plan.effort.sample_ms * 1e-3,
		.began = now_seconds(),
	};
	result = measure_and_report(&plan, measure);
	free(measure);
	return result == 0 ? 0 : 1;
}
