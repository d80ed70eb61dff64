// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/flow.h"

const char *flow_state_name(enum flow_state state)
{
	static const char *const name[FLOW_STATES] = {
		[FLOW_TCP_SYN_SENT] = "SYN_SENT",
		[FLOW_TCP_SYN_RCVD] = "SYN_RCVD",
		[FLOW_TCP_ESTABLISHED] = "ESTABLISHED",
		[FLOW_TCP_FIN_WAIT_1] = "FIN_WAIT_1",
		[FLOW_TCP_FIN_WAIT_2] = "FIN_WAIT_2",
		[FLOW_TCP_CLOSING] = "CLOSING",
		[FLOW_TCP_CLOSE_WAIT] = "CLOSE_WAIT",
		[FLOW_TCP_LAST_ACK] = "LAST_ACK",
		[FLOW_TCP_TIME_WAIT] = "TIME_WAIT",
		[FLOW_TCP_CLOSED] = "CLOSED",
		[FLOW_UDP_UNREPLIED] = "UNREPLIED",
		[FLOW_UDP_REPLIED] = "REPLIED",
		[FLOW_ICMP_UNREPLIED] = "UNREPLIED",
		[FLOW_ICMP_REPLIED] = "REPLIED",
		[FLOW_OTHER_UNREPLIED] = "UNREPLIED",
		[FLOW_OTHER_REPLIED] = "REPLIED",
	};

	return (unsigned)state < FLOW_STATES ? name[state] : "?";
}
