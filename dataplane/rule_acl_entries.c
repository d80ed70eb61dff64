// SPDX-License-Identifier: BSD-3-Clause
// Entries of rte_acl: one for each combination of what the sets of a rule fall into.
#include "dataplane/rule_acl_private.h"

// Fields of one entry before the layout leaves some out.
struct acl_fields {
	struct rte_acl_field field[ACL_FIELDS];
	uint8_t source_bits, destination_bits;
};

static void set_cube(struct acl_fields *fields, enum acl_field field, struct byte_cube cube)
{
	fields->field[field].value.u8 = cube.value;
	fields->field[field].mask_range.u8 = cube.mask;
}

static void set_range(struct acl_fields *fields, enum acl_field field, struct port_range range)
{
	fields->field[field].value.u16 = range.low;
	fields->field[field].mask_range.u16 = range.high;
}

static void set_prefix(struct acl_fields *fields, enum acl_field field, const struct address_prefix *prefix)
{
	for (unsigned i = 0; i < WORDS; i++) {
		int bits = prefix->bits - 32 * (int)i;
		rte_be32_t word;
		memcpy(&word, prefix->address.byte + 4 * i, sizeof(word));
		fields->field[field + i].value.u32 = rte_be_to_cpu_32(word);
		fields->field[field + i].mask_range.u32 = bits < 0 ? 0 : bits > 32 ? 32 : (uint32_t)bits;
	}
}

// A rule that leaves the destination open meets every rule that does not: in one trie it is copied into all of them. Apart
// they are built many times faster, and found no slower. Long lists gain from the same by the source; short ones lose.
static unsigned group_of(const struct acl_filler *filler, const struct acl_fields *fields)
{
	bool from_any = fields->source_bits == 0, to_any = fields->destination_bits == 0;
	switch (filler->grouping) {
	case GROUPING_BOTH:
		return from_any + 2u * to_any;
	case GROUPING_DESTINATION:
		return to_any ? 2u + from_any : 0;
	default:
		return 0;
	}
}

static uint64_t range_bits(const struct acl_fields *fields, enum acl_field field)
{
	return fields->field[field].value.u16 | (uint32_t)fields->field[field].mask_range.u16 << 16;
}

static uint64_t cube_bits(const struct acl_fields *fields, enum acl_field field)
{
	return fields->field[field].value.u8 | (uint32_t)fields->field[field].mask_range.u8 << 8;
}

// rte_acl splits a range by its upper byte, into those that it begins in, fills, and ends in.
static unsigned range_branches(const struct acl_fields *fields, enum acl_field field)
{
	const uint16_t low = fields->field[field].value.u16, high = fields->field[field].mask_range.u16;
	const unsigned filled_from = (low + 255u) / 256, filled_until = (high + 1u) / 256;
	if (low / 256 == high / 256)
		return 1;
	return (low % 256 != 0) + (high % 256 != 255) + (filled_from < filled_until);
}

static void note_value(struct acl_values *values, uint64_t value, unsigned branches)
{
	if (values->branches > FEW_BRANCHES)
		return;
	for (unsigned i = 0; i < values->count; i++) {
		if (values->value[i] == value)
			return;
	}
	values->branches += branches;
	if (values->branches <= FEW_BRANCHES)
		values->value[values->count++] = value;
}

static void note_values(struct acl_values values[ACL_SMALL_WORDS], const struct acl_fields *fields)
{
	note_value(&values[ACL_WORD_PORTS],
		range_bits(fields, ACL_SOURCE_PORT) | range_bits(fields, ACL_DESTINATION_PORT) << 32,
		range_branches(fields, ACL_SOURCE_PORT) * range_branches(fields, ACL_DESTINATION_PORT));
	note_value(&values[ACL_WORD_BYTES],
		cube_bits(fields, ACL_NEXT_HEADER) | cube_bits(fields, ACL_CONNECTION) << 16 |
			cube_bits(fields, ACL_TCP_FLAGS) << 32 | cube_bits(fields, ACL_INTERFACE) << 48, 1);
	note_value(&values[ACL_WORD_VLAN], range_bits(fields, ACL_VLAN), range_branches(fields, ACL_VLAN));
}

static int filler_add(struct acl_filler *filler, const struct acl_fields *fields)
{
	unsigned group = group_of(filler, fields);
	if (filler->count[group]++ == 0)
		filler->first[group] = filler->position;
	if (!filler->acl[group]) {
		note_values(filler->values, fields);
		return 0;
	}
	struct acl_entry entry = {
		.data = {
			.category_mask = 1,
			.priority = (int32_t)(RTE_ACL_MAX_PRIORITY - filler->position),
			.userdata = filler->position + 1, // 0 is rte_acl's "no match"
		},
	};
	for (unsigned i = 0; i < ACL_FIELDS; i++) {
		if (filler->layout->at[i] >= 0)
			entry.field[filler->layout->at[i]] = fields->field[i];
	}
	return rte_acl_add_rules(filler->acl[group], (const struct rte_acl_rule *)&entry, 1);
}

// Lists nest as loops do: each step sets the fields of one list and leaves the rest to the next step.
static int step_bytes(struct acl_filler *filler, const struct acl_lists *lists, struct acl_fields *fields)
{
	int result = 0;
	for (unsigned f = 0; f < lists->tcp_flags; f++) {
		set_cube(fields, ACL_TCP_FLAGS, lists->tcp_flag[f]);
		for (unsigned n = 0; n < lists->next_headers; n++) {
			set_cube(fields, ACL_NEXT_HEADER, lists->next_header[n]);
			for (unsigned i = 0; result == 0 && i < lists->interfaces; i++) {
				set_cube(fields, ACL_INTERFACE, lists->interface[i]);
				result = filler_add(filler, fields);
			}
		}
	}
	return result;
}

static int step_vlans(struct acl_filler *filler, const struct acl_lists *lists, struct acl_fields *fields, bool asked)
{
	int result = 0;
	for (unsigned i = 0; result == 0 && i < lists->vlans; i++) {
		struct port_range vlan = lists->vlan[i];
		if (asked && vlan.high > RULE_VLAN_MAX)
			vlan.high = RULE_VLAN_MAX;
		set_range(fields, ACL_VLAN, vlan);
		result = step_bytes(filler, lists, fields);
	}
	return result;
}

static int step_ports(struct acl_filler *filler, const struct acl_lists *lists, struct acl_fields *fields, bool vlans)
{
	int result = 0;
	for (unsigned s = 0; s < lists->source_ports; s++) {
		set_range(fields, ACL_SOURCE_PORT, lists->source_port[s]);
		for (unsigned d = 0; result == 0 && d < lists->destination_ports; d++) {
			set_range(fields, ACL_DESTINATION_PORT, lists->destination_port[d]);
			result = step_vlans(filler, lists, fields, vlans);
		}
	}
	return result;
}

static int step_addresses(struct acl_filler *filler, const struct acl_lists *lists, struct acl_fields *fields, bool vlans)
{
	int result = 0;
	for (unsigned s = 0; s < lists->sources; s++) {
		set_prefix(fields, ACL_SOURCE, &lists->source[s]);
		fields->source_bits = lists->source[s].bits;
		for (unsigned d = 0; result == 0 && d < lists->destinations; d++) {
			set_prefix(fields, ACL_DESTINATION, &lists->destination[d]);
			fields->destination_bits = lists->destination[d].bits;
			result = step_ports(filler, lists, fields, vlans);
		}
	}
	return result;
}

static int add_rule(struct acl_filler *filler, const struct rule *rule, const struct rule_need *need)
{
	struct acl_lists lists;
	struct acl_fields fields = { 0 };
	acl_lists_of(rule, filler->view, need, &lists);
	uint8_t family = view_family(filler->view);
	static struct address_classes *const whole[ENDS];
	int result = acl_lists_take_prefixes(&lists, rule, need, family, family == FAMILY_IP4 ? whole : filler->set->classes);
	set_cube(&fields, ACL_CONNECTION, (struct byte_cube){ 0, lists.connection });
	for (unsigned i = 0; result == 0 && i < lists.protocols; i++) {
		set_cube(&fields, ACL_PROTOCOL, lists.protocol[i]);
		result = step_addresses(filler, &lists, &fields, need->asks & RULE_VLAN);
	}
	acl_lists_give_prefixes(&lists);
	return result;
}

// Whether tables answer all that it could, earlier.
static bool shadowed(const struct rule_view *view, const struct rule_need *need, uint32_t position)
{
	for (unsigned protocol = 0; protocol < PROTOCOLS; protocol++) {
		if (byte_set_has(&need->protocols, (uint8_t)protocol) && view->lone[protocol] > position)
			return false;
	}
	return true;
}

int acl_fill(struct acl_filler *filler, const struct rule_choice *choice)
{
	memset(filler->count, 0, sizeof(filler->count));
	for (size_t i = 0; i < choice->count; i++) {
		struct rule_need need;
		filler->position = choice->position[i];
		if (!rule_need(choice->rule[i], filler->view, &need) || rule_need_is_tabled(&need) ||
			shadowed(&filler->set->view[filler->view], &need, filler->position))
			continue;
		filler->asks |= need.asks;
		int result = add_rule(filler, choice->rule[i], &need);
		if (result)
			return result;
	}
	return 0;
}
