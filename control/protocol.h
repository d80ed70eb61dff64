// SPDX-License-Identifier: BSD-3-Clause
// What both ends of the control socket agree on: one JSON object a line, requests
// {"version": 1, "command": NAME, "arguments": {...}}, replies {"version": 1, "ok": true, "result": ...} or
// {"version": 1, "ok": false, "error": TEXT}.
#pragma once

enum { PROTOCOL_VERSION = 1 };
