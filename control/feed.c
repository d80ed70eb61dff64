// SPDX-License-Identifier: BSD-3-Clause
#include "control/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "control/stats.h"

enum {
	SLOT = 0,         // of captures in the table of interfaces
	PAUSE_USEC = 100, // between two looks at the workers
};

void feed_start(struct feed *feed, struct runtime *runtime, const sigset_t *stop_signals)
{
	*feed = (struct feed){
		.runtime = runtime,
		.stop_signals = *stop_signals,
		.next_number = 1,
		.interfaces = json_array(),
	};
}

bool feed_interrupted(struct feed *feed)
{
	const struct timespec now = { 0 };
	if (!feed->interrupted && sigtimedwait(&feed->stop_signals, NULL, &now) > 0) {
		feed->interrupted = true;
		// Whoever asks a second time means it.
		pthread_sigmask(SIG_UNBLOCK, &feed->stop_signals, NULL);
	}
	return feed->interrupted;
}

// A capture comes in where the configuration's first interface would be, with that one's checksum policy.
static uint8_t capture_checksum(const struct config *config)
{
	return config->interface_count ? config->interfaces[0].checksum : CHECKSUM_TRUST;
}

// Returns the file descriptor that the device reads, to be closed after it. By its number in /proc, so that no comma or
// blank in a file's name gets between the device's arguments.
static int open_device(struct feed *feed, const struct capture *capture, struct error *error)
{
	struct interface *interface = &feed->runtime->interfaces[SLOT];
	int fd = open(capture->file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set(error, "%s: cannot open the capture: %s", capture->file, strerror(errno));
	char name[sizeof(interface->name)], device[128], why[INTERFACE_ERROR_MAX] = "";
	// Listeners know the place by the name that the configuration gave it.
	snprintf(name, sizeof(name), "%s", interface->name[0] ? interface->name : "capture");
	snprintf(device, sizeof(device), "net_pcap_portier%u,rx_pcap=/proc/self/fd/%d", feed->fed++, fd);
	const struct interface_params params = {
		.name = name,
		.device = device,
		.role = INTERFACE_LINK,
		.index = SLOT,
		.checksum = capture_checksum(feed->runtime->config),
		.workers = (uint16_t)feed->runtime->worker_count,
		.capture = true,
		.pool = runtime_pool,
		.context = feed->runtime,
	};
	if (interface_open(interface, &params, why) == 0)
		return fd;
	close(fd);
	return error_set(error, "%s: %s", capture->file, why);
}

// The next capture uses the same place in the table, where workers go on counting.
static void note_interface(struct feed *feed, const struct capture *capture)
{
	json_t *all = stats_interfaces(feed->runtime);
	json_t *entry = json_array_get(all, SLOT);
	uint64_t sent = (uint64_t)json_integer_value(json_object_get(entry, "sent"));
	json_object_set_new(entry, "sent", json_integer((json_int_t)(sent - feed->sent)));
	json_object_set_new(entry, "device", stats_text(capture->file));
	feed->sent = sent;
	json_array_append(feed->interfaces, entry);
	json_decref(all);
}

static void close_device(struct feed *feed, const struct capture *capture, int fd)
{
	note_interface(feed, capture);
	interface_close(&feed->runtime->interfaces[SLOT]);
	close(fd);
}

static uint64_t received(const struct runtime *runtime)
{
	struct worker_counters sum;
	stats_sum_workers(runtime, &sum);
	return sum.received.packets;
}

// Attaches the open device and waits until its last packet was taken and is through.
static int run(struct feed *feed, struct capture_index *index, struct error *error)
{
	if (runtime_attach(feed->runtime, SLOT, index, error) < 0)
		return -1;
	while (!atomic_load_explicit(&index->done, memory_order_acquire) && !feed_interrupted(feed)) {
		runtime_pump(feed->runtime);
		usleep(PAUSE_USEC);
	}
	runtime_detach(feed->runtime, SLOT);
	return 0;
}

int feed_capture(struct feed *feed, struct capture *capture, struct error *error)
{
	struct capture_index *index = &capture->index;
	if (index->count == 0)
		return 0;
	if (capture->first_ns < feed->latest_ns)
		runtime_end_flows(feed->runtime);
	int fd = open_device(feed, capture, error);
	if (fd < 0)
		return -1;
	index->first_number = feed->next_number;
	feed->next_number += index->count;
	feed->latest_ns = capture->last_ns;
	uint64_t before = received(feed->runtime);
	uint64_t started = rte_rdtsc();
	int result = run(feed, index, error);
	feed->ticks += rte_rdtsc() - started;
	uint64_t came = received(feed->runtime) - before;
	close_device(feed, capture, fd);
	if (result < 0 || feed->interrupted || came == index->count)
		return result;
	return error_set(error, "%s: %lu of %lu packets came in: the file has changed, or packet buffers ran out",
		capture->file, (unsigned long)came, (unsigned long)index->count);
}
