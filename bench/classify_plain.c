// SPDX-License-Identifier: BSD-3-Clause
#include "bench/classify_plain.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum { WORDS_MAX = 4, FIELDS_MAX = 3 + 2 * WORDS_MAX };

RTE_ACL_RULE_DEF(plain_rule, FIELDS_MAX);

static unsigned field_count(const struct plain *plain)
{
	return 3 + 2 * plain->words;
}

static void config_make(const struct plain *plain, struct rte_acl_config *config)
{
	unsigned ports = 1 + 2 * plain->words;
	*config = (struct rte_acl_config){ .num_categories = 1, .num_fields = field_count(plain) };
	config->defs[0] = (struct rte_acl_field_def){ RTE_ACL_FIELD_TYPE_BITMASK, 1, 0, 0, 0 };
	for (uint8_t i = 1; i < ports; i++) {
		uint32_t offset = (uint32_t)offsetof(struct plain_key, address) + 4 * (i - 1u);
		config->defs[i] = (struct rte_acl_field_def){ RTE_ACL_FIELD_TYPE_MASK, 4, i, i, offset };
	}
	for (uint8_t i = 0; i < 2; i++) {
		uint32_t offset = (uint32_t)offsetof(struct plain_key, address) + 8 * plain->words + 2 * i;
		config->defs[ports + i] = (struct rte_acl_field_def){
			RTE_ACL_FIELD_TYPE_RANGE, 2, (uint8_t)(ports + i), (uint8_t)ports, offset,
		};
	}
}

static unsigned prefix_length(const struct address_range *range, unsigned words)
{
	unsigned open = 0;
	for (unsigned i = 0; i < 4 * words; i++)
		open += (unsigned)__builtin_popcount(range->low.byte[i] ^ range->high.byte[i]);
	return 32 * words - open;
}

static void set_prefix(struct rte_acl_field *field, const struct address_range *range, unsigned words)
{
	int length = (int)prefix_length(range, words);
	for (unsigned i = 0; i < words; i++, length -= 32) {
		rte_be32_t word;
		memcpy(&word, range->low.byte + 4 * i, sizeof(word));
		field[i].value.u32 = rte_be_to_cpu_32(word);
		field[i].mask_range.u32 = length < 0 ? 0 : length > 32 ? 32 : (uint32_t)length;
	}
}

static void set_ports(struct rte_acl_field *field, bool asked, const struct port_range *range)
{
	field->value.u16 = asked ? range->low : 0;
	field->mask_range.u16 = asked ? range->high : 65535;
}

static void set_protocol(struct rte_acl_field *field, const struct rule *rule)
{
	for (unsigned protocol = 0; rule->asks & RULE_PROTOCOL && protocol < 256; protocol++) {
		if (byte_set_has(&rule->protocols, (uint8_t)protocol)) {
			field->value.u8 = (uint8_t)protocol;
			field->mask_range.u8 = 0xff;
		}
	}
}

static int add_rule(struct plain *plain, const struct made_rule *made, uint32_t position)
{
	unsigned words = plain->words;
	struct plain_rule rule = {
		.data = { .category_mask = 1, .priority = (int32_t)(RTE_ACL_MAX_PRIORITY - position), .userdata = position + 1 },
	};
	set_protocol(&rule.field[0], &made->rule);
	set_prefix(&rule.field[1], &made->source, words);
	set_prefix(&rule.field[1 + words], &made->destination, words);
	set_ports(&rule.field[1 + 2 * words], made->rule.asks & RULE_SOURCE_PORT, &made->source_port);
	set_ports(&rule.field[2 + 2 * words], made->rule.asks & RULE_DESTINATION_PORT, &made->destination_port);
	return rte_acl_add_rules(plain->acl, (const struct rte_acl_rule *)&rule, 1);
}

int plain_build(struct plain *plain, const struct rule_list *list, uint8_t family, int socket)
{
	*plain = (struct plain){ .words = family == FAMILY_IP4 ? 1 : 4 };
	struct rte_acl_param param = {
		.name = "plain",
		.socket_id = socket,
		.rule_size = RTE_ACL_RULE_SZ(field_count(plain)),
		.max_rule_num = (uint32_t)list->count,
	};
	struct rte_acl_config config;
	int result = 0;
	plain->acl = rte_acl_create(&param);
	if (!plain->acl)
		return -ENOMEM;
	for (uint32_t i = 0; result == 0 && i < list->count; i++)
		result = add_rule(plain, (const struct made_rule *)list->rule[i], i);
	config_make(plain, &config);
	if (result == 0)
		result = rte_acl_build(plain->acl, &config);
	if (result)
		plain_free(plain);
	return result;
}

void plain_free(struct plain *plain)
{
	rte_acl_free(plain->acl);
	plain->acl = NULL;
}
