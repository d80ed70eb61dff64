// SPDX-License-Identifier: BSD-3-Clause
#include "bench/picture.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>

enum {
	PANEL_WIDTH = 520,
	PANEL_HEIGHT = 380,
	LEFT = 56,
	RIGHT = 16,
	TOP = 44,
	BOTTOM = 52,
	HEAD = 96, // title and legend
};

struct series {
	const char *table, *text, *colour, *dash;
};

static const struct series series[] = {
	{ "limit_lines", "limit: random lines", "#8a8a8a", "2 4" },
	{ "limit_dependent", "limit: two dependent lines", "#8a8a8a", "8 4" },
	{ "portier", "portier", "#c1121f", "none" },
	{ "rte_hash", "rte_hash", "#1d6fb8", "none" },
	{ "rte_hash_lf", "rte_hash, lock-free", "#0b3c68", "none" },
	{ "rte_hash_lf_prehashed", "rte_hash, lock-free, prehashed", "#2a9d8f", "none" },
};

struct panel {
	const char *title;
	struct cell cell; // but for the number of flows
};

static const struct panel panels[] = {
	{ "IPv4, all keys are there", { .family = FAMILY_IP4, .hit_percent = 100, .cores = 1 } },
	{ "IPv4, all keys are there, after churn", { .family = FAMILY_IP4, .hit_percent = 100, .cores = 1, .churned = true } },
	{ "IPv4, no key is there", { .family = FAMILY_IP4, .hit_percent = 0, .cores = 1 } },
	{ "IPv4, all keys are there, their records touched",
	  { .family = FAMILY_IP4, .hit_percent = 100, .cores = 1, .touch = true } },
	{ "IPv6, all keys are there", { .family = FAMILY_IP6, .hit_percent = 100, .cores = 1 } },
	{ "IPv6, all keys are there, their records touched",
	  { .family = FAMILY_IP6, .hit_percent = 100, .cores = 1, .touch = true } },
};

// Both axes are logarithmic, and the same for all panels.
struct scale {
	double flows_min, flows_max, mops_min, mops_max;
};

static bool shown(const struct result *row)
{
	return !row->hidden && row->cell.operation == OPERATION_LOOKUP && row->cell.cores == 1 && row->mops.median > 0;
}

static struct scale scale_of(const struct results *results)
{
	struct scale scale = { INFINITY, 0, INFINITY, 0 };

	for (size_t i = 0; i < results->count; i++) {
		const struct result *row = &results->row[i];

		if (!shown(row))
			continue;
		scale.flows_min = fmin(scale.flows_min, row->cell.flows / 1.5);
		scale.flows_max = fmax(scale.flows_max, row->cell.flows * 1.5);
		scale.mops_min = fmin(scale.mops_min, row->mops.median / 1.2);
		scale.mops_max = fmax(scale.mops_max, row->mops.median * 1.2);
	}
	return scale;
}

static double x_of(const struct scale *scale, double flows)
{
	return LEFT + log(flows / scale->flows_min) / log(scale->flows_max / scale->flows_min) *
			      (PANEL_WIDTH - LEFT - RIGHT);
}

static double y_of(const struct scale *scale, double mops)
{
	return PANEL_HEIGHT - BOTTOM - log(mops / scale->mops_min) / log(scale->mops_max / scale->mops_min) *
					       (PANEL_HEIGHT - TOP - BOTTOM);
}

static void text_of_flows(uint32_t flows, char *text, size_t size)
{
	if (flows < 1000000)
		snprintf(text, size, "%.0f K", flows / 1e3);
	else
		snprintf(text, size, flows < 10000000 ? "%.1f M" : "%.0f M", flows / 1e6);
}

static void draw_axes(FILE *file, const struct results *results, const struct scale *scale)
{
	static const double steps[] = { 1, 2, 5 };
	char text[32];
	uint32_t before = 0;

	for (double decade = 1; decade < 1e5; decade *= 10)
		for (unsigned i = 0; i < RTE_DIM(steps); i++) {
			double mops = decade * steps[i], y = y_of(scale, mops);

			if (mops < scale->mops_min || mops > scale->mops_max)
				continue;
			fprintf(file, "<line class='grid' x1='%d' x2='%d' y1='%.1f' y2='%.1f'/>\n", LEFT,
				PANEL_WIDTH - RIGHT, y, y);
			fprintf(file, "<text class='tick' text-anchor='end' x='%d' y='%.1f'>%g</text>\n", LEFT - 8, y + 4, mops);
		}
	for (size_t i = 0; i < results->count; i++) {
		uint32_t flows = results->row[i].cell.flows;

		if (!shown(&results->row[i]) || flows == before)
			continue;
		before = flows;
		text_of_flows(flows, text, sizeof(text));
		fprintf(file, "<line class='grid' x1='%.1f' x2='%.1f' y1='%d' y2='%d'/>\n", x_of(scale, flows),
			x_of(scale, flows), TOP, PANEL_HEIGHT - BOTTOM);
		fprintf(file, "<text class='tick' text-anchor='middle' x='%.1f' y='%d'>%s</text>\n", x_of(scale, flows),
			PANEL_HEIGHT - BOTTOM + 20, text);
	}
	fprintf(file, "<text class='tick' text-anchor='middle' x='%d' y='%d'>flows</text>\n",
		(LEFT + PANEL_WIDTH - RIGHT) / 2, PANEL_HEIGHT - BOTTOM + 38);
}

// Rows of one panel and table are in the order of their sizes.
static void draw_series(FILE *file, const struct results *results, const struct scale *scale, const struct panel *panel,
			const struct series *one)
{
	double x[32], y[32];
	unsigned n = 0;

	for (size_t i = 0; i < results->count && n < RTE_DIM(x); i++) {
		const struct result *row = &results->row[i];
		struct cell cell = panel->cell;

		cell.flows = row->cell.flows;
		if (!shown(row) || results_find(results, one->table, &cell) != row)
			continue;
		x[n] = x_of(scale, cell.flows);
		y[n++] = y_of(scale, row->mops.median);
	}
	fprintf(file, "<polyline fill='none' stroke='%s' stroke-width='2' stroke-dasharray='%s' points='", one->colour, one->dash);
	for (unsigned i = 0; i < n; i++)
		fprintf(file, "%.1f,%.1f ", x[i], y[i]);
	fputs("'/>\n", file);
	for (unsigned i = 0; i < n; i++)
		fprintf(file, "<circle cx='%.1f' cy='%.1f' r='3.5' fill='%s'/>\n", x[i], y[i], one->colour);
}

static void draw_head(FILE *file)
{
	fputs("<text class='title' x='24' y='36'>Lookups on one core, million a second, table 87 % full, keys drawn uniformly"
	      "</text>\n", file);
	for (unsigned i = 0; i < RTE_DIM(series); i++) {
		unsigned x = 24 + i % 3 * 330, y = 60 + i / 3 * 22;

		fprintf(file, "<line x1='%u' x2='%u' y1='%u' y2='%u' stroke='%s' stroke-width='3' stroke-dasharray='%s'/>\n", x,
			x + 36, y, y, series[i].colour, series[i].dash);
		fprintf(file, "<text class='legend' x='%u' y='%u'>%s</text>\n", x + 46, y + 5, series[i].text);
	}
}

static void draw(FILE *file, const struct results *results)
{
	const struct scale scale = scale_of(results);

	fprintf(file,
		"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' font-family='Helvetica, Arial, sans-serif'>\n"
		"<style>.title{font-size:18px;font-weight:bold}.legend,.tick{font-size:13px}.tick{fill:#444}"
		".panel{font-size:15px;font-weight:bold}.grid{stroke:#ddd}</style>\n"
		"<rect width='100%%' height='100%%' fill='white'/>\n",
		2 * PANEL_WIDTH, HEAD + PANEL_HEIGHT * (int)((RTE_DIM(panels) + 1) / 2));
	draw_head(file);
	for (unsigned p = 0; p < RTE_DIM(panels) && scale.flows_max > 0; p++) {
		fprintf(file, "<g transform='translate(%u %u)'>\n", p % 2 * PANEL_WIDTH, HEAD + p / 2 * PANEL_HEIGHT);
		fprintf(file, "<text class='panel' x='%d' y='28'>%s</text>\n", LEFT, panels[p].title);
		draw_axes(file, results, &scale);
		for (unsigned i = 0; i < RTE_DIM(series); i++)
			draw_series(file, results, &scale, &panels[p], &series[i]);
		fputs("</g>\n", file);
	}
	fputs("</svg>\n", file);
}

int picture_write(const struct results *results, const char *path)
{
	FILE *file = fopen(path, "w");

	if (file != NULL)
		draw(file, results);
	if (file == NULL || ferror(file) | fclose(file)) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -EIO;
	}
	return 0;
}
