// SPDX-License-Identifier: BSD-3-Clause
// Checksums of whole headers and payloads. Any thread.
#pragma once

#include <stdint.h>

// What belongs into the checksum field (in network byte order) if that field is 0 now; 0 if it is there and right.
// RFC 1071.
uint16_t checksum_internet(const uint8_t *bytes, uint32_t length);

// The same for a transport payload with its pseudo-header (RFC 9293 3.1, RFC 8200 8.1). addresses: source and
// destination, one behind the other, address_bytes (4 or 16) each.
uint16_t checksum_transport(const uint8_t *addresses, uint32_t address_bytes, uint8_t protocol, const uint8_t *payload,
			    uint32_t length);

// SCTP's CRC32c (RFC 9260 appendix A) over a packet whose own field counts as 0, as it stands in the field.
uint32_t checksum_sctp(const uint8_t *packet, uint32_t length);
