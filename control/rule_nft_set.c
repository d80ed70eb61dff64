// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_nft_set.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/rule_match.h"

enum {
	NAMES_MAX = 64, // interfaces of one match
};

static int no_memory(struct nft_parser *parser)
{
	return error_set(parser->error, "no memory for the rules");
}

// Definitions may hold definitions that hold definitions: what they come to is bounded.
static int spend_element(struct nft_parser *parser, const struct nft_value *value)
{
	if (++parser->elements <= NFT_ELEMENTS_MAX)
		return 0;
	return nft_unexpected_at(parser, &value->at, "expected fewer elements: the rules ask for more than 4194304 in all");
}

// Numbers

static int binary_constant(struct nft_parser *parser, enum nft_type type, const struct nft_value *value, uint32_t *number)
{
	uint32_t a, b;
	if (spend_element(parser, value))
		return -1;
	if (!nft_type_is_bits(type) || value->operator == '/')
		return nft_unexpected_at(parser, &value->at, "expected a value without '&', '|', '^' and '/': bits are put "
							     "together in TCP flags and ct states only");
	if (nft_constant(parser, type, 0, value->a, true, &a) || nft_constant(parser, type, 0, value->b, true, &b))
		return -1;
	*number = value->operator == '|' ? a | b : value->operator == '&' ? a & b : a ^ b;
	return 0;
}

static int list_constant(struct nft_parser *parser, enum nft_type type, const struct nft_value *value, uint32_t *number)
{
	if (!nft_type_is_bits(type))
		return nft_unexpected_at(parser, &value->at, "expected one value, or a set: { a, b }");
	*number = 0;
	for (const struct nft_item *item = value->items; item; item = item->next) {
		uint32_t bits;
		if (nft_constant(parser, type, 0, item->value, false, &bits))
			return -1;
		*number |= bits;
	}
	return 0;
}

int nft_constant(struct nft_parser *parser, enum nft_type type, uint8_t protocol, const struct nft_value *value, bool list,
		 uint32_t *number)
{
	if (value->kind == NFT_VALUE_SCALAR)
		return nft_type_number(parser, type, protocol, &value->at, number);
	if (value->kind == NFT_VALUE_BINARY)
		return binary_constant(parser, type, value, number);
	if (value->kind == NFT_VALUE_LIST && list)
		return list_constant(parser, type, value, number);
	return nft_unexpected_at(parser, &value->at, "expected one value");
}

// Elements

static int number_element(struct nft_parser *parser, enum nft_type type, uint8_t protocol, const struct nft_value *value,
			  struct port_range *range)
{
	uint32_t low, high;
	bool interval = value->kind == NFT_VALUE_RANGE;
	if (interval && (nft_type_is_bits(type) || type == NFT_TYPE_FAMILY))
		return nft_unexpected_at(parser, &value->at, "expected no range: these values have no order");
	if (value->kind == NFT_VALUE_PREFIX)
		return nft_unexpected_at(parser, &value->at, "expected no '/': only addresses have prefixes");
	if (nft_constant(parser, type, protocol, interval ? value->a : value, false, &low) ||
	    nft_constant(parser, type, protocol, interval ? value->b : value, false, &high))
		return -1;
	if (low > high)
		return nft_unexpected_at(parser, &value->at, "expected a range from the lower to the higher value");
	*range = (struct port_range){ (uint16_t)low, (uint16_t)high };
	return 0;
}

static int address_scalar(struct nft_parser *parser, enum nft_type type, const struct nft_value *value,
			  struct ip_address *address)
{
	if (value->kind == NFT_VALUE_LIST)
		return nft_unexpected_at(parser, &value->at, "expected one address, or a set: { a, b }");
	if (value->kind != NFT_VALUE_SCALAR)
		return nft_unexpected_at(parser, &value->at, "expected one address");
	return nft_type_address(parser, type, &value->at, address);
}

static int prefix_element(struct nft_parser *parser, enum nft_type type, const struct nft_value *value,
			  struct address_range *range)
{
	unsigned bits = type == NFT_TYPE_IP4 ? 32 : 128;
	if (address_scalar(parser, type, value->a, &range->low))
		return -1;
	if (value->bits > bits)
		return nft_unexpected_at(parser, &value->at, bits == 32 ? "expected a prefix length from 0 to 32" :
									  "expected a prefix length from 0 to 128");
	range->high = range->low;
	for (unsigned bit = (unsigned)value->bits; bit < bits; bit++) {
		range->low.byte[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
		range->high.byte[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	}
	return 0;
}

static int address_element(struct nft_parser *parser, enum nft_type type, const struct nft_value *value,
			   struct address_range *range)
{
	if (value->kind == NFT_VALUE_PREFIX)
		return prefix_element(parser, type, value, range);
	bool interval = value->kind == NFT_VALUE_RANGE;
	if (address_scalar(parser, type, interval ? value->a : value, &range->low) ||
	    address_scalar(parser, type, interval ? value->b : value, &range->high))
		return -1;
	if (memcmp(&range->low, &range->high, sizeof(range->low)) > 0)
		return nft_unexpected_at(parser, &value->at, "expected a range from the lower to the higher address");
	return 0;
}

static int name_element(struct nft_parser *parser, const struct nft_value *value, struct nft_content *content)
{
	if (value->kind != NFT_VALUE_SCALAR)
		return nft_unexpected_at(parser, &value->at, "expected one interface's name, or a set: { \"a\", \"b\" }");
	if (content->name_count == NAMES_MAX)
		return nft_unexpected_at(parser, &value->at, "expected no more than 64 interfaces");
	if (!content->names)
		content->names = nft_allocate(parser, NAMES_MAX * sizeof(*content->names));
	if (!content->names)
		return -1;
	return nft_type_interface(parser, &value->at, &content->names[content->name_count++]);
}

static int add_element(struct nft_parser *parser, enum nft_type type, uint8_t protocol, const struct nft_value *value,
		       struct nft_content *content)
{
	struct address_range addresses = { 0 };
	struct port_range numbers = { 0 };
	if (type == NFT_TYPE_INTERFACE)
		return name_element(parser, value, content);
	if (nft_type_is_address(type)) {
		if (address_element(parser, type, value, &addresses))
			return -1;
		return address_ranges_add(&content->addresses, &addresses.low, &addresses.high) ? no_memory(parser) : 0;
	}
	if (number_element(parser, type, protocol, value, &numbers))
		return -1;
	return port_ranges_add(&content->numbers, numbers.low, numbers.high) ? no_memory(parser) : 0;
}

static int add_value(struct nft_parser *parser, enum nft_type type, uint8_t protocol, const struct nft_value *value,
		     struct nft_content *content)
{
	if (spend_element(parser, value))
		return -1;
	if (value->kind == NFT_VALUE_NAMED)
		return nft_unexpected_at(parser, &value->at, "expected a value: a set can't hold another set's name");
	if (value->kind != NFT_VALUE_SET) {
		content->only = content->count++ ? NULL : value;
		return add_element(parser, type, protocol, value, content);
	}
	for (const struct nft_item *item = value->items; item; item = item->next) {
		if (add_value(parser, type, protocol, item->value, content))
			return -1;
	}
	return 0;
}

int nft_content_of(struct nft_parser *parser, enum nft_type type, uint8_t protocol, const struct nft_value *value,
		   struct nft_content *content)
{
	*content = (struct nft_content){ 0 };
	return add_value(parser, type, protocol, value, content);
}

void nft_content_free(struct nft_content *content)
{
	port_ranges_free(&content->numbers);
	address_ranges_free(&content->addresses);
}

// Named sets

struct nft_set *nft_set_find(const struct nft_parser *parser, const struct nft_token *name)
{
	for (struct nft_set *set = parser->sets; set; set = set->next) {
		if (nft_same(&set->name, name))
			return set;
	}
	return NULL;
}

struct nft_set *nft_set_create(struct nft_parser *parser, const struct nft_token *name)
{
	struct nft_set *set = nft_allocate(parser, sizeof(*set));
	if (!set)
		return NULL;
	*set = (struct nft_set){ .name = *name, .type = NFT_TYPES, .next = parser->sets };
	set->last = &set->items;
	parser->sets = set;
	return set;
}

int nft_set_add(struct nft_parser *parser, struct nft_set *set, const struct nft_value *elements)
{
	struct nft_item *item = elements ? nft_allocate(parser, sizeof(*item)) : NULL;
	if (!item)
		return -1;
	item->value = elements;
	*set->last = item;
	set->last = &item->next;
	return 0;
}

void nft_sets_free(struct nft_parser *parser)
{
	for (struct nft_set *set = parser->sets; set; set = set->next)
		nft_content_free(&set->content);
}

// What nft wants the flag "interval" for.
static bool is_interval(const struct nft_value *value)
{
	if (value->kind == NFT_VALUE_SCALAR)
		return value->at.length && value->at.text[value->at.length - 1] == '*' && value->at.kind != NFT_NUMBER;
	return value->kind == NFT_VALUE_RANGE || value->kind == NFT_VALUE_PREFIX;
}

static int check_intervals(struct nft_parser *parser, const struct nft_set *set, const struct nft_value *value)
{
	if (value->kind != NFT_VALUE_SET)
		return set->interval || !is_interval(value) ? 0 :
			nft_unexpected_at(parser, &value->at, "expected a single value: the set has no 'flags interval'");
	for (const struct nft_item *item = value->items; item; item = item->next) {
		if (check_intervals(parser, set, item->value))
			return -1;
	}
	return 0;
}

static int overlap_error(struct nft_parser *parser, const struct nft_set *set)
{
	return nft_unexpected_at(parser, &set->name, "expected a set without overlapping elements, or with 'auto-merge'");
}

static int range_order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct address_range));
}

// Equal elements are fine with nft, others that overlap are not.
static int check_address_overlaps(struct nft_parser *parser, const struct nft_set *set)
{
	const struct address_ranges *ranges = &set->content.addresses;
	if (ranges->count)
		qsort(ranges->range, ranges->count, sizeof(*ranges->range), range_order);
	for (size_t i = 1; i < ranges->count; i++) {
		const struct address_range *before = &ranges->range[i - 1], *range = &ranges->range[i];
		if (memcmp(&before->high, &range->low, sizeof(range->low)) >= 0 && memcmp(before, range, sizeof(*range)) != 0)
			return overlap_error(parser, set);
	}
	return 0;
}

static int port_order(const void *a, const void *b)
{
	const struct port_range *one = a, *other = b;
	int low = (one->low > other->low) - (one->low < other->low);
	return low ? low : (one->high > other->high) - (one->high < other->high);
}

static int check_number_overlaps(struct nft_parser *parser, const struct nft_set *set)
{
	const struct port_ranges *ranges = &set->content.numbers;
	if (ranges->count)
		qsort(ranges->range, ranges->count, sizeof(*ranges->range), port_order);
	for (size_t i = 1; i < ranges->count; i++) {
		const struct port_range *before = &ranges->range[i - 1], *range = &ranges->range[i];
		if (before->high >= range->low && port_order(before, range) != 0)
			return overlap_error(parser, set);
	}
	return 0;
}

static bool names_overlap(const char *a, const char *b)
{
	size_t of_a = strcspn(a, "*"), of_b = strcspn(b, "*");
	if (strcmp(a, b) == 0 || (!a[of_a] && !b[of_b]))
		return false;
	return strncmp(a, b, a[of_a] && (!b[of_b] || of_a < of_b) ? of_a : of_b) == 0;
}

static int check_name_overlaps(struct nft_parser *parser, const struct nft_set *set)
{
	const struct nft_content *content = &set->content;
	for (size_t i = 0; i < content->name_count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (names_overlap(content->names[i], content->names[j]))
				return overlap_error(parser, set);
		}
	}
	return 0;
}

static int check_overlaps(struct nft_parser *parser, const struct nft_set *set)
{
	if (!set->interval || set->merge)
		return 0;
	return check_address_overlaps(parser, set) || check_number_overlaps(parser, set) ||
	       check_name_overlaps(parser, set) ? -1 : 0;
}

static int check_set(struct nft_parser *parser, const struct nft_set *set)
{
	for (const struct nft_item *item = set->items; item; item = item->next) {
		if (check_intervals(parser, set, item->value))
			return -1;
	}
	if (set->sized && set->content.count + set->interval > set->size)
		return nft_unexpected_at(parser, &set->name, "expected no more elements than the set's size");
	return check_overlaps(parser, set);
}

int nft_set_resolve(struct nft_parser *parser, struct nft_set *set)
{
	if (set->resolved)
		return 0;
	if (set->type == NFT_TYPES)
		return nft_unexpected_at(parser, &set->name, "expected a set with a 'type' or 'typeof'");
	for (const struct nft_item *item = set->items; item; item = item->next) {
		if (add_value(parser, set->type, 0, item->value, &set->content))
			return -1;
	}
	if (check_set(parser, set))
		return -1;
	port_ranges_normalise(&set->content.numbers);
	address_ranges_normalise(&set->content.addresses, set->type == NFT_TYPE_IP4 ? FAMILY_IP4 : FAMILY_IP6);
	set->resolved = true;
	return 0;
}
