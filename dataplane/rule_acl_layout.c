// SPDX-License-Identifier: BSD-3-Clause
// Which fields a context of rte_acl has, and where it finds them in a sealed tuple.
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

void acl_layout_make(struct acl_layout *layout, uint16_t asks, const unsigned words[ENDS])
{
	enum { PAIR = RULE_SOURCE_PORT | RULE_DESTINATION_PORT | RULE_ICMP_TYPE | RULE_ICMP_CODE,
		BYTES = RULE_TCP_FLAGS | RULE_NEXT_HEADER | RULE_INTERFACE | RULE_CONNECTION };
	memset(layout, 0, sizeof(*layout));
	memset(layout->at, -1, sizeof(layout->at));
	layout->config.num_categories = 1;
	layout_add(layout, ACL_PROTOCOL, RTE_ACL_FIELD_TYPE_BITMASK, 1, offsetof(struct packet_tuple, protocol));
	if (asks & RULE_DESTINATION)
		layout_address(layout, ACL_DESTINATION, words[END_DESTINATION], offsetof(struct packet_tuple, destination));
	if (asks & RULE_SOURCE)
		layout_address(layout, ACL_SOURCE, words[END_SOURCE], offsetof(struct packet_tuple, source));
	if (asks & PAIR) {
		layout_add(layout, ACL_SOURCE_PORT, RTE_ACL_FIELD_TYPE_RANGE, 2, offsetof(struct packet_tuple, acl_port[0]));
		layout_add(layout, ACL_DESTINATION_PORT, RTE_ACL_FIELD_TYPE_RANGE, 2,
			offsetof(struct packet_tuple, acl_port[1]));
	}
	for (unsigned i = 0; asks & BYTES && i < 4; i++)
		layout_add(layout, ACL_NEXT_HEADER + i, RTE_ACL_FIELD_TYPE_BITMASK, 1,
			WORD_OF_BYTES + i);
	if (asks & RULE_VLAN) {
		layout_add(layout, ACL_VLAN, RTE_ACL_FIELD_TYPE_RANGE, 2, offsetof(struct packet_tuple, acl_vlan));
		layout_add(layout, ACL_VLAN_REST, RTE_ACL_FIELD_TYPE_BITMASK, 2, offsetof(struct packet_tuple, acl_unused));
	}
}
