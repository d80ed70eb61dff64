// SPDX-License-Identifier: BSD-3-Clause
#include "control/ctl/watch.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "control/ctl/show.h"

static const double SECONDS_MIN = 0.1, SECONDS_MAX = 86400;

bool watch_seconds(const char *text, double *seconds)
{
	char *end;
	*seconds = strtod(text, &end);
	return end != text && !*end && *seconds >= SECONDS_MIN && *seconds <= SECONDS_MAX;
}

static double now_seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int watch_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

bool watch_wait(int signals, double seconds)
{
	struct pollfd wanted = { .fd = signals, .events = POLLIN };
	int ready = poll(&wanted, 1, (int)(seconds * 1000));
	return ready == 0 || (ready < 0 && errno == EINTR);
}

static void show_picture(const struct options *options, const json_t *now, const json_t *before, double seconds)
{
	if (options->json) {
		json_dumpf(now, stdout, JSON_COMPACT);
		putchar('\n');
		return;
	}
	if (isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	show_stats_with_rates(now, before, seconds);
}

int watch_stats(struct daemon *daemon, const struct options *options)
{
	int signals = watch_signals();
	json_t *before = NULL;
	double then = 0;
	bool failed = false;
	do {
		json_t *now = daemon_ask(daemon, "stats", NULL);
		double time = now_seconds();
		failed = !now;
		if (now)
			show_picture(options, now, before, time - then);
		failed |= fflush(stdout) != 0;
		json_decref(before);
		before = now;
		then = time;
	} while (!failed && watch_wait(signals, options->watch_seconds));
	json_decref(before);
	close(signals);
	return failed ? -1 : 0;
}
