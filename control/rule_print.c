// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_print.h"

#include <stdlib.h>
#include <string.h>

#include "control/address.h"
#include "control/range_set.h"
#include "control/rule_nft_type.h"
#include "control/text_buffer.h"

enum {
	PROTOCOL_ICMP = 1,
	PROTOCOL_TCP = 6,
	PROTOCOL_ICMPV6 = 58,
	PROTOCOL_NONE = 256,
	VLAN_MOST = 4095,
	LOG_PREFIX_MAX = 127,
	ICMPX_BIT = 0x80,
};

// Sets: "80", "80-90", "{ 80, 443 }", or what they are not, if that is said with fewer ranges

struct number_style {
	unsigned most;
	enum nft_type names; // NFT_TYPES: none, numbers only
	bool negate;         // say what it is not, if that can be said
	bool as_range;       // "5-5" rather than "5"
};

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
static void print_numbers(struct text_buffer *text, const struct number_style *style, const struct port_set *set)
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
	port_ranges_free(&rest);
}

// "!= 5": all but one in the middle.
static bool says_not_one(const struct port_set *set, unsigned most)
{
	return set->count == 2 && set->range[0].low == 0 && set->range[0].high + 2 == set->range[1].low &&
	       set->range[1].high == most;
}

// nft 1.0.6 makes one comparison of "tcp sport != 1 tcp dport != 2", and by that "not both". Behind such a one the other is
// written as a range, which it leaves alone.
static void print_ports(struct text_buffer *text, const char *before, const struct port_set *set, unsigned most,
			const struct port_set *first)
{
	const struct number_style style = { most, NFT_TYPES, false,
					    first && says_not_one(first, most) && says_not_one(set, most) };
	text_buffer_add(text, before);
	print_numbers(text, &style, set);
	text_buffer_add(text, " ");
}

// The ranges of a set of bytes.
static uint32_t byte_ranges(const struct byte_set *set, struct port_range range[129])
{
	uint32_t count = 0;
	for (unsigned value = 0; value < 256; value++) {
		if (!byte_set_has(set, (uint8_t)value))
			continue;
		if (count && range[count - 1].high + 1u == value)
			range[count - 1].high++;
		else
			range[count++] = (struct port_range){ (uint16_t)value, (uint16_t)value };
	}
	return count;
}

static void print_byte_set(struct text_buffer *text, const char *before, const struct byte_set *set,
			   const struct number_style *style)
{
	struct port_range range[129];
	const struct port_set ranges = { range, byte_ranges(set, range) };
	text_buffer_add(text, before);
	print_numbers(text, style, &ranges);
	text_buffer_add(text, " ");
}

static void print_bytes(struct text_buffer *text, const char *before, const struct byte_set *set, enum nft_type names)
{
	const struct number_style style = { UINT8_MAX, names, false, false };
	print_byte_set(text, before, set, &style);
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

static void print_addresses(struct text_buffer *text, const struct rule *rule, const char *name, const struct address_set *set)
{
	enum ip_family family = rule->ip4 ? FAMILY_IP4 : FAMILY_IP6;
	struct address_ranges rest = { 0 };
	for (uint32_t i = 0; i < set->count; i++)
		text->failed |= address_ranges_add(&rest, &set->range[i].low, &set->range[i].high) != 0;
	text->failed |= address_ranges_negate(&rest, family) != 0;
	bool negative = rest.count && (rest.count < set->count || set->count == 0);
	text_buffer_format(text, "%s %s %s", family == FAMILY_IP4 ? "ip" : "ip6", name, negative ? "!= " : "");
	if (negative)
		print_address_ranges(text, family, rest.range, rest.count);
	else
		print_address_ranges(text, family, set->range, set->count);
	text_buffer_add(text, " ");
	address_ranges_free(&rest);
}

// Interfaces: "a|b*" or "!a|b*"

static void print_interfaces(struct text_buffer *text, const char *names)
{
	bool several = strchr(names, '|') != NULL, none_of = names[0] == '!';
	names += none_of;
	text_buffer_format(text, "iifname %s%s", none_of ? "!= " : "", several ? "{ " : "");
	for (size_t length; *names; names += length + (names[length] == '|')) {
		length = strcspn(names, "|");
		text_buffer_add(text, "\"");
		text_buffer_add_bytes(text, names, length);
		text_buffer_add(text, names[length] ? "\", " : "\" ");
	}
	if (several)
		text_buffer_add(text, "} ");
}

// TCP flags: as bits to be looked at and what they have to be, if that says it all

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

static void print_tcp_flags(struct text_buffer *text, const struct byte_set *set)
{
	unsigned mask = flags_mask(set), value = 0;
	unsigned inside = masked_values(set, mask, true, &value);
	bool equal = inside == 1;
	text_buffer_add(text, "tcp flags ");
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

// Connection states

static void print_states(struct text_buffer *text, uint8_t states)
{
	static const struct {
		uint8_t state;
		const char *name;
	} names[] = {
		{ CONNECTION_INVALID, "invalid" }, { CONNECTION_ESTABLISHED, "established" }, { CONNECTION_RELATED, "related" },
		{ CONNECTION_NEW, "new" }, { CONNECTION_UNTRACKED, "untracked" },
	};
	bool first = true;
	text_buffer_add(text, "ct state ");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(states & names[i].state))
			continue;
		text_buffer_format(text, "%s%s", first ? "" : ",", names[i].name);
		first = false;
	}
	text_buffer_add(text, first ? "0 " : " "); // "0": none of them
}

// Protocol and family: said by what stands for them anyway, or for themselves

static unsigned only_protocol(const struct rule *rule)
{
	unsigned count = 0, protocol = 0;
	for (unsigned i = 0; i < 4 && rule->asks & RULE_PROTOCOL; i++) {
		uint64_t word = rule->protocols.word[i];
		count += (unsigned)__builtin_popcountll(word);
		if (word)
			protocol = 64 * i + (unsigned)__builtin_ctzll(word);
	}
	return count == 1 ? protocol : PROTOCOL_NONE;
}

static const char *ports_header(const struct rule *rule)
{
	switch (only_protocol(rule)) {
	case 6:
		return "tcp";
	case 17:
		return "udp";
	case 33:
		return "dccp";
	case 132:
		return "sctp";
	case 136:
		return "udplite";
	default:
		return "th";
	}
}

static bool asks_icmp(const struct rule *rule)
{
	return rule->asks & (RULE_ICMP_TYPE | RULE_ICMP_CODE);
}

static bool asks_ports(const struct rule *rule)
{
	return rule->asks & (RULE_SOURCE_PORT | RULE_DESTINATION_PORT);
}

static bool one_family(const struct rule *rule)
{
	return rule->ip4 != rule->ip6;
}

// "icmp type" says IPv4 too, unless something was said before.
static bool icmp_says_all(const struct rule *rule)
{
	unsigned protocol = only_protocol(rule);
	return asks_icmp(rule) && one_family(rule) && protocol == (rule->ip4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6);
}

static bool protocol_is_said(const struct rule *rule)
{
	unsigned protocol = only_protocol(rule);
	if (asks_icmp(rule) && (protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6))
		return one_family(rule);
	bool reset = rule->verdict == VERDICT_REJECT && rule->answer == ANSWER_TCP_RESET;
	if (protocol == PROTOCOL_TCP && (rule->asks & RULE_TCP_FLAGS || reset))
		return true;
	return asks_ports(rule) && strcmp(ports_header(rule), "th") != 0;
}

static bool no_protocol(const struct rule *rule)
{
	const uint64_t *word = rule->protocols.word;
	return rule->asks & RULE_PROTOCOL && !(word[0] | word[1] | word[2] | word[3]);
}

// "ip protocol" says both.
static bool says_ip_protocol(const struct rule *rule)
{
	return rule->asks & RULE_PROTOCOL && rule->ip4 && !rule->ip6 && !protocol_is_said(rule) && (!asks_icmp(rule) || no_protocol(rule));
}

static bool says_family_later(const struct rule *rule)
{
	if (asks_icmp(rule) && !no_protocol(rule))
		return icmp_says_all(rule);
	bool answer = rule->verdict == VERDICT_REJECT && rule->answer == ANSWER_ICMP_CODE && !(rule->answer_code & ICMPX_BIT);
	return says_ip_protocol(rule) || answer || rule->asks & (RULE_SOURCE | RULE_DESTINATION | RULE_NEXT_HEADER);
}

static void print_family(struct text_buffer *text, const struct rule *rule)
{
	if (one_family(rule) && !says_family_later(rule))
		text_buffer_format(text, "meta nfproto ipv%c ", rule->ip4 ? '4' : '6');
}

static void print_protocol(struct text_buffer *text, const struct rule *rule)
{
	if (rule->asks & RULE_PROTOCOL && !protocol_is_said(rule))
		print_bytes(text, says_ip_protocol(rule) ? "ip protocol " : "meta l4proto ", &rule->protocols, NFT_TYPE_PROTOCOL);
}

// As print_ports.
static void print_icmp_code(struct text_buffer *text, const struct rule *rule, const char *before)
{
	struct port_range types[129], codes[129];
	const struct port_set type = { types, byte_ranges(&rule->icmp_types, types) };
	const struct port_set code = { codes, byte_ranges(&rule->icmp_codes, codes) };
	const struct number_style style = { UINT8_MAX, NFT_TYPES, false,
					    rule->asks & RULE_ICMP_TYPE && says_not_one(&type, UINT8_MAX) &&
						    says_not_one(&code, UINT8_MAX) };
	print_byte_set(text, before, &rule->icmp_codes, &style);
}

static void print_icmp(struct text_buffer *text, const struct rule *rule)
{
	bool six = only_protocol(rule) == PROTOCOL_ICMPV6;
	if (rule->asks & RULE_ICMP_TYPE)
		print_bytes(text, six ? "icmpv6 type " : "icmp type ", &rule->icmp_types,
			    six ? NFT_TYPE_ICMPV6_TYPE : NFT_TYPE_ICMP_TYPE);
	if (rule->asks & RULE_ICMP_CODE)
		print_icmp_code(text, rule, six ? "icmpv6 code " : "icmp code ");
}

// A rule for no protocol at all says no more than that.
static void print_transport(struct text_buffer *text, const struct rule *rule)
{
	char before[16] = "";
	if (no_protocol(rule))
		return;
	if (rule->asks & RULE_SOURCE_PORT)
		print_ports(text, strcat(strcpy(before, ports_header(rule)), " sport "), &rule->source_ports, UINT16_MAX, NULL);
	if (rule->asks & RULE_DESTINATION_PORT)
		print_ports(text, strcat(strcpy(before, ports_header(rule)), " dport "), &rule->destination_ports, UINT16_MAX,
			    rule->asks & RULE_SOURCE_PORT ? &rule->source_ports : NULL);
	if (rule->asks & RULE_TCP_FLAGS)
		print_tcp_flags(text, &rule->tcp_flags);
	print_icmp(text, rule);
}

// Behind "ip6 nexthdr" and what it is nft no longer takes an answer of TCP; behind what it is not it does.
static void print_network(struct text_buffer *text, const struct rule *rule)
{
	bool reset = rule->verdict == VERDICT_REJECT && rule->answer == ANSWER_TCP_RESET;
	const struct number_style style = { UINT8_MAX, NFT_TYPE_PROTOCOL, reset, false };
	if (rule->asks & RULE_NEXT_HEADER)
		print_byte_set(text, rule->ip4 ? "ip protocol " : "ip6 nexthdr ", &rule->next_headers, &style);
	if (rule->asks & RULE_SOURCE)
		print_addresses(text, rule, "saddr", &rule->sources);
	if (rule->asks & RULE_DESTINATION)
		print_addresses(text, rule, "daddr", &rule->destinations);
}

static void print_matches(struct text_buffer *text, const struct rule *rule, const char *interfaces)
{
	if (rule->asks & RULE_INTERFACE && interfaces)
		print_interfaces(text, interfaces);
	if (rule->asks & RULE_VLAN)
		print_ports(text, "vlan id ", &rule->vlans, VLAN_MOST, NULL);
	print_family(text, rule);
	print_protocol(text, rule);
	print_transport(text, rule);
	print_network(text, rule);
	if (rule->asks & RULE_CONNECTION)
		print_states(text, rule->connection);
}

// Statements

static void print_limit(struct text_buffer *text, const struct rule_limit *limit)
{
	const char *period = limit->period_sec == 1 ? "second" : limit->period_sec == 60 ? "minute" :
			     limit->period_sec == 3600 ? "hour" : limit->period_sec == 86400 ? "day" : "week";
	if (limit->rate == 0)
		return;
	text_buffer_format(text, "limit rate %s%llu%s/%s burst %llu %s ", limit->over ? "over " : "",
			   (unsigned long long)limit->rate, limit->bytes ? " bytes" : "", period,
			   (unsigned long long)limit->burst, limit->bytes ? "bytes" : "packets");
}

// How many bytes a character of UTF-8 has here, 0: it is none.
static size_t character_length(const char *at)
{
	const unsigned char *byte = (const unsigned char *)at;
	size_t length = byte[0] < 0x80 ? 1 : byte[0] >= 0xc2 && byte[0] < 0xe0 ? 2 : byte[0] >= 0xe0 && byte[0] < 0xf0 ? 3 :
			byte[0] >= 0xf0 && byte[0] < 0xf5 ? 4 : 0;
	for (size_t i = 1; i < length; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
	}
	bool long_form = (byte[0] == 0xe0 && byte[1] < 0xa0) || (byte[0] == 0xf0 && byte[1] < 0x90);
	bool beyond = (byte[0] == 0xed && byte[1] >= 0xa0) || (byte[0] == 0xf4 && byte[1] >= 0x90);
	return long_form || beyond ? 0 : length;
}

// What can't stand in a string of nft's is replaced.
static void print_string(struct text_buffer *text, const char *string, size_t most, bool dollar)
{
	size_t used = 0;
	text_buffer_add(text, "\"");
	while (*string) {
		size_t length = character_length(string);
		bool control = length == 0 || (unsigned char)*string < 0x20 || *string == 0x7f;
		used += length ? length : 1;
		if (used > most)
			break;
		if (control || *string == '"' || (*string == '$' && !dollar))
			text_buffer_add(text, *string == '"' ? "'" : *string == '$' ? "_" : "?");
		else
			text_buffer_add_bytes(text, string, length);
		string += length ? length : 1;
	}
	text_buffer_add(text, "\"");
}

static void print_log(struct text_buffer *text, const struct rule *rule, const char *prefix)
{
	if (!rule->log)
		return;
	text_buffer_add(text, " log");
	if (prefix) {
		text_buffer_add(text, " prefix ");
		print_string(text, prefix, LOG_PREFIX_MAX, false);
	}
}

static void print_code(struct text_buffer *text, const struct rule *rule)
{
	enum nft_type type = rule->answer_code & ICMPX_BIT ? NFT_TYPE_ICMPX_CODE :
			     rule->ip4			   ? NFT_TYPE_ICMP_CODE :
							     NFT_TYPE_ICMPV6_CODE;
	const char *header = type == NFT_TYPE_ICMPX_CODE ? "icmpx" : type == NFT_TYPE_ICMP_CODE ? "icmp" : "icmpv6";
	unsigned code = rule->answer_code & ~(unsigned)(type == NFT_TYPE_ICMPX_CODE ? ICMPX_BIT : 0);
	const char *name = nft_type_name(type, code);
	text_buffer_format(text, " with %s ", header);
	if (name)
		text_buffer_add(text, name);
	else
		text_buffer_format(text, "%u", code);
}

static void print_reject(struct text_buffer *text, const struct rule *rule)
{
	text_buffer_add(text, " reject");
	if (rule->answer == ANSWER_PROHIBITED)
		text_buffer_add(text, " with icmpx admin-prohibited");
	else if (rule->answer == ANSWER_TCP_RESET)
		text_buffer_add(text, " with tcp reset");
	else if (rule->answer == ANSWER_ICMP_CODE)
		print_code(text, rule);
}

static void print_verdict(struct text_buffer *text, const struct rule *rule)
{
	if (rule->verdict == VERDICT_ACCEPT)
		text_buffer_add(text, " accept");
	else if (rule->verdict == VERDICT_DROP)
		text_buffer_add(text, " drop");
	else if (rule->verdict == VERDICT_REJECT)
		print_reject(text, rule);
}

static void print_rule(struct text_buffer *text, const struct rule *rule, const char *comment, const char *log_prefix,
		       const char *interfaces, const struct rule_print_count *counted)
{
	print_matches(text, rule, interfaces);
	print_limit(text, &rule->limit);
	text_buffer_add(text, "counter");
	if (counted)
		text_buffer_format(text, " packets %llu bytes %llu", (unsigned long long)counted->packets,
				   (unsigned long long)counted->bytes);
	print_log(text, rule, log_prefix);
	print_verdict(text, rule);
	if (comment) {
		text_buffer_add(text, " comment ");
		print_string(text, comment, RULE_COMMENT_MAX, true);
	}
	if (counted && counted->id)
		text_buffer_format(text, " # handle %u", counted->id);
}

char *rule_print(const struct rule *rule, const char *comment, const char *log_prefix, const char *interfaces)
{
	struct text_buffer text = { 0 };
	print_rule(&text, rule, comment, log_prefix, interfaces, NULL);
	return text_buffer_take(&text);
}

// Lists

static void print_head(struct text_buffer *text, enum verdict default_verdict, const struct rule_print_count *counted)
{
	text_buffer_format(text, "table inet portier {\n\tchain input {\n\t\ttype filter hook input priority filter; policy %s;",
			   default_verdict == VERDICT_ACCEPT ? "accept" : "drop");
	if (counted)
		text_buffer_format(text, " # packets %llu bytes %llu", (unsigned long long)counted->packets,
				   (unsigned long long)counted->bytes);
	text_buffer_add(text, "\n");
}

static void print_entry(struct text_buffer *text, const struct rule_entry *entry, const struct rule_print_count *counted)
{
	text_buffer_add(text, "\t\t");
	if (counted)
		print_rule(text, &entry->rule, entry->comment, entry->log_prefix, entry->interfaces, counted);
	else
		text_buffer_add(text, entry->text);
	text_buffer_add(text, "\n");
}

char *rule_list_print(struct rule_entry *const entry[], const struct rule_print_count counted[], size_t count,
		      enum verdict default_verdict)
{
	struct text_buffer text = { 0 };
	print_head(&text, default_verdict, counted ? &counted[count] : NULL);
	for (size_t i = 0; i < count; i++)
		print_entry(&text, entry[i], counted ? &counted[i] : NULL);
	if (default_verdict == VERDICT_REJECT)
		text_buffer_add(&text, "\t\tcounter reject comment \"default\"\n");
	text_buffer_add(&text, "\t}\n}\n");
	return text_buffer_take(&text);
}
