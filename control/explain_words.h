// SPDX-License-Identifier: BSD-3-Clause
// A packet in words, as "portierctl explain" takes it, and its bytes:
//
//   PROTO SOURCE[:PORT] DESTINATION[:PORT] [FLAGS | TYPE[/CODE]] [vlan ID] [in INTERFACE]
//
// IPv6 addresses with ports stand in brackets. FLAGS of TCP: "syn" (where none are said), "syn-ack", "rst"... TYPE of ICMP:
// "echo-request" (where none is said), "8", "3/1".
#pragma once

#include "control/error.h"
#include "dataplane/flow_key.h"

enum { EXPLAIN_FRAME_MAX = 128 };

struct explain_words {
	struct ip_address source, destination;
	uint16_t source_port, destination_port; // host order
	uint16_t vlan;
	uint8_t family, protocol;
	uint8_t tcp_flags, icmp_type, icmp_code;
	bool tagged;
	char interface[32]; // "": the first
};

// 0, or -1 with a text that names the word and what was expected.
int explain_words_parse(const char *text, struct explain_words *words, struct error *error);

// Writes the smallest such frame, its checksums left 0; returns its length.
uint32_t explain_words_frame(const struct explain_words *words, uint8_t frame[EXPLAIN_FRAME_MAX]);
