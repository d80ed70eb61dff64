// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/handler.h"

#include <stddef.h>
#include <string.h>

#include "dataplane/handlers/kinds.h"

const struct handler_ops *const handler_kinds[] = {
	&handler_count,
	&handler_device,
	&handler_drop,
	&handler_reflect,
	NULL,
};

const struct handler_ops *handler_kind(const char *name)
{
	for (unsigned i = 0; handler_kinds[i]; i++)
		if (strcmp(handler_kinds[i]->kind, name) == 0)
			return handler_kinds[i];
	return NULL;
}
