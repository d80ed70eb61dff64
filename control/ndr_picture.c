// SPDX-License-Identifier: BSD-3-Clause
#include "control/ndr_picture.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "control/json_value.h"
#include "control/text_file.h"

enum {
	WIDTH = 760,
	HEIGHT = 620,
	LEFT = 72,
	RIGHT = 180,
	PANEL_HEIGHT = 220,
	FIRST_TOP = 56,
	SECOND_TOP = FIRST_TOP + PANEL_HEIGHT + 70,
	STEPS = 5, // about so many lines of the grid
};

#define PASSED "#2a9d8f"
#define FAILED "#c1121f"
#define NOT_TRIED "#8a8a8a" // the generator was too slow
#define GRID "#dddddd"

// Both axes begin at zero.
struct panel {
	struct text_file *file;
	double top, x_most, y_most;
	double trial_seconds;
};

static void put(struct text_file *file, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct text_file *file, const char *format, ...)
{
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	text_put(file, text);
}

static double x_of(const struct panel *panel, double value)
{
	return LEFT + value / panel->x_most * (WIDTH - LEFT - RIGHT);
}

static double y_of(const struct panel *panel, double value)
{
	return panel->top + PANEL_HEIGHT * (1 - value / panel->y_most);
}

// 1, 2 or 5 of a power of ten.
static double step_of(double most)
{
	double power = pow(10, floor(log10(most / STEPS))), rest = most / STEPS / power;
	return power * (rest <= 1 ? 1 : rest <= 2 ? 2 : rest <= 5 ? 5 : 10);
}

static void put_frame(const struct panel *panel, const char *title, const char *below)
{
	put(panel->file, "<text x=\"%d\" y=\"%g\" font-weight=\"bold\">%s</text>\n", LEFT, panel->top - 10, title);
	for (double y = 0; y <= panel->y_most; y += step_of(panel->y_most))
		put(panel->file, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"" GRID "\"/>"
			"<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n", LEFT, WIDTH - RIGHT, y_of(panel, y),
			y_of(panel, y), LEFT - 8, y_of(panel, y) + 4, y);
	for (double x = 0; x <= panel->x_most; x += step_of(panel->x_most))
		put(panel->file, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%g\" y2=\"%g\" stroke=\"" GRID "\"/>"
			"<text x=\"%.1f\" y=\"%g\" text-anchor=\"middle\">%g</text>\n", x_of(panel, x), x_of(panel, x), panel->top,
			panel->top + PANEL_HEIGHT, x_of(panel, x), panel->top + PANEL_HEIGHT + 16, x);
	put(panel->file, "<text x=\"%d\" y=\"%g\" text-anchor=\"middle\">%s</text>\n", (LEFT + WIDTH - RIGHT) / 2,
		panel->top + PANEL_HEIGHT + 34, below);
}

// "offered", which what a device refused is part of, or "returned": million packets a second.
static double mpps_of(const struct panel *panel, const json_t *trial, const char *name)
{
	return (double)json_integer_value(json_object_get(trial, name)) / panel->trial_seconds / 1e6;
}

static const char *colour_of(const json_t *trial)
{
	if (json_is_true(json_object_get(trial, "passed")))
		return PASSED;
	return json_is_true(json_object_get(trial, "kept_up")) ? FAILED : NOT_TRIED;
}

static void put_point(const struct panel *panel, const json_t *trial, double y, bool hollow)
{
	const char *colour = colour_of(trial);
	put(panel->file, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\" stroke=\"%s\" stroke-width=\"1.5\" fill=\"%s\"/>\n",
		x_of(panel, mpps_of(panel, trial, "offered")), y_of(panel, y), colour, hollow ? "#ffffff" : colour);
}

static void put_key(struct text_file *file, double top, const char *const text[], unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		put(file, "<text x=\"%d\" y=\"%g\">%s</text>\n", WIDTH - RIGHT + 14, top + 14 + 18.0 * i, text[i]);
}

static double microseconds_of(const json_t *trial, const char *name)
{
	return real_of(json_object_get(trial, "latency"), name) / 1e3;
}

static void draw_rates(struct panel panel, const json_t *trials)
{
	static const char *const key[] = { "<tspan fill=\"" PASSED "\">&#9679;</tspan> passed",
		"<tspan fill=\"" FAILED "\">&#9679;</tspan> lost too many",
		"<tspan fill=\"" NOT_TRIED "\">&#9679;</tspan> generator too slow", "- - nothing lost" };
	size_t i;
	json_t *trial;
	panel.y_most = panel.x_most;
	json_array_foreach(trials, i, trial) // more may come back than was sent: of others
		panel.y_most = fmax(panel.y_most, 1.05 * mpps_of(&panel, trial, "returned"));
	put_frame(&panel, "came back, million packets a second", "offered, million packets a second");
	put(panel.file, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#888888\" stroke-dasharray=\"4 4\"/>\n",
		x_of(&panel, 0), y_of(&panel, 0), x_of(&panel, panel.x_most), y_of(&panel, panel.x_most));
	json_array_foreach(trials, i, trial)
		put_point(&panel, trial, mpps_of(&panel, trial, "returned"), false);
	put_key(panel.file, panel.top, key, 4);
}

static void draw_latency(struct panel panel, const json_t *trials)
{
	static const char *const key[] = { "&#9679; half took longer", "&#9675; one in a hundred did" };
	size_t i;
	json_t *trial;
	panel.y_most = 0;
	json_array_foreach(trials, i, trial)
		panel.y_most = fmax(panel.y_most, 1.1 * microseconds_of(trial, "p99_ns"));
	if (panel.y_most <= 0)
		return;
	put_frame(&panel, "latency, microseconds", "offered, million packets a second");
	json_array_foreach(trials, i, trial) {
		put_point(&panel, trial, microseconds_of(trial, "p99_ns"), true);
		put_point(&panel, trial, microseconds_of(trial, "p50_ns"), false);
	}
	put_key(panel.file, panel.top, key, 2);
}

static void draw(struct text_file *file, const json_t *report)
{
	const json_t *trials = json_object_get(report, "trials"), *found = json_object_get(report, "found");
	struct panel panel = { .file = file, .top = FIRST_TOP, .trial_seconds = real_of(report, "trial_seconds") };
	size_t i;
	json_t *trial;
	json_array_foreach(trials, i, trial)
		panel.x_most = fmax(panel.x_most, 1.05 * mpps_of(&panel, trial, "offered"));
	put(file, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
		"font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n", WIDTH,
		HEIGHT, WIDTH, HEIGHT);
	const char *so_far = json_is_true(json_object_get(report, "complete")) ? "" : " so far";
	if (json_is_null(found))
		put(file, "<text x=\"%d\" y=\"24\" font-size=\"16\">no rate passed%s</text>\n", LEFT, so_far);
	else
		put(file, "<text x=\"%d\" y=\"24\" font-size=\"16\">%.4g million packets a second with at most %g %% lost%s</text>\n",
			LEFT, mpps_of(&panel, found, "offered"), real_of(report, "loss_percent"), so_far);
	if (panel.x_most > 0) {
		draw_rates(panel, trials);
		panel.top = SECOND_TOP;
		draw_latency(panel, trials);
	}
	put(file, "</svg>\n");
}

int ndr_picture(const json_t *report, const char *name, struct error *error)
{
	struct text_file *file = text_file_open(name, error);
	if (!file)
		return -1;
	draw(file, report);
	return text_file_close(file, error);
}
