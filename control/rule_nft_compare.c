// SPDX-License-Identifier: BSD-3-Clause
// What a match lets through: its value as a set, by its operator.
#include <stdlib.h>
#include <string.h>

#include "control/rule_nft_match.h"
#include "dataplane/rule_match.h"

// What a value holds, a named set's content included

static int wrong_type(struct nft_parser *parser, const struct nft_value *value)
{
	return nft_unexpected_at(parser, &value->at, "expected the name of a set whose type is that of the match");
}

static int copy_content(struct nft_parser *parser, const struct nft_content *from, struct nft_content *to)
{
	int result = 0;
	to->count = from->count;
	to->names = from->names;
	to->name_count = from->name_count;
	for (size_t i = 0; i < from->numbers.count && result == 0; i++)
		result = port_ranges_add(&to->numbers, from->numbers.range[i].low, from->numbers.range[i].high);
	for (size_t i = 0; i < from->addresses.count && result == 0; i++)
		result = address_ranges_add(&to->addresses, &from->addresses.range[i].low, &from->addresses.range[i].high);
	return result ? error_set(parser->error, "no memory for the rules") : 0;
}

static int named_content(struct nft_parser *parser, const struct nft_match *match, struct nft_content *content)
{
	const struct nft_value *value = match->value;
	struct nft_set *set = nft_set_find(parser, &value->at);
	if (!set)
		return nft_unexpected_at(parser, &value->at, "expected the name of a set of this table");
	if (nft_set_resolve(parser, set))
		return -1;
	if (set->type != match->field->type)
		return wrong_type(parser, value);
	parser->elements += set->content.count;
	if (parser->elements > NFT_ELEMENTS_MAX)
		return nft_unexpected_at(parser, &value->at, "expected smaller sets: the rules ask for more than 4194304 "
							     "elements in all");
	return copy_content(parser, &set->content, content);
}

static int match_content(struct nft_parser *parser, const struct nft_match *match, struct nft_content *content)
{
	*content = (struct nft_content){ 0 };
	if (match->value->kind == NFT_VALUE_NAMED)
		return named_content(parser, match, content);
	if (nft_content_of(parser, match->field->type, match->field->protocol, match->value, content))
		return -1;
	return content->count ? 0 : nft_unexpected_at(parser, &match->value->at, "expected a set that holds something");
}

// Comparisons

static int wrong_operator(struct nft_parser *parser, const struct nft_match *match)
{
	return nft_unexpected_at(parser, &match->operator_at, "expected '==', '!=' or a value: this comparison can't be made with it");
}

static bool is_order(int operator)
{
	return operator == '<' || operator == '>' || operator == NFT_LE || operator == NFT_GE;
}

static bool is_one_value(const struct nft_match *match)
{
	return match->value->kind == NFT_VALUE_SCALAR;
}

// "< 80", ">= 80"
static int order_numbers(struct nft_parser *parser, const struct nft_match *match, struct port_ranges *numbers)
{
	uint32_t number, most = nft_type_most(match->field->type);
	if (!is_one_value(match) || match->field->type == NFT_TYPE_FAMILY)
		return wrong_operator(parser, match);
	if (nft_constant(parser, match->field->type, match->field->protocol, match->value, false, &number))
		return -1;
	int64_t low = match->operator == '>' ? number + 1 : match->operator == NFT_GE ? number : 0;
	int64_t high = match->operator == '<' ? (int64_t)number - 1 : match->operator == NFT_LE ? number : most;
	if (low > high)
		return 0;
	return port_ranges_add(numbers, (uint16_t)low, (uint16_t)high) ? error_set(parser->error, "no memory for the rules") : 0;
}

static int single_of(const struct nft_match *match, const struct nft_content *content)
{
	if (match->operator == NFT_NE || match->value->kind == NFT_VALUE_NAMED)
		return NFT_NOT_SINGLE;
	if (content->count > 1)
		return NFT_SEVERAL;
	return content->only->kind == NFT_VALUE_SCALAR ? content->numbers.range[0].low : NFT_NOT_SINGLE;
}

static int equal_numbers(struct nft_parser *parser, const struct nft_match *match, struct port_ranges *numbers, int *single)
{
	struct nft_content content;
	if (match_content(parser, match, &content) == 0) {
		*single = single_of(match, &content);
		*numbers = content.numbers;
		content.numbers = (struct port_ranges){ 0 };
		port_ranges_normalise(numbers);
		if (match->operator != NFT_NE || port_ranges_negate(numbers, (uint16_t)nft_type_most(match->field->type)) == 0)
			return 0;
		error_set(parser->error, "no memory for the rules");
	}
	nft_content_free(&content);
	return -1;
}

// Bits: each value that a packet may have is asked about

struct bits_question {
	int operator; // 0: none was written
	bool set;     // compare with several values
	uint32_t mask;   // of the field, before all else: what "/" says
	bool masked;
	uint32_t number; // or with one
	struct byte_set values;
};

static uint32_t take_steps(const struct nft_step *step, const uint32_t operands[], uint32_t value)
{
	for (size_t i = 0; step; step = step->next, i++)
		value = step->operator == '&' ? value & operands[i] : step->operator == '^' ? value ^ operands[i] :
											      value | operands[i];
	return value;
}

static bool bits_match(const struct bits_question *question, bool stepped, uint32_t value)
{
	if (question->masked)
		return ((value & question->mask) == question->number) == (question->operator != NFT_NE);
	if (question->set)
		return byte_set_has(&question->values, (uint8_t)value) == (question->operator != NFT_NE);
	if (question->operator == '!')
		return (value & question->number) == 0;
	if (question->operator == 0 && !stepped)
		return (value & question->number) != 0;
	return (value == question->number) == (question->operator != NFT_NE);
}

static int ask_masked(struct nft_parser *parser, const struct nft_match *match, struct bits_question *question)
{
	if (match->steps || match->operator == '!')
		return wrong_operator(parser, match);
	question->masked = true;
	return nft_constant(parser, match->field->type, 0, match->value->a, true, &question->number) ||
	       nft_constant(parser, match->field->type, 0, match->value->b, true, &question->mask) ? -1 : 0;
}

// nft takes a set of one element for the element itself.
static int ask_set(struct nft_parser *parser, const struct nft_match *match, struct bits_question *question)
{
	struct nft_content content;
	int result = match_content(parser, match, &content);
	if (result == 0 && match->value->kind == NFT_VALUE_SET && content.count == 1) {
		result = nft_constant(parser, match->field->type, 0, content.only, true, &question->number);
	} else if (result == 0) {
		question->set = true;
		for (size_t i = 0; i < content.numbers.count; i++) {
			for (uint32_t value = content.numbers.range[i].low; value <= content.numbers.range[i].high; value++)
				byte_set_add(&question->values, (uint8_t)value);
		}
	}
	nft_content_free(&content);
	return result;
}

// nft moves "^" and "|" to the other side, and then no longer knows what a missing operator was to mean.
static bool only_masks(const struct nft_match *match)
{
	for (const struct nft_step *step = match->steps; step; step = step->next) {
		if (step->operator != '&')
			return false;
	}
	return true;
}

static int ask_bits(struct nft_parser *parser, const struct nft_match *match, struct bits_question *question)
{
	const struct nft_value *value = match->value;
	question->operator = match->operator;
	bool set = value->kind == NFT_VALUE_SET || value->kind == NFT_VALUE_NAMED;
	if (match->operator == 0 && !only_masks(match))
		return nft_unexpected_at(parser, &value->at, "expected '==' or '!=' behind '^' and '|'");
	if (is_order(match->operator) || (match->operator == '!' && (set || match->steps)))
		return wrong_operator(parser, match);
	if (value->kind == NFT_VALUE_BINARY && value->operator == '/')
		return ask_masked(parser, match, question);
	return set ? ask_set(parser, match, question) :
		     nft_constant(parser, match->field->type, 0, value, true, &question->number);
}

enum { STEPS_MAX = 16 };

static int step_operands(struct nft_parser *parser, const struct nft_match *match, uint32_t operands[STEPS_MAX])
{
	size_t count = 0;
	for (const struct nft_step *step = match->steps; step; step = step->next) {
		if (count == STEPS_MAX)
			return nft_unexpected_at(parser, &step->value->at, "expected fewer operators");
		if (nft_constant(parser, match->field->type, 0, step->value, true, &operands[count++]))
			return -1;
	}
	return 0;
}

// The states that a packet may be in, as nft numbers them and as portier does.
static const struct {
	uint8_t nft, state;
} states[] = {
	{ 1, CONNECTION_INVALID }, { 2, CONNECTION_ESTABLISHED }, { 4, CONNECTION_RELATED }, { 8, CONNECTION_NEW },
	{ 64, CONNECTION_UNTRACKED },
};

static int bits_numbers(struct nft_parser *parser, const struct nft_match *match, struct port_ranges *numbers)
{
	uint32_t operands[STEPS_MAX];
	struct bits_question question = { 0 };
	bool flags = match->field->type == NFT_TYPE_TCP_FLAGS;
	size_t candidates = flags ? 256 : sizeof(states) / sizeof(states[0]);
	if (ask_bits(parser, match, &question) || step_operands(parser, match, operands))
		return -1;
	for (size_t i = 0; i < candidates; i++) {
		uint32_t value = take_steps(match->steps, operands, flags ? (uint32_t)i : states[i].nft);
		uint16_t number = flags ? (uint16_t)i : states[i].state;
		if (bits_match(&question, match->steps != NULL, value) && port_ranges_add(numbers, number, number))
			return error_set(parser->error, "no memory for the rules");
	}
	port_ranges_normalise(numbers);
	return 0;
}

int nft_match_numbers(struct nft_parser *parser, const struct nft_match *match, struct port_ranges *numbers, int *single)
{
	*numbers = (struct port_ranges){ 0 };
	*single = NFT_NOT_SINGLE;
	if (nft_type_is_bits(match->field->type))
		return bits_numbers(parser, match, numbers);
	if (match->operator == '!')
		return wrong_operator(parser, match);
	if (is_order(match->operator))
		return order_numbers(parser, match, numbers);
	return equal_numbers(parser, match, numbers, single);
}

// Addresses

static bool address_step(struct ip_address *address, unsigned bytes, bool up)
{
	for (unsigned i = bytes; i-- > 0;) {
		address->byte[i] = (uint8_t)(address->byte[i] + (up ? 1 : -1));
		if (address->byte[i] != (up ? 0 : 255))
			return true;
	}
	return false; // there is no next one
}

static int order_addresses(struct nft_parser *parser, const struct nft_match *match, struct address_ranges *addresses)
{
	unsigned bytes = match->field->type == NFT_TYPE_IP4 ? 4 : 16;
	struct ip_address low = { 0 }, high = { 0 }, bound;
	if (!is_one_value(match))
		return wrong_operator(parser, match);
	if (nft_type_address(parser, match->field->type, &match->value->at, &bound))
		return -1;
	memset(high.byte, 255, bytes);
	bool up = match->operator == '>' || match->operator == NFT_GE, some = true;
	if (match->operator == '<' || match->operator == '>')
		some = address_step(&bound, bytes, up);
	*(up ? &low : &high) = bound;
	if (!some)
		return 0;
	return address_ranges_add(addresses, &low, &high) ? error_set(parser->error, "no memory for the rules") : 0;
}

int nft_match_addresses(struct nft_parser *parser, const struct nft_match *match, struct address_ranges *addresses)
{
	struct nft_content content;
	enum ip_family family = match->field->type == NFT_TYPE_IP4 ? FAMILY_IP4 : FAMILY_IP6;
	*addresses = (struct address_ranges){ 0 };
	if (match->operator == '!')
		return wrong_operator(parser, match);
	if (is_order(match->operator))
		return order_addresses(parser, match, addresses);
	int result = match_content(parser, match, &content);
	*addresses = content.addresses;
	content.addresses = (struct address_ranges){ 0 };
	nft_content_free(&content);
	address_ranges_normalise(addresses, family);
	if (result == 0 && match->operator == NFT_NE && address_ranges_negate(addresses, family))
		result = error_set(parser->error, "no memory for the rules");
	return result;
}

// Interfaces

static int name_order(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *join_names(struct nft_parser *parser, const char *names[], size_t count, bool none_of)
{
	char *text = nft_allocate(parser, count * (NFT_INTERFACE_MAX + 1) + 2);
	if (!text)
		return NULL;
	char *at = text;
	if (none_of)
		*at++ = '!';
	qsort(names, count, sizeof(names[0]), name_order);
	for (size_t i = 0; i < count; i++) {
		if (i && strcmp(names[i], names[i - 1]) == 0)
			continue;
		if (i)
			*at++ = '|';
		at = stpcpy(at, names[i]);
	}
	return text;
}

static int check_whole_names(struct nft_parser *parser, const struct nft_match *match, const struct nft_content *content)
{
	if (match->value->kind == NFT_VALUE_NAMED)
		return wrong_type(parser, match->value);
	for (size_t i = 0; i < content->name_count; i++) {
		if (strchr(content->names[i], '*'))
			return nft_unexpected_at(parser, &match->value->at, "expected whole names: patterns are for 'iifname'");
	}
	return 0;
}

const char *nft_match_interfaces(struct nft_parser *parser, const struct nft_match *match)
{
	struct nft_content content;
	if (match->operator == '!' || is_order(match->operator)) {
		wrong_operator(parser, match);
		return NULL;
	}
	if (match_content(parser, match, &content))
		return NULL;
	if (content.name_count == 0) {
		nft_unexpected_at(parser, &match->value->at, "expected a set that holds something");
		return NULL;
	}
	if (strcmp(match->field->name, "iif") == 0 && check_whole_names(parser, match, &content))
		return NULL;
	return join_names(parser, content.names, content.name_count, match->operator == NFT_NE);
}
