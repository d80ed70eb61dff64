# SPDX-License-Identifier: BSD-3-Clause
"""portier beside other programs: inputs, the programs, windows of time, and what is made of them."""
