// SPDX-License-Identifier: BSD-3-Clause
#include "control/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int family_bits(uint8_t family)
{
	return family == FAMILY_IP4 ? 32 : 128;
}

const char *address_format(const struct ip_address *address, uint8_t family, char text[ADDRESS_TEXT_MAX])
{
	if (family == FAMILY_NONE)
		return strcpy(text, "any");
	inet_ntop(family == FAMILY_IP4 ? AF_INET : AF_INET6, address->byte, text, ADDRESS_TEXT_MAX);
	return text;
}

const char *prefix_format(const struct prefix *prefix, char text[ADDRESS_TEXT_MAX])
{
	address_format(&prefix->address, prefix->family, text);
	if (prefix->family != FAMILY_NONE && prefix->bits != family_bits(prefix->family)) {
		size_t used = strlen(text);
		snprintf(text + used, ADDRESS_TEXT_MAX - used, "/%u", prefix->bits);
	}
	return text;
}

static bool host_bits_zero(const struct prefix *prefix)
{
	for (int bit = prefix->bits; bit < family_bits(prefix->family); bit++) {
		if (prefix->address.byte[bit / 8] & (0x80 >> bit % 8))
			return false;
	}
	return true;
}

// The digits behind the slash; -1: no number that any family could have.
static int prefix_length(const char *digits)
{
	size_t count = strspn(digits, "0123456789");
	if (count == 0 || count > 3 || digits[count])
		return -1;
	return atoi(digits);
}

int prefix_parse(const char *text, struct prefix *prefix)
{
	char address[ADDRESS_TEXT_MAX];
	memset(prefix, 0, sizeof(*prefix));
	if (strcmp(text, "any") == 0)
		return 0;

	size_t length = strcspn(text, "/");
	if (length >= sizeof(address))
		return -1;
	memcpy(address, text, length);
	address[length] = '\0';
	prefix->family = strchr(address, ':') ? FAMILY_IP6 : FAMILY_IP4;
	int family = prefix->family == FAMILY_IP4 ? AF_INET : AF_INET6;
	if (inet_pton(family, address, prefix->address.byte) != 1)
		return -1;

	int bits = text[length] ? prefix_length(text + length + 1) : family_bits(prefix->family);
	if (bits < 0 || bits > family_bits(prefix->family))
		return -3;
	prefix->bits = (uint8_t)bits;
	return host_bits_zero(prefix) ? 0 : -2;
}
