// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_log.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <time.h>

#include <rte_ring_elem.h>

static_assert(sizeof(struct rule_log_record) % 4 == 0, "elements of rte_ring");

enum { BATCH = 64 }; // records taken from a ring at once

struct line {
	char *text;
	size_t used;
};

static void put(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct line *line, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(line->text + line->used, RULE_LOG_LINE_MAX - line->used, format, arguments);
	va_end(arguments);
	if (length > 0)
		line->used = RTE_MIN(line->used + (size_t)length, (size_t)RULE_LOG_LINE_MAX - 1);
}

static void put_address(struct line *line, const char *name, const struct ip_address *address, uint8_t family)
{
	char text[INET6_ADDRSTRLEN] = "?";
	inet_ntop(family == FAMILY_IP6 ? AF_INET6 : AF_INET, address->byte, text, sizeof(text));
	put(line, " %s=%s", name, text);
}

static void put_flags(struct line *line, uint8_t flags)
{
	static const struct {
		uint8_t flag;
		const char *name;
	} names[] = { { 0x80, "CWR" }, { 0x40, "ECE" }, { TCP_URG, "URG" }, { TCP_ACK, "ACK" }, { TCP_PSH, "PSH" },
		{ TCP_RST, "RST" }, { TCP_SYN, "SYN" }, { TCP_FIN, "FIN" } };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (flags & names[i].flag)
			put(line, " %s", names[i].name);
}

static const char *protocol_name(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "TCP";
	case IPPROTO_UDP:
		return "UDP";
	case IPPROTO_UDPLITE:
		return "UDPLITE";
	case IPPROTO_DCCP:
		return "DCCP";
	case IPPROTO_SCTP:
		return "SCTP";
	case IPPROTO_ICMP:
		return "ICMP";
	case IPPROTO_ICMPV6:
		return "ICMPv6";
	default:
		return NULL;
	}
}

static void put_transport(struct line *line, const struct packet_tuple *tuple)
{
	const char *name = protocol_name(tuple->protocol);
	if (!name) {
		put(line, " PROTO=%u", tuple->protocol);
		return;
	}
	put(line, " PROTO=%s", name);
	if (tuple->portless)
		return;
	if (tuple->protocol == IPPROTO_ICMP || tuple->protocol == IPPROTO_ICMPV6) {
		put(line, " TYPE=%u CODE=%u", tuple->icmp_type, tuple->icmp_code);
		return;
	}
	put(line, " SPT=%u DPT=%u", tuple->source_port, tuple->destination_port);
	if (tuple->protocol == IPPROTO_TCP)
		put_flags(line, tuple->tcp_flags);
}

const char *rule_log_format(const struct rule_log_record *record, const char *prefix, const char *interface,
			    char text[RULE_LOG_LINE_MAX])
{
	static const char *const verdicts[] = { [VERDICT_ACCEPT] = "accept", [VERDICT_DROP] = "drop",
		[VERDICT_REJECT] = "reject" };
	struct line line = { .text = text };
	const struct packet_tuple *tuple = &record->tuple;

	put(&line, "%sIN=%s OUT=", prefix ? prefix : "", interface);
	if (tuple->tagged)
		put(&line, " VLAN=%u", tuple->vlan);
	put_address(&line, "SRC", &tuple->source, tuple->family);
	put_address(&line, "DST", &tuple->destination, tuple->family);
	put(&line, " LEN=%u", record->length);
	put_transport(&line, tuple);
	put(&line, " VERDICT=%s", record->verdict <= VERDICT_REJECT ? verdicts[record->verdict] : "?");
	return text;
}

static void put_time(FILE *out, uint64_t unix_ns)
{
	char text[32];
	time_t seconds = (time_t)(unix_ns / 1000000000);
	struct tm broken;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &broken));
	fprintf(out, "%s.%06uZ", text, (unsigned)(unix_ns % 1000000000 / 1000));
}

// The rule may be gone since: then nobody knows its prefix.
static void print(const struct runtime *runtime, const struct rule_log_record *record, FILE *out)
{
	const struct stored_rule *rule = rule_store_find(runtime->rules, record->slot);
	char line[RULE_LOG_LINE_MAX];

	put_time(out, runtime_unix_ns(runtime, record->time));
	fprintf(out, " portier: %s\n",
		rule_log_format(record, rule ? rule->entry->log_prefix : NULL,
			runtime->interfaces[record->tuple.interface].name, line));
}

unsigned rule_log_print(const struct runtime *runtime, FILE *out)
{
	struct rule_log_record records[BATCH];
	unsigned lines = 0;

	for (unsigned i = 0; i < runtime->worker_count; i++) {
		struct rte_ring *ring = runtime->workers[i]->shown;
		unsigned n;
		while (ring && (n = rte_ring_sc_dequeue_burst_elem(ring, records, sizeof(records[0]), BATCH, NULL))) {
			for (unsigned k = 0; k < n; k++)
				print(runtime, &records[k], out);
			lines += n;
		}
	}
	return lines;
}
