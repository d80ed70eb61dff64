// SPDX-License-Identifier: BSD-3-Clause
// Packets as JSON, and as the words of "portierctl explain".
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "control/address.h"
#include "control/explain_private.h"
#include "control/explain_words.h"
#include "control/services.h"
#include "control/stats.h"

const char *explain_verdict_name(uint8_t verdict)
{
	static const char *const names[] = {
		[VERDICT_ACCEPT] = "accept",
		[VERDICT_DROP] = "drop",
		[VERDICT_REJECT] = "reject",
		[VERDICT_NONE] = "none",
	};
	return names[verdict];
}

enum { FLAGS_TEXT_MAX = 64 };

// "syn,ack"; "none".
static const char *flags_format(uint8_t flags, char text[FLAGS_TEXT_MAX])
{
	static const char *const names[] = { "fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr" };
	size_t used = 0;
	text[0] = '\0';
	for (unsigned bit = 0; bit < 8; bit++)
		if (flags >> bit & 1)
			used += (size_t)snprintf(text + used, FLAGS_TEXT_MAX - used, "%s%s", used ? "," : "", names[bit]);
	return used ? text : "none";
}

static const char *connection_name(uint8_t connection)
{
	switch (connection) {
	case CONNECTION_NEW:
		return "new";
	case CONNECTION_ESTABLISHED:
		return "established";
	case CONNECTION_RELATED:
		return "related";
	default:
		return "invalid";
	}
}

static void put_transport(json_t *object, const struct packet_tuple *tuple)
{
	char flags[FLAGS_TEXT_MAX];
	if (tuple->portless)
		return;
	if (protocol_has_ports(tuple->protocol)) {
		json_object_set_new(object, "source_port", json_integer(tuple->source_port));
		json_object_set_new(object, "destination_port", json_integer(tuple->destination_port));
	}
	if (tuple->protocol == IPPROTO_TCP)
		json_object_set_new(object, "tcp_flags", json_string(flags_format(tuple->tcp_flags, flags)));
	if (tuple->protocol == IPPROTO_ICMP || tuple->protocol == IPPROTO_ICMPV6) {
		json_object_set_new(object, "icmp_type", json_integer(tuple->icmp_type));
		json_object_set_new(object, "icmp_code", json_integer(tuple->icmp_code));
	}
}

json_t *explain_tuple(const struct runtime *runtime, const struct packet_tuple *tuple)
{
	char source[ADDRESS_TEXT_MAX], destination[ADDRESS_TEXT_MAX], number[8];
	const char *protocol = protocol_name(tuple->protocol);
	snprintf(number, sizeof(number), "%u", tuple->protocol);
	json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:o, s:s?, s:b}",
		"proto", protocol ? protocol : number,
		"source", address_format(&tuple->source, tuple->family, source),
		"destination", address_format(&tuple->destination, tuple->family, destination),
		"connection", connection_name(tuple->connection),
		"vlan", tuple->tagged ? json_integer(tuple->vlan) : json_null(),
		"interface", stats_interface_name(runtime, tuple->interface),
		"portless", (int)tuple->portless);
	put_transport(object, tuple);
	return object;
}

static int find_interface(const struct runtime *runtime, const char *name, uint8_t *index, struct error *error)
{
	*index = 0;
	for (unsigned i = 0; i < runtime->interface_count; i++) {
		if (strcmp(runtime->interfaces[i].name, name) == 0) {
			*index = (uint8_t)i;
			return 0;
		}
	}
	return name[0] ? error_set(error, "there is no interface '%s': 'portierctl interfaces' shows them", name) : 0;
}

json_t *explain_words(const struct runtime *runtime, const char *text, struct error *error)
{
	struct explain_words words;
	uint8_t frame[EXPLAIN_FRAME_MAX];
	struct explain_input input = { .frame = frame, .time = stats_now(runtime), .checksum = CHECKSUM_GOOD };
	if (explain_words_parse(text, &words, error) ||
	    find_interface(runtime, words.interface, &input.interface, error))
		return NULL;
	input.captured = input.on_wire = explain_words_frame(&words, frame);
	return explain_frame(runtime, &input, error);
}
