// SPDX-License-Identifier: BSD-3-Clause
#include "bench/plan.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

static bool everything(const struct cell *cell)
{
	(void)cell;
	return true;
}

// Several cores: what shows whether they get in each other's way.
static bool most(const struct cell *cell)
{
	return cell->cores == 1 || (cell->hit_percent == 100 && cell->access == ACCESS_UNIFORM && !cell->churned);
}

static bool main_ones(const struct cell *cell)
{
	if (cell->operation != OPERATION_LOOKUP)
		return cell->family == FAMILY_IP4 || cell->flows < 4 << 20;
	if (cell->cores > 1 || cell->hit_percent == 90)
		return false;
	if (cell->family == FAMILY_IP6 && cell->flows > 4 << 20 && cell->churned)
		return false;
	if (cell->hit_percent == 100 && cell->access == ACCESS_UNIFORM)
		return true;
	return cell->family == FAMILY_IP4 && !cell->touch && (cell->access == ACCESS_UNIFORM || cell->hit_percent == 100);
}

static const struct effort quick = {
	.name = "quick", .slots = { 1 << 16, 1 << 20, 1 << 23 }, .rounds = 5, .sample_ms = 3, .large = 1 << 22,
	.churn = 10, .churn_large = 1, .filling_rounds = 3, .filling_rounds_large = 2, .singles = 100000,
	.stream = 1 << 20, .stream_large = 2 << 20, .wants = main_ones,
};
static const struct effort usual = {
	.name = "default", .slots = { 1 << 16, 1 << 20, 1 << 23, 1 << 25 }, .rounds = 9, .sample_ms = 5, .large = 1 << 24,
	.churn = 10, .churn_large = 2, .filling_rounds = 5, .filling_rounds_large = 2, .singles = 300000,
	.stream = 4 << 20, .stream_large = 4 << 20, .wants = most,
};
static const struct effort full = {
	.name = "full", .slots = { 1 << 16, 1 << 20, 1 << 23, 1 << 25 }, .rounds = 21, .sample_ms = 8, .large = 1 << 24,
	.churn = 10, .churn_large = 10, .filling_rounds = 9, .filling_rounds_large = 3, .singles = 1000000,
	.stream = 4 << 20, .stream_large = 8 << 20, .wants = everything,
};
static const struct effort smoke = {
	.name = "smoke", .slots = { 1 << 11, 1 << 13 }, .rounds = 2, .sample_ms = 0.05, .large = 1 << 22,
	.churn = 2, .churn_large = 1, .filling_rounds = 1, .filling_rounds_large = 1, .singles = 1000,
	.stream = 1 << 14, .stream_large = 1 << 14, .wants = everything,
};

static const char usage[] =
	"usage: flow_table_bench [--quick | --full] [--sizes 57k,912k,7.3M,29M] [--form best|plain|avx2|avx512]\n"
	"                        [--only SUBSTRING] [--json FILE] [--svg FILE]\n"
	"  --quick  under two minutes: up to 7.3 million flows, the main cells\n"
	"  --full   everything, with many rounds; takes hours\n"
	"  --smoke  a few seconds: shows that it runs, its figures mean nothing\n"
	"  --sizes  flows; each size becomes 87 percent of the next power of two\n"
	"  --form   of portier's lookup\n"
	"  --only   measures only cells whose text contains this, such as 'ip4 7298088 hit100 uniform touch fresh'\n"
	"  --json   writes all rows\n"
	"  --svg    writes a picture of lookups against size\n";

static const struct option long_options[] = {
	{ "quick", no_argument, NULL, 'q' },	   { "full", no_argument, NULL, 'f' },
	{ "smoke", no_argument, NULL, 's' },	   { "sizes", required_argument, NULL, 'n' },
	{ "form", required_argument, NULL, 'F' },  { "only", required_argument, NULL, 'o' },
	{ "json", required_argument, NULL, 'j' },  { "svg", required_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },	   { 0 },
};

// "7.3M" flows: 2^23 slots.
static int parse_size(const char *text, char **end, uint32_t *slots)
{
	double flows = strtod(text, end);

	if (*end == text)
		return -EINVAL;
	if (**end == 'k' || **end == 'K')
		flows *= 1e3, ++*end;
	else if (**end == 'M')
		flows *= 1e6, ++*end;
	if (flows < 1000 || flows > 0.87 * FLOW_TABLE_CAPACITY_MAX || (**end != ',' && **end != '\0'))
		return -EINVAL;
	for (*slots = 1024; *slots < flows; *slots *= 2)
		;
	return 0;
}

static int parse_sizes(struct effort *effort, const char *text)
{
	unsigned count = 0;
	char *end = NULL;

	memset(effort->slots, 0, sizeof(effort->slots));
	for (const char *at = text; count < SIZES_MAX; at = end + 1) {
		if (parse_size(at, &end, &effort->slots[count++]) != 0)
			break;
		if (*end == '\0')
			return 0;
	}
	fprintf(stderr, "--sizes %s: expected up to %d numbers of flows, from 1k to 58M, such as 57k,7.3M\n", text, SIZES_MAX);
	return -EINVAL;
}

static int parse_form(struct plan *plan, const char *text)
{
	for (unsigned form = 0; form < FLOW_TABLE_FORMS; form++) {
		if (strcmp(text, flow_table_form_name(form)) != 0)
			continue;
		plan->form = form;
		if (flow_table_form_supported(form))
			return 0;
		fprintf(stderr, "--form %s: this processor or this build does not have it\n", text);
		return -EINVAL;
	}
	fprintf(stderr, "--form %s: expected best, plain, avx2 or avx512\n", text);
	return -EINVAL;
}

static void set_effort(struct plan *plan, const struct effort *effort, const char *sizes)
{
	plan->effort = *effort;
	if (sizes != NULL)
		parse_sizes(&plan->effort, sizes);
}

int plan_make(struct plan *plan, int argc, char **argv)
{
	const char *sizes = NULL;
	int option, result = 0;

	*plan = (struct plan){ .effort = usual };
	while (result == 0 && (option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		switch (option) {
		case 'q': set_effort(plan, &quick, sizes); break;
		case 'f': set_effort(plan, &full, sizes); break;
		case 's': set_effort(plan, &smoke, sizes); break;
		case 'n': sizes = optarg; result = parse_sizes(&plan->effort, sizes); break;
		case 'F': result = parse_form(plan, optarg); break;
		case 'o': plan->only = optarg; break;
		case 'j': plan->json = optarg; break;
		case 'v': plan->svg = optarg; break;
		case 'h': fputs(usage, stdout); return 1;
		default: fputs(usage, stderr); return -EINVAL;
		}
	if (result == 0 && optind < argc) {
		fprintf(stderr, "%s: unexpected\n%s", argv[optind], usage);
		return -EINVAL;
	}
	return result;
}

bool plan_wants(const struct plan *plan, const struct cell *cell)
{
	char text[128];

	if (plan->only == NULL)
		return plan->effort.wants(cell);
	cell_text(cell, text, sizeof(text));
	return strstr(text, plan->only) != NULL;
}

uint32_t plan_flows(uint32_t slots)
{
	return (uint32_t)((uint64_t)slots * 87 / 100);
}

unsigned plan_churn(const struct plan *plan, uint32_t slots)
{
	return slots < plan->effort.large ? plan->effort.churn : plan->effort.churn_large;
}

unsigned plan_filling_rounds(const struct plan *plan, uint32_t slots)
{
	return slots < plan->effort.large ? plan->effort.filling_rounds : plan->effort.filling_rounds_large;
}

// Four times the flows, so that most of them come, or as many as fit.
size_t plan_stream(const struct plan *plan, uint32_t slots)
{
	size_t most_keys = slots < plan->effort.large ? plan->effort.stream : plan->effort.stream_large;

	return RTE_MIN((size_t)4 * plan_flows(slots), most_keys);
}
