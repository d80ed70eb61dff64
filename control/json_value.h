// SPDX-License-Identifier: BSD-3-Clause
// Fields of a report's objects, for who prints them. 0 where there is none. Any thread.
#pragma once

#include <stdint.h>

#include <jansson.h>

static inline uint64_t number_of(const json_t *object, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(object, name));
}

static inline double real_of(const json_t *object, const char *name)
{
	return json_real_value(json_object_get(object, name));
}

// Of an object of traffic: {packets, bytes}.
static inline uint64_t packets_of(const json_t *object, const char *name)
{
	return number_of(json_object_get(object, name), "packets");
}

static inline uint64_t bytes_of(const json_t *object, const char *name)
{
	return number_of(json_object_get(object, name), "bytes");
}
