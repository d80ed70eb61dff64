// SPDX-License-Identifier: BSD-3-Clause
// Workers, interfaces, flow tables and the daemon itself as JSON.
#include <sched.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_version.h>

#include "control/stats.h"

static const char *const mode_name[] = {
	[RUNTIME_LIVE] = "live",
	[RUNTIME_REPLAY] = "replay",
};

static const char *const role_name[] = {
	[INTERFACE_LINK] = "link",
	[INTERFACE_HANDLER] = "handler",
};

static const char *const steering_name[] = {
	[STEER_NONE] = "none",
	[STEER_RSS] = "rss",
	[STEER_SOFTWARE] = "software",
	[STEER_DEVICE] = "device",
};

// By enum flow_end.
static const char *const end_name[] = {
	[FLOW_END_TIMEOUT] = "timeout",
	[FLOW_END_EVICTED] = "evicted",
	[FLOW_END_CLOSED] = "closed",
	[FLOW_END_DENIED] = "denied",
	[FLOW_END_RUN] = "run",
};

// Seconds since the start, by a clock that nobody sets.
static double uptime_seconds(const struct runtime *runtime)
{
	uint64_t hz = rte_get_tsc_hz();
	return hz && runtime->started_tsc ? (double)(rte_rdtsc() - runtime->started_tsc) / (double)hz : 0;
}

// The CPU that an lcore is bound to; the two differ where the EAL was told to map them.
static unsigned lcore_cpu(unsigned lcore)
{
	if (!rte_lcore_is_enabled(lcore))
		return lcore;
	rte_cpuset_t cpus = rte_lcore_cpuset(lcore);
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &cpus))
			return cpu;
	return lcore;
}

static double busy_percent(const struct runtime *runtime, const struct worker *worker)
{
	uint64_t total = rte_rdtsc() - runtime->started_tsc;
	return runtime->started_tsc ? 100.0 * (double)counter_read(&worker->counters.busy_ticks) / (double)total : 0;
}

static struct traffic read_traffic(const struct traffic *traffic)
{
	return (struct traffic){ counter_read(&traffic->packets), counter_read(&traffic->bytes) };
}

static json_t *worker_traffic(const struct traffic *counter)
{
	struct traffic traffic = read_traffic(counter);
	return stats_traffic(&traffic);
}

static json_t *worker_dropped(const struct worker_counters *counters)
{
	struct traffic sum = { 0 };
	for (unsigned i = 0; i < DROP_REASONS; i++) {
		struct traffic drops = read_traffic(&counters->drops[i]);
		sum.packets += drops.packets;
		sum.bytes += drops.bytes;
	}
	return stats_traffic(&sum);
}

static struct flow_table_stats table_stats(const struct worker *worker)
{
	struct flow_table_stats stats = { 0 };
	if (worker->flows)
		flow_table_stats(worker->flows, &stats);
	return stats;
}

static json_t *worker_entry(const struct runtime *runtime, const struct worker *worker)
{
	const struct worker_counters *counters = &worker->counters;
	struct flow_table_stats table = table_stats(worker);
	return json_pack("{s:i, s:i, s:i, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:f}",
		"id", (int)worker->id,
		"cpu", (int)lcore_cpu(worker->lcore),
		"numa_node", worker->socket,
		"running", (int)atomic_load(&worker->running),
		"received", worker_traffic(&counters->received),
		"returned", worker_traffic(&counters->returned),
		"passed_in", worker_traffic(&counters->passed_in),
		"handed", worker_traffic(&counters->handed),
		"answered", worker_traffic(&counters->answered),
		"forwarded", worker_traffic(&counters->forwarded),
		"passed_out", worker_traffic(&counters->passed_out),
		"dropped", worker_dropped(counters),
		"flows", (json_int_t)table.used,
		"table_capacity", (json_int_t)table.capacity,
		"polls", (json_int_t)counter_read(&counters->polls),
		"polls_empty", (json_int_t)counter_read(&counters->polls_empty),
		"busy_percent", busy_percent(runtime, worker));
}

json_t *stats_workers(const struct runtime *runtime)
{
	json_t *array = json_array();
	for (unsigned i = 0; i < runtime->worker_count; i++)
		if (json_array_append_new(array, worker_entry(runtime, runtime->workers[i]))) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static uint64_t sent_by_workers(const struct runtime *runtime, unsigned interface)
{
	uint64_t sent = 0;
	for (unsigned i = 0; i < runtime->worker_count; i++)
		sent += counter_read(&runtime->workers[i]->interface_sent[interface]);
	return sent;
}

// A place that a replay keeps for an interface has no device: port 0 is another's.
static bool has_device(const struct interface *interface)
{
	return interface->open && rte_eth_dev_is_valid_port(interface->port_id);
}

static json_t *device_entry(const struct interface *interface)
{
	char mac[RTE_ETHER_ADDR_FMT_SIZE];
	rte_ether_format_addr(mac, sizeof(mac), &interface->mac);
	uint32_t speed = 0;
	bool up = has_device(interface) && interface_link_up(interface, &speed);
	return json_pack("{s:s, s:o, s:s, s:s, s:s, s:b, s:I, s:i, s:i, s:i, s:i, s:b, s:s, s:s}",
		"name", interface->name,
		"device", stats_text(interface->device),
		"driver", interface->driver,
		"role", role_name[interface->role],
		"mac", mac,
		"link_up", (int)up,
		"speed_mbps", (json_int_t)(up ? speed : 0),
		"mtu", (int)interface->mtu,
		"numa_node", interface->socket,
		"queues", (int)interface->rx_queues,
		"tx_queues", (int)interface->tx_queues,
		"promiscuous", (int)interface->promiscuous,
		"steering", steering_name[interface->steering],
		"steering_text", interface->steering_text);
}

static json_t *interface_entry(const struct runtime *runtime, unsigned index)
{
	const struct interface *interface = &runtime->interfaces[index];
	struct rte_eth_stats stats = { 0 };
	if (has_device(interface))
		rte_eth_stats_get(interface->port_id, &stats);
	json_t *entry = device_entry(interface);
	json_t *counters = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
		"rx_packets", (json_int_t)stats.ipackets,
		"rx_bytes", (json_int_t)stats.ibytes,
		"rx_missed", (json_int_t)stats.imissed,
		"rx_errors", (json_int_t)stats.ierrors,
		"rx_no_buffer", (json_int_t)stats.rx_nombuf,
		"tx_packets", (json_int_t)stats.opackets,
		"tx_bytes", (json_int_t)stats.obytes,
		"tx_errors", (json_int_t)stats.oerrors,
		"sent", (json_int_t)sent_by_workers(runtime, index));
	if (json_object_update(entry, counters)) {
		json_decref(entry);
		entry = NULL;
	}
	json_decref(counters);
	return entry;
}

json_t *stats_interfaces(const struct runtime *runtime)
{
	json_t *array = json_array();
	for (unsigned i = 0; i < runtime->interface_count; i++)
		if (json_array_append_new(array, interface_entry(runtime, i))) {
			json_decref(array);
			return NULL;
		}
	return array;
}

// {"tcp": {"ESTABLISHED": 3, ...}, ...}: states that were met, by kind of protocol.
static json_t *states_object(const uint64_t by_state[])
{
	static const struct {
		const char *name;
		unsigned first, last;
	} kinds[] = {
		{ "tcp", FLOW_TCP_SYN_SENT, FLOW_TCP_CLOSED },
		{ "udp", FLOW_UDP_UNREPLIED, FLOW_UDP_REPLIED },
		{ "icmp", FLOW_ICMP_UNREPLIED, FLOW_ICMP_REPLIED },
		{ "other", FLOW_OTHER_UNREPLIED, FLOW_OTHER_REPLIED },
	};
	json_t *object = json_object();
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		json_t *states = json_object();
		for (unsigned s = kinds[k].first; s <= kinds[k].last; s++)
			if (by_state[s])
				json_object_set_new(states, flow_state_name(s), json_integer((json_int_t)by_state[s]));
		json_object_set_new(object, kinds[k].name, states);
	}
	return object;
}

static json_t *ended_object(const struct worker_counters *sum)
{
	json_t *object = json_object();
	for (size_t i = 0; i < sizeof(end_name) / sizeof(end_name[0]); i++)
		json_object_set_new(object, end_name[i], json_integer((json_int_t)sum->flows_ended[i]));
	return object;
}

json_t *stats_flows(const struct runtime *runtime)
{
	struct worker_counters sum;
	stats_sum_workers(runtime, &sum);
	uint64_t live = 0, capacity = 0, embryonic = 0, failures = 0;
	for (unsigned i = 0; i < runtime->worker_count; i++) {
		const struct worker *worker = runtime->workers[i];
		struct flow_table_stats table = table_stats(worker);
		live += table.used;
		capacity += table.capacity;
		failures += table.insert_failures;
		embryonic += worker->ageing ? ageing_embryonic(worker->ageing) : 0;
	}
	return json_pack("{s:I, s:I, s:o, s:o, s:I, s:I, s:I, s:I}",
		"live", (json_int_t)live,
		"opened", (json_int_t)sum.flows_opened,
		"ended", ended_object(&sum),
		"by_state", states_object(sum.flows_by_state),
		"embryonic", (json_int_t)embryonic,
		"table_full", (json_int_t)sum.flow_table_full,
		"insert_failures", (json_int_t)failures,
		"capacity", (json_int_t)capacity);
}

static json_t *memory_object(const struct runtime *runtime)
{
	size_t flows = 0, fragments = 0;
	for (unsigned i = 0; i < runtime->worker_count; i++) {
		flows += flow_table_bytes(&(struct flow_table_params){ .capacity = runtime->config->flow_capacity }) + ageing_bytes();
		fragments += fragment_table_bytes(runtime->config->fragment_capacity);
	}
	return json_pack("{s:I, s:I}", "flow_tables_bytes", (json_int_t)flows,
			 "fragment_tables_bytes", (json_int_t)fragments);
}

json_t *stats_status(const struct runtime *runtime)
{
	return json_pack("{s:s, s:s, s:i, s:s, s:b, s:f, s:I, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:I, s:o}",
		"version", PORTIER_VERSION,
		"dpdk", rte_version(),
		"pid", (int)getpid(),
		"mode", mode_name[runtime->options.mode],
		"running", (int)runtime->workers_running,
		"uptime_seconds", uptime_seconds(runtime),
		"started_unix_ns", (json_int_t)runtime->started_unix_ns,
		"config_file", stats_text(runtime->config->file),
		"rules_file", stats_text(runtime->rules_file),
		"generation", (json_int_t)(runtime->policy ? runtime->policy->generation : 0),
		"rules", (json_int_t)rule_store_count(runtime->rules),
		"listeners", (json_int_t)runtime->listener_count,
		"handlers", (json_int_t)runtime->handler_count,
		"workers", (json_int_t)runtime->worker_count,
		"interfaces", (json_int_t)runtime->interface_count,
		"clock", runtime->options.mode == RUNTIME_REPLAY ? "capture" : "tsc",
		"tick_hz", (json_int_t)runtime->tick_hz,
		"memory", memory_object(runtime));
}
