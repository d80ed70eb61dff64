// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/parse.h"

#include <rte_common.h>

#include "dataplane/parse_usual.h"

enum drop_reason parse_frame(const struct parse_input *input, const struct parse_options *options,
			     struct packet_meta *meta, struct fragment_info *fragment)
{
	bool checksums = options->checksum == CHECKSUM_VERIFY || input->ip_checksum == CHECKSUM_BAD ||
			 input->l4_checksum == CHECKSUM_BAD;
	struct flow_key4 packed;
	bool wide = false;

	if (likely(!checksums && parse_usual(input->frame, input->captured, options, meta, &packed, &wide)))
		return DROP_NONE;
	return parse_any(input, options, meta, fragment);
}

void packet_addresses(const uint8_t *frame, const struct packet_meta *meta, struct ip_address *source,
		      struct ip_address *destination)
{
	unsigned bytes = address_bytes(meta->family);
	const uint8_t *addresses = frame + meta->l3_offset + (meta->family == FAMILY_IP4 ? 12 : 8);

	*source = (struct ip_address){ 0 };
	*destination = (struct ip_address){ 0 };
	memcpy(source->byte, addresses, bytes);
	memcpy(destination->byte, addresses + bytes, bytes);
}

void packet_set_flow_ports(struct packet_meta *meta, rte_be16_t source, rte_be16_t destination)
{
	unsigned end = meta->flags & PACKET_SOURCE_IS_END1 ? 1 : 0;
	struct flow_key key = meta->key;

	key.address[0] = meta->key.address[end];
	key.address[1] = meta->key.address[!end];
	key.port[0] = source;
	key.port[1] = destination;
	meta->flags &= ~PACKET_SOURCE_IS_END1;
	meta->flags |= flow_key_canonicalise(&key) ? PACKET_SOURCE_IS_END1 : 0;
	meta->key = key;
}
