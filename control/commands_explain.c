// SPDX-License-Identifier: BSD-3-Clause
#include "control/commands.h"
#include "control/explain.h"

json_t *command_explain(struct runtime *runtime, const json_t *arguments, struct error *error)
{
	const char *packet;
	if (command_arguments(arguments, error, "{s:s !}", "packet", &packet))
		return NULL;
	return explain_words(runtime, packet, error);
}
