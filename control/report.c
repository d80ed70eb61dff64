// SPDX-License-Identifier: BSD-3-Clause
#include "control/report.h"

#include "control/address.h"
#include "control/services.h"
#include "control/stats.h"

static json_t *capture_entry(const struct capture *capture)
{
	json_t *broken = capture->broken[0] ? stats_text(capture->broken) : json_null();
	return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:o}",
		"file", stats_text(capture->file),
		"packets", (json_int_t)capture->index.count,
		"replayed", (json_int_t)capture->index.next,
		"bytes", (json_int_t)capture->bytes,
		"first_ns", (json_int_t)capture->first_ns,
		"last_ns", (json_int_t)capture->last_ns,
		"broken", broken);
}

static json_t *captures_array(const struct report_input *input)
{
	json_t *array = json_array();
	for (unsigned i = 0; i < input->capture_count; i++)
		json_array_append_new(array, capture_entry(&input->captures[i]));
	return array;
}

static json_t *protocol_text(uint8_t protocol)
{
	const char *name = protocol_name(protocol);
	return name ? json_string(name) : json_sprintf("%u", protocol);
}

static json_t *rule_id(uint32_t rule)
{
	if (rule == RULE_DEFAULT)
		return json_string("default");
	return rule == RULE_NONE ? json_null() : json_integer(rule);
}

// The service at the responder's port, or else at the originator's, for captures that start in the middle.
static const char *flow_service(uint8_t protocol, uint16_t resp_port, uint16_t orig_port)
{
	if (!protocol_has_ports(protocol))
		return NULL;
	const char *name = service_name(resp_port, protocol);
	return name ? name : service_name(orig_port, protocol);
}

static json_t *flow_entry(const struct runtime *runtime, const struct flow_record *record)
{
	char text[2][ADDRESS_TEXT_MAX];
	const struct flow *flow = &record->hot;
	const struct flow_key *key = &record->cold.key;
	struct flow_end_point orig = flow_end_point(record, FLOW_ORIG), resp = flow_end_point(record, FLOW_RESP);
	return json_pack("{s:I, s:o, s:o, s:s, s:i, s:s, s:i, s:s?, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:o, s:s}",
		"id", (json_int_t)record->cold.id,
		"protocol", protocol_text(key->protocol),
		"vlan", record->cold.vlan ? json_integer(record->cold.vlan) : json_null(),
		"orig_address", address_format(&orig.address, key->family, text[0]),
		"orig_port", orig.port,
		"resp_address", address_format(&resp.address, key->family, text[1]),
		"resp_port", resp.port,
		"service", flow_service(key->protocol, resp.port, orig.port),
		"packets_orig", (json_int_t)flow->traffic[FLOW_ORIG].packets,
		"bytes_orig", (json_int_t)flow->traffic[FLOW_ORIG].bytes,
		"packets_resp", (json_int_t)flow->traffic[FLOW_RESP].packets,
		"bytes_resp", (json_int_t)flow->traffic[FLOW_RESP].bytes,
		"first_ns", (json_int_t)record->times.first,
		"last_ns", (json_int_t)record->times.last,
		"state", flow_state_name(flow->state),
		"rule", rule_id(flow->rule),
		"handler", stats_handler_name(runtime, flow->handler));
}

static json_t *top_flows_array(const struct report_input *input)
{
	json_t *array = json_array();
	for (unsigned i = 0; i < input->top->count; i++)
		json_array_append_new(array, flow_entry(input->runtime, &input->top->flow[i]));
	return array;
}

// What was opened and how it ended is told for the whole run, what was alive as of the end of the last capture.
static json_t *flows_object(const struct report_input *input)
{
	json_t *flows = stats_flows(input->runtime);
	static const char *const living[] = { "live", "by_state", "embryonic" };
	for (size_t i = 0; i < sizeof(living) / sizeof(living[0]); i++)
		json_object_set(flows, living[i], json_object_get(input->flows, living[i]));
	return flows;
}

// The devices of the captures, then those that are open still: of handlers.
static json_t *interfaces_array(const struct report_input *input)
{
	json_t *array = json_copy((json_t *)(uintptr_t)input->interfaces);
	json_t *all = stats_interfaces(input->runtime);
	for (unsigned i = 0; i < input->runtime->interface_count; i++)
		if (input->runtime->interfaces[i].open)
			json_array_append(array, json_array_get(all, i));
	json_decref(all);
	return array;
}

static void set_rates(json_t *report, const struct report_input *input)
{
	struct worker_counters sum;
	stats_sum_workers(input->runtime, &sum);
	double seconds = input->seconds > 0 ? input->seconds : 1e-9;
	json_object_set_new(report, "seconds", json_real(input->seconds));
	json_object_set_new(report, "packets_per_second", json_real((double)sum.received.packets / seconds));
	json_object_set_new(report, "bits_per_second", json_real(8.0 * (double)sum.received.bytes / seconds));
}

json_t *report_build(const struct report_input *input)
{
	const struct runtime *runtime = input->runtime;
	json_t *report = json_pack("{s:s, s:b}", "version", PORTIER_VERSION, "interrupted", (int)input->interrupted);
	if (!report)
		return NULL;
	set_rates(report, input);
	json_object_set_new(report, "captures", captures_array(input));
	json_object_set_new(report, "ledger", stats_ledger(runtime));
	json_object_set_new(report, "handlers", stats_handlers(runtime));
	json_object_set_new(report, "listeners", stats_listeners(runtime));
	json_object_set_new(report, "port_classes", stats_port_classes(runtime));
	json_object_set_new(report, "top_flows", top_flows_array(input));
	json_object_set_new(report, "flows", flows_object(input));
	json_object_set_new(report, "drops", stats_drops(runtime));
	json_object_set_new(report, "rules", stats_rules(runtime));
	json_object_set_new(report, "workers", stats_workers(runtime));
	json_object_set_new(report, "interfaces", interfaces_array(input));
	json_object_set_new(report, "notes", stats_notes(runtime));
	if (runtime->options.mode == RUNTIME_LIVE)
		json_object_set_new(report, "latency", stats_latency(runtime));
	return report;
}
