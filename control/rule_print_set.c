// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_print_set.h"

#include <string.h>

#include "control/address.h"
#include "control/range_set.h"

static void print_number(struct text_buffer *text, const struct number_style *style, uint16_t number)
{
	const char *name = style->names != NFT_TYPES ? nft_type_name(style->names, number) : NULL;
	if (name)
		text_buffer_add(text, name);
	else
		text_buffer_format(text, "%u", number);
}

static void print_port_range(struct text_buffer *text, const struct number_style *style, const struct port_range *range)
{
	if (range->low == range->high && !style->as_range)
		print_number(text, style, range->low);
	else
		text_buffer_format(text, "%u-%u", range->low, range->high);
}

static void print_port_ranges(struct text_buffer *text, const struct number_style *style, const struct port_range range[],
			      size_t count)
{
	if (count == 1) {
		print_port_range(text, style, range);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		text_buffer_add(text, i ? ", " : "{ ");
		print_port_range(text, style, &range[i]);
	}
	text_buffer_add(text, " }");
}

// Nothing is all but everything.
void print_port_set(struct text_buffer *text, const struct port_set *set, const struct number_style *style)
{
	struct port_ranges rest = { 0 };
	for (uint32_t i = 0; i < set->count; i++)
		text->failed |= port_ranges_add(&rest, set->range[i].low, set->range[i].high) != 0;
	text->failed |= port_ranges_negate(&rest, (uint16_t)style->most) != 0;
	bool negative = rest.count && (style->negate || rest.count < set->count || set->count == 0);
	if (negative)
		text_buffer_add(text, "!= ");
	if (negative)
		print_port_ranges(text, style, rest.range, rest.count);
	else
		print_port_ranges(text, style, set->range, set->count);
	text_buffer_add(text, " ");
	port_ranges_free(&rest);
}

void print_byte_set(struct text_buffer *text, const struct byte_set *set, const struct number_style *style)
{
	struct port_range range[BYTE_SET_RUNS_MAX];
	const struct port_set ranges = { range, byte_set_runs(set, range) };
	print_port_set(text, &ranges, style);
}

// Addresses

// The length of the prefix that a range is, or -1.
static int prefix_of(const struct address_range *range, unsigned bits)
{
	unsigned length = 0;
	while (length < bits &&
	       !((range->low.byte[length / 8] ^ range->high.byte[length / 8]) & 0x80 >> length % 8))
		length++;
	for (unsigned bit = length; bit < bits; bit++) {
		unsigned mask = 0x80u >> bit % 8;
		if (range->low.byte[bit / 8] & mask || !(range->high.byte[bit / 8] & mask))
			return -1;
	}
	return (int)length;
}

static void print_address_range(struct text_buffer *text, enum ip_family family, const struct address_range *range)
{
	char address[ADDRESS_TEXT_MAX];
	int length = prefix_of(range, family == FAMILY_IP4 ? 32 : 128);
	text_buffer_add(text, address_format(&range->low, (uint8_t)family, address));
	if (length < 0)
		text_buffer_format(text, "-%s", address_format(&range->high, (uint8_t)family, address));
	else if (length != (family == FAMILY_IP4 ? 32 : 128))
		text_buffer_format(text, "/%d", length);
}

static void print_address_ranges(struct text_buffer *text, enum ip_family family, const struct address_range range[],
				 size_t count)
{
	if (count == 1) {
		print_address_range(text, family, range);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		text_buffer_add(text, i ? ", " : "{ ");
		print_address_range(text, family, &range[i]);
	}
	text_buffer_add(text, " }");
}

void print_address_set(struct text_buffer *text, enum ip_family family, const struct address_set *set)
{
	struct address_ranges rest = { 0 };
	for (uint32_t i = 0; i < set->count; i++)
		text->failed |= address_ranges_add(&rest, &set->range[i].low, &set->range[i].high) != 0;
	text->failed |= address_ranges_negate(&rest, family) != 0;
	bool negative = rest.count && (rest.count < set->count || set->count == 0);
	text_buffer_add(text, negative ? "!= " : "");
	if (negative)
		print_address_ranges(text, family, rest.range, rest.count);
	else
		print_address_ranges(text, family, set->range, set->count);
	text_buffer_add(text, " ");
	address_ranges_free(&rest);
}

// Interfaces: "a|b*" or "!a|b*"

void print_interfaces(struct text_buffer *text, const char *names)
{
	bool several = strchr(names, '|') != NULL, none_of = names[0] == '!';
	names += none_of;
	text_buffer_format(text, "%s%s", none_of ? "!= " : "", several ? "{ " : "");
	for (size_t length; *names; names += length + (names[length] == '|')) {
		length = strcspn(names, "|");
		text_buffer_add(text, "\"");
		text_buffer_add_bytes(text, names, length);
		text_buffer_add(text, names[length] ? "\", " : "\" ");
	}
	if (several)
		text_buffer_add(text, "} ");
}

// TCP flags

static void print_flags(struct text_buffer *text, unsigned flags)
{
	bool several = (flags & (flags - 1)) != 0, first = true;
	if (flags == 0) {
		text_buffer_add(text, "0x0");
		return;
	}
	text_buffer_add(text, several ? "(" : "");
	for (unsigned bit = 1; bit <= 0x80; bit <<= 1) {
		if (!(flags & bit))
			continue;
		text_buffer_format(text, "%s%s", first ? "" : " | ", nft_type_name(NFT_TYPE_TCP_FLAGS, bit));
		first = false;
	}
	text_buffer_add(text, several ? ")" : "");
}

// Bits that make a difference.
static unsigned flags_mask(const struct byte_set *set)
{
	unsigned mask = 0;
	for (unsigned bit = 1; bit <= 0x80; bit <<= 1) {
		for (unsigned value = 0; value < 256; value++) {
			if (byte_set_has(set, (uint8_t)value) != byte_set_has(set, (uint8_t)(value ^ bit)))
				mask |= bit;
		}
	}
	return mask;
}

// How many values under the mask are in the set, or are not; the last of them.
static unsigned masked_values(const struct byte_set *set, unsigned mask, bool inside, unsigned *value)
{
	unsigned count = 0;
	for (unsigned candidate = 0; candidate < 256; candidate++) {
		if ((candidate & ~mask) == 0 && byte_set_has(set, (uint8_t)candidate) == inside) {
			*value = candidate;
			count++;
		}
	}
	return count;
}

static void print_flag_set(struct text_buffer *text, const struct byte_set *set)
{
	bool first = true;
	for (unsigned value = 0; value < 256; value++) {
		if (!byte_set_has(set, (uint8_t)value))
			continue;
		text_buffer_format(text, "%s0x%x", first ? "{ " : ", ", value);
		first = false;
	}
	text_buffer_add(text, " }");
}

void print_tcp_flags(struct text_buffer *text, const struct byte_set *set)
{
	unsigned mask = flags_mask(set), value = 0;
	unsigned inside = masked_values(set, mask, true, &value);
	bool equal = inside == 1;
	if (!equal && masked_values(set, mask, false, &value) != 1) {
		print_flag_set(text, set);
		text_buffer_add(text, " ");
		return;
	}
	if (mask != 0xff) {
		text_buffer_add(text, "& ");
		print_flags(text, mask);
		text_buffer_add(text, " ");
	}
	text_buffer_add(text, equal ? "== " : "!= ");
	print_flags(text, value);
	text_buffer_add(text, " ");
}
