// SPDX-License-Identifier: BSD-3-Clause
// Why a device can't be had, and what to do: asked only after it could not. Control thread.
#pragma once

#include <stddef.h>

// Looks at the device string, at /sys and at rights, and writes what is wrong with what helps. code: -errno of the probe.
void device_trouble(const char *device, int code, char *text, size_t size);
