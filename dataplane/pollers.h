// SPDX-License-Identifier: BSD-3-Clause
// The threads that poll devices, and memory that drivers take away under them.
#pragma once

struct rte_rcu_qsbr;

// Grace periods of so many threads, which register by numbers from 0 on. NULL: no memory. Until pollers_free, what the EAL's
// interrupt thread unmaps stays mapped until each of them that is online has been through a quiescent state: munmap sees to
// that. One set at a time. Control thread.
struct rte_rcu_qsbr *pollers_make(unsigned count);

// Undoes it; NULL: nothing to do. None may be registered any more. Control thread.
void pollers_free(struct rte_rcu_qsbr *pollers);
