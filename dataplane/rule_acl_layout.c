// SPDX-License-Identifier: BSD-3-Clause
// Which fields a context of rte_acl has, in which order, and where it finds them in a sealed tuple.
#include "dataplane/rule_acl_private.h"

static void layout_add(struct acl_layout *layout, enum acl_field field, uint8_t type, uint8_t size, size_t offset)
{
	struct rte_acl_config *config = &layout->config;
	uint8_t index = (uint8_t)config->num_fields++;
	const struct rte_acl_field_def *last = index ? &config->defs[index - 1] : NULL;
	bool same_word = last && last->input_index > 0 && offset / 4 == last->offset / 4;
	layout->at[field] = (int8_t)index;
	config->defs[index] = (struct rte_acl_field_def){
		.type = type,
		.size = size,
		.field_index = index,
		.input_index = last ? (uint8_t)(last->input_index + !same_word) : 0,
		.offset = (uint32_t)offset,
	};
}

static void layout_address(struct acl_layout *layout, enum acl_field field, unsigned words, size_t offset)
{
	for (unsigned i = 0; i < words; i++)
		layout_add(layout, field + i, RTE_ACL_FIELD_TYPE_MASK, 4, offset + 4 * i);
}

// Four bytes of the tuple in this order are a word.
enum { WORD_OF_BYTES = offsetof(struct packet_tuple, next_header) };
static_assert(ACL_CONNECTION - ACL_NEXT_HEADER == offsetof(struct packet_tuple, connection) - WORD_OF_BYTES &&
		ACL_TCP_FLAGS - ACL_NEXT_HEADER == offsetof(struct packet_tuple, tcp_flags) - WORD_OF_BYTES &&
		ACL_INTERFACE - ACL_NEXT_HEADER == offsetof(struct packet_tuple, interface) - WORD_OF_BYTES,
	"bytes by their field's number");
// rte_acl reads words, and of the first field one from its byte on.
static_assert(offsetof(struct packet_tuple, source) % 4 == 0 && offsetof(struct packet_tuple, destination) % 4 == 0 &&
		offsetof(struct packet_tuple, next_header) % 4 == 0 && offsetof(struct packet_tuple, acl_port) % 4 == 0 &&
		offsetof(struct packet_tuple, acl_vlan) % 4 == 0 &&
		offsetof(struct packet_tuple, protocol) + 4 <= sizeof(struct packet_tuple),
	"words");

static void layout_ports(struct acl_layout *layout)
{
	layout_add(layout, ACL_SOURCE_PORT, RTE_ACL_FIELD_TYPE_RANGE, 2, offsetof(struct packet_tuple, acl_port[0]));
	layout_add(layout, ACL_DESTINATION_PORT, RTE_ACL_FIELD_TYPE_RANGE, 2, offsetof(struct packet_tuple, acl_port[1]));
}

static void layout_bytes(struct acl_layout *layout)
{
	for (unsigned i = 0; i < 4; i++)
		layout_add(layout, ACL_NEXT_HEADER + i, RTE_ACL_FIELD_TYPE_BITMASK, 1, WORD_OF_BYTES + i);
}

static void layout_vlan(struct acl_layout *layout)
{
	layout_add(layout, ACL_VLAN, RTE_ACL_FIELD_TYPE_RANGE, 2, offsetof(struct packet_tuple, acl_vlan));
	layout_add(layout, ACL_VLAN_REST, RTE_ACL_FIELD_TYPE_BITMASK, 2, offsetof(struct packet_tuple, acl_unused));
}

// The small words that are asked for: those with few values, or the others.
static void layout_small_words(struct acl_layout *layout, uint16_t asks, const struct acl_values values[], bool few)
{
	static const struct {
		uint16_t asks;
		void (*add)(struct acl_layout *layout);
	} words[ACL_SMALL_WORDS] = {
		[ACL_WORD_PORTS] = { RULE_SOURCE_PORT | RULE_DESTINATION_PORT | RULE_ICMP_TYPE | RULE_ICMP_CODE, layout_ports },
		[ACL_WORD_BYTES] = { RULE_TCP_FLAGS | RULE_NEXT_HEADER | RULE_INTERFACE | RULE_CONNECTION, layout_bytes },
		[ACL_WORD_VLAN] = { RULE_VLAN, layout_vlan },
	};
	for (unsigned i = 0; i < ACL_SMALL_WORDS; i++) {
		if (asks & words[i].asks && (values[i].branches <= FEW_BRANCHES) == few)
			words[i].add(layout);
	}
}

// rte_acl walks words in this order, down a tree, and copies what follows into each branch. A word with few values is a few nodes
// at its root; as the last one it would be some for each leaf. The tree of ten thousand senders who are denied the same ports
// would not fit the cache then.
void acl_layout_make(struct acl_layout *layout, uint16_t asks, const unsigned words[ENDS],
		     const struct acl_values values[ACL_SMALL_WORDS])
{
	memset(layout, 0, sizeof(*layout));
	memset(layout->at, -1, sizeof(layout->at));
	layout->config.num_categories = 1;
	layout_add(layout, ACL_PROTOCOL, RTE_ACL_FIELD_TYPE_BITMASK, 1, offsetof(struct packet_tuple, protocol));
	layout_small_words(layout, asks, values, true);
	if (asks & RULE_DESTINATION)
		layout_address(layout, ACL_DESTINATION, words[END_DESTINATION], offsetof(struct packet_tuple, destination));
	if (asks & RULE_SOURCE)
		layout_address(layout, ACL_SOURCE, words[END_SOURCE], offsetof(struct packet_tuple, source));
	layout_small_words(layout, asks, values, false);
}
