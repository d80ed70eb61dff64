// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as a frame: nothing is read past their end, and what comes out holds together. The first four bytes choose
// the options, what the NIC says, and how much of the frame was captured.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/answer.h"
#include "dataplane/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct parse_input *input, const struct packet_meta *meta, enum drop_reason reason)
{
	struct ip_address address[2];
	struct flow_key key = meta->key;

	require(reason == meta->reason && reason < DROP_REASONS && meta->unused == 0);
	if (!(meta->flags & PACKET_HAS_TUPLE)) {
		require(reason != DROP_NONE);
		return;
	}
	packet_addresses(input->frame, meta, &address[0], &address[1]);
	require(meta->l4_offset == 0 || meta->l4_offset + meta->l4_length <= input->captured);
	require((meta->flags & PACKET_FRAGMENT) != PACKET_FRAGMENT);
	if (reason == DROP_NONE)
		require(flow_key_canonicalise(&key) == 0 && flow_key_equal(&key, &meta->key));
	if (reason == DROP_NONE && !(meta->flags & PACKET_ICMP_ERROR)) {
		unsigned source = meta->flags & PACKET_SOURCE_IS_END1 ? 1 : 0;

		require(memcmp(&meta->key.address[source], &address[0], sizeof(address[0])) == 0);
		require(memcmp(&meta->key.address[!source], &address[1], sizeof(address[1])) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 4)
		return 0;

	struct parse_options options = { .martians_drop = data[0] & 1, .truncated_drop = data[0] >> 1 & 1,
					 .vlan_in_key = data[0] >> 2 & 1, .checksum = (data[0] >> 3) % 3 };
	struct parse_input input = { .captured = size - 4, .ip_checksum = data[1] & 3, .l4_checksum = data[1] >> 2 & 3 };
	uint8_t *frame = malloc(size), answer[ANSWER_BYTES_MAX];
	struct packet_meta meta[2];
	struct fragment_info fragment;

	input.on_wire = input.captured + (data[2] & 0x80 ? data[3] : 0);
	memcpy(frame, data + 4, size - 4);
	frame = realloc(frame, input.captured ? input.captured : 1);
	input.frame = frame;
	memset(meta, 0xa5, sizeof(meta));
	check(&input, &meta[0], parse_frame(&input, &options, &meta[0], &fragment));
	if (meta[0].reason == DROP_NONE)
		require(answer_build(frame, input.captured, &meta[0], data[2] & 3, data[3], answer) <= sizeof(answer));

	// The straight line for common packets says the same as the full parser, byte for byte.
	memset(&meta[0], 0x5a, sizeof(meta[0]));
	options.checksum = CHECKSUM_TRUST;
	input.ip_checksum = input.l4_checksum = CHECKSUM_GOOD;
	parse_frame(&input, &options, &meta[0], &fragment);
	options.checksum = CHECKSUM_VERIFY;
	parse_frame(&input, &options, &meta[1], &fragment);
	require(memcmp(&meta[0], &meta[1], sizeof(meta[0])) == 0);
	free(frame);
	return 0;
}
