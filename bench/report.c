// SPDX-License-Identifier: BSD-3-Clause
#include "bench/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>

static const char *const columns[] = {
	"limit_lines", "limit_dependent", "portier", "rte_hash", "rte_hash_lf", "rte_hash_lf_prehashed",
};

static void print_processor(void)
{
	FILE *file = fopen("/proc/cpuinfo", "r");
	char line[256], name[200];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "model name : %199[^\n]", name) == 1) {
			printf("processor: %s\n", name);
			break;
		}
	if (file != NULL)
		fclose(file);
}

void report_machine(const struct group *group)
{
	const struct plan *plan = group->plan;

	print_processor();
	printf("memory: %s\n", group->heap->hugetlb ?
		       "hugepages of DPDK, for all tables" :
		       "transparent huge pages (madvise), for all tables; not enough hugepages were reserved");
	printf("mode: %s; portier's form: %s; %u rounds of %g ms; bursts of %d; median of the undisturbed samples\n",
	       plan->effort.name, flow_table_form_name(plan->form), plan->effort.rounds, plan->effort.sample_ms, BURST);
	for (unsigned s = 0; s < SIZES_MAX && plan->effort.slots[s]; s++)
		printf("%u flows in %u slots; churned: %u times as many flows replaced\n",
		       plan_flows(plan->effort.slots[s]), plan->effort.slots[s], plan_churn(plan, plan->effort.slots[s]));
	if (!heap_settle())
		puts("this process may not lock memory (ulimit -l): page faults will disturb inserts");
	fflush(stdout);
}

static bool first_of_cell(const struct results *results, size_t i)
{
	return i == 0 || !cell_same(&results->row[i].cell, &results->row[i - 1].cell);
}

// Of all tables: the widest spread in percent of the median, and how many samples were thrown away.
static void print_spread(const struct results *results, size_t i)
{
	double widest = 0;
	unsigned disturbed = 0, kept = 1;

	for (size_t k = i; k < results->count && (k == i || !first_of_cell(results, k)); k++) {
		const struct spread *mops = &results->row[k].mops;

		widest = RTE_MAX(widest, (mops->max - mops->min) / mops->median * 100);
		disturbed += mops->disturbed;
		kept = RTE_MIN(kept, mops->samples);
	}
	printf("%6.0f%% %5u%s\n", widest, disturbed, kept ? "" : "  a table had no undisturbed sample");
}

static void print_cell(const struct results *results, size_t i)
{
	const struct cell *cell = &results->row[i].cell;
	const struct result *portier = results_find(results, "portier", cell);
	const struct result *peer = results_find(results, "rte_hash_lf", cell);

	printf("ip%d %9u %4u%% %-7s %-5s %-7s %5u", cell->family, cell->flows, cell->hit_percent, access_name(cell->access),
	       cell->touch ? "yes" : "no", cell->churned ? "churned" : "fresh", cell->cores);
	for (unsigned c = 0; c < RTE_DIM(columns); c++) {
		const struct result *row = results_find(results, columns[c], cell);

		printf(row ? " %9.1f" : "         -", row ? row->mops.median : 0);
	}
	printf(" %9.2f", portier && peer ? portier->mops.median / peer->mops.median : 0);
	print_spread(results, i);
}

void report_lookups(const struct results *results)
{
	printf("\nlookups, million a second over all cores; ratio: portier to rte_hash_lf\n"
	       "                  hits access  touch state   cores     limit     limit   portier  rte_hash  rte_hash"
	       "  rte_hash     ratio spread  lost\n"
	       "        flows                                         lines dependent                            lf"
	       " prehashed\n");
	for (size_t i = 0; i < results->count; i++)
		if (results->row[i].cell.operation == OPERATION_LOOKUP && first_of_cell(results, i))
			print_cell(results, i);
}

void report_sharing(const struct results *results)
{
	printf("\nportier's lookups, a burst at a time: any thread's to the owner's\n"
	       "        flows hits state        owner    shared     ratio\n");
	for (size_t i = 0; i < results->count; i++) {
		const struct result *shared = &results->row[i];
		const struct result *owner = results_find(results, "portier_owner", &shared->cell);

		if (owner == NULL || strcmp(shared->table, "portier_shared") != 0)
			continue;
		printf("ip%d %9u %3u%% %-7s %9.1f %9.1f %9.2f\n", shared->cell.family, shared->cell.flows,
		       shared->cell.hit_percent, shared->cell.churned ? "churned" : "fresh", owner->mops.median,
		       shared->mops.median, shared->mops.median / owner->mops.median);
	}
}

void report_filling(const struct results *results)
{
	const struct result *before = NULL;

	printf("\ninserts and deletes, million a second, by load in percent of the table's own slots\n"
	       "        flows table        operation load       million/s  lowest highest lost\n");
	for (size_t i = 0; i < results->count; i++) {
		const struct result *row = &results->row[i];

		if (row->cell.operation == OPERATION_LOOKUP)
			continue;
		printf("ip%d %9u %-12s %-9s %2.0f to %2.0f %12.2f %7.2f %7.2f %4u\n", row->cell.family, row->cell.flows,
		       row->table, operation_name(row->cell.operation), row->filling.load_from, row->filling.load_percent,
		       row->mops.median, row->mops.min, row->mops.max, row->mops.disturbed);
	}
	printf("\n        flows table        first failure  bytes a flow  slowest insert at 90%%: "
	       "of a thousand / of all / disturbed, us\n");
	for (size_t i = 0; i < results->count; i++) {
		const struct result *row = &results->row[i];
		bool told = before && before->table == row->table && before->cell.flows == row->cell.flows &&
			    before->cell.family == row->cell.family;

		if (row->cell.operation != OPERATION_INSERT || told)
			continue;
		before = row;
		printf("ip%d %9u %-12s %13.1f%% %13.1f %30.2f / %.2f / %.2f\n", row->cell.family, row->cell.flows, row->table,
		       row->filling.first_failure_percent, row->filling.bytes_per_flow, row->filling.p999_us,
		       row->filling.worst_us, row->filling.worst_raw_us);
	}
}

static void json_row(FILE *file, const struct result *row)
{
	static const char *const truth[] = { "false", "true" };
	const struct cell *cell = &row->cell;

	fprintf(file,
		"{\"table\": \"%s\", \"family\": \"ip%d\", \"flows\": %u, \"hit_percent\": %u, \"access\": \"%s\", "
		"\"touch\": %s, \"churned\": %s, \"operation\": \"%s\", \"cores\": %u, \"mops\": %.4g, \"mops_min\": %.4g, "
		"\"mops_max\": %.4g",
		row->table, cell->family, cell->flows, cell->hit_percent, access_name(cell->access), truth[cell->touch],
		truth[cell->churned], operation_name(cell->operation), cell->cores, row->mops.median, row->mops.min,
		row->mops.max);
	if (cell->operation != OPERATION_LOOKUP)
		fprintf(file, ", \"load_from_percent\": %g, \"load_percent\": %g", row->filling.load_from,
			row->filling.load_percent);
	if (cell->operation == OPERATION_INSERT)
		fprintf(file, ", \"bytes_per_flow\": %.2f, \"worst_insert_us\": %.2f, \"first_failure_percent\": %.2f",
			row->filling.bytes_per_flow, row->filling.worst_us, row->filling.first_failure_percent);
	fputc('}', file);
}

int report_json(const struct results *results, const char *path)
{
	FILE *file = fopen(path, "w");
	const char *before = "[\n";

	for (size_t i = 0; file != NULL && i < results->count; i++)
		if (!results->row[i].hidden) {
			fputs(before, file);
			json_row(file, &results->row[i]);
			before = ",\n";
		}
	if (file != NULL)
		fputs(results->count ? "\n]\n" : "[]\n", file);
	if (file == NULL || ferror(file) | fclose(file)) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -EIO;
	}
	return 0;
}
