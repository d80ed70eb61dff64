// SPDX-License-Identifier: BSD-3-Clause
// The configuration: any bytes are either read, and then whole and consistent, or refused with a place in the file.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_consistent(const struct config *config)
{
	for (size_t i = 0; i < config->listener_count; i++) {
		const struct listener *listener = &config->listeners[i].listener;
		char text[LISTENER_TEXT_MAX];
		assert(listener->handler < config->handler_count);
		assert(listener->port_low <= listener->port_high);
		assert(listener->interface < config->interface_count || listener->interface == LISTENER_ANY_INTERFACE);
		assert(listener->prefix <= (listener->family == FAMILY_IP6 ? 128 : 32));
		assert(strlen(config_listener_format(config, listener, text)) < LISTENER_TEXT_MAX);
	}
	assert(config->default_handler == HANDLER_NONE || config->default_handler < config->handler_count);
	assert(config->flow_capacity > 0 && config->fragment_capacity > 0 && config->fragment_timeout_ms > 0);
	for (unsigned state = 0; state < FLOW_STATES; state++)
		assert(config->timeout_ms[state] > 0);
}

// A configuration read twice keeps all its listeners' ids.
static void check_ids(const struct config *config)
{
	uint32_t next = 0;
	struct listener *first = config_listeners(config, NULL, 0, &next);
	struct listener *second = config_listeners(config, first, config->listener_count, &next);
	assert(first && second);
	assert(memcmp(first, second, config->listener_count * sizeof(*first)) == 0);
	free(first);
	free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config config;
	struct error error = { "" };
	if (config_parse("f", (const char *)data, size, &config, &error) < 0) {
		assert(strncmp(error.text, "f:", 2) == 0);
		return 0;
	}
	check_consistent(&config);
	check_ids(&config);
	config_free(&config);
	return 0;
}
