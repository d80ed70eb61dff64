// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/device_trouble.h"

#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_pci.h>

enum { VALUE_MAX = 256, PATH_BYTES = 512 };

// The value of key=value in "driver0,key=value,...". false: not there.
static bool argument(const char *device, const char *key, char value[VALUE_MAX])
{
	size_t length = strlen(key);
	for (const char *at = strchr(device, ','); at; at = strchr(at, ',')) {
		at++;
		if (strncmp(at, key, length) != 0 || at[length] != '=')
			continue;
		at += length + 1;
		snprintf(value, VALUE_MAX, "%.*s", (int)strcspn(at, ","), at);
		return true;
	}
	return false;
}

// Last component of what the link points to; false: no such link.
static bool link_name(const char *path, char name[VALUE_MAX])
{
	char target[PATH_BYTES];
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	const char *slash = strrchr(target, '/');
	snprintf(name, VALUE_MAX, "%.*s", VALUE_MAX - 1, slash ? slash + 1 : target);
	return true;
}

// Kernel drivers that DPDK can work with; all others hold the device for themselves.
static bool driver_shares(const char *driver)
{
	static const char *const drivers[] = { "vfio-pci", "igb_uio", "uio_pci_generic", "mlx4_core", "mlx5_core", "mana" };
	for (size_t i = 0; i < sizeof(drivers) / sizeof(*drivers); i++)
		if (strcmp(driver, drivers[i]) == 0)
			return true;
	return false;
}

static void vfio_trouble(const char *address, char *text, size_t size)
{
	char path[PATH_BYTES], group[VALUE_MAX];
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", address);
	if (!link_name(path, group)) {
		snprintf(text, size, "PCI device %s is in no IOMMU group: switch the IOMMU on (intel_iommu=on or "
			"amd_iommu=on), or allow vfio without one (modprobe vfio enable_unsafe_noiommu_mode=1)", address);
		return;
	}
	snprintf(path, sizeof(path), "/dev/vfio/%s", group);
	if (access(path, R_OK | W_OK) != 0)
		snprintf(text, size, "PCI device %s: %s can't be opened: %s; run as root, or chown %s to this user and raise "
			"'ulimit -l'", address, path, strerror(errno), path);
	else
		snprintf(text, size, "PCI device %s does not start though it is bound to vfio-pci: another process may have "
			"it, or DPDK has no driver for it (see DPDK's messages above)", address);
}

static void pci_trouble(const struct rte_pci_addr *pci, char *text, size_t size)
{
	char address[PCI_PRI_STR_SIZE], path[PATH_BYTES], driver[VALUE_MAX];
	rte_pci_device_name(pci, address, sizeof(address));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", address);
	if (access(path, F_OK) != 0) {
		snprintf(text, size, "there is no PCI device %s: 'lspci -D' or 'dpdk-devbind.py --status-dev net' lists those "
			"that there are", address);
		return;
	}
	if (!rte_eal_has_pci()) {
		snprintf(text, size, "PCI device %s can't be used with the EAL argument --no-pci: take it away", address);
		return;
	}
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", address);
	if (!link_name(path, driver))
		snprintf(text, size, "PCI device %s is bound to no driver: 'modprobe vfio-pci; dpdk-devbind.py -b vfio-pci "
			"%s' as root", address, address);
	else if (!driver_shares(driver))
		snprintf(text, size, "PCI device %s belongs to the kernel's driver %s: 'modprobe vfio-pci; dpdk-devbind.py -b "
			"vfio-pci %s' as root (its kernel interface goes away)", address, driver, address);
	else if (strcmp(driver, "vfio-pci") == 0)
		vfio_trouble(address, text, size);
	else
		snprintf(text, size, "PCI device %s does not start with the kernel's driver %s: %s", address, driver,
			geteuid() ? "run as root" : "see DPDK's messages above");
}

static const char *rights(void)
{
	return geteuid() ? "this process is not root: run as root, or with CAP_NET_RAW and CAP_NET_ADMIN"
			 : "see DPDK's messages above";
}

static bool packet_trouble(const char *device, char *text, size_t size)
{
	char name[VALUE_MAX];
	if (!argument(device, "iface", name))
		snprintf(text, size, "'%s' names no kernel interface, expected net_af_packet0,iface=eth0", device);
	else if (if_nametoindex(name) == 0)
		snprintf(text, size, "there is no kernel interface '%s' for '%s': 'ip link' lists those that there are", name,
			device);
	else
		snprintf(text, size, "'%s' does not start: %s", device, rights());
	return true;
}

static bool tap_trouble(const char *device, char *text, size_t size)
{
	char name[VALUE_MAX];
	if (argument(device, "iface", name) && strlen(name) >= IF_NAMESIZE)
		snprintf(text, size, "the interface name '%s' is too long, expected at most %d characters", name,
			IF_NAMESIZE - 1);
	else if (access("/dev/net/tun", R_OK | W_OK) != 0)
		snprintf(text, size, "'%s' needs /dev/net/tun: %s; 'modprobe tun', and run as root", device, strerror(errno));
	else
		snprintf(text, size, "'%s' does not start: %s", device, rights());
	return true;
}

static bool pcap_trouble(const char *device, char *text, size_t size)
{
	char value[VALUE_MAX];
	if (argument(device, "rx_pcap", value) && access(value, R_OK) != 0) {
		snprintf(text, size, "the capture '%s' can't be read: %s", value, strerror(errno));
		return true;
	}
	if ((argument(device, "iface", value) || argument(device, "rx_iface", value)) && if_nametoindex(value) == 0) {
		snprintf(text, size, "there is no kernel interface '%s' for '%s': 'ip link' lists those that there are", value,
			device);
		return true;
	}
	return false;
}

// What is known of single drivers. false: nothing to say.
static const struct {
	const char *driver;
	bool (*explain)(const char *device, char *text, size_t size);
} drivers_known[] = {
	{ "net_af_packet", packet_trouble },
	{ "eth_af_packet", packet_trouble },
	{ "net_tap", tap_trouble },
	{ "net_pcap", pcap_trouble },
};

void device_trouble(const char *device, int code, char *text, size_t size)
{
	struct rte_pci_addr pci;
	if (rte_pci_addr_parse(device, &pci) == 0) {
		pci_trouble(&pci, text, size);
		return;
	}
	for (size_t i = 0; i < sizeof(drivers_known) / sizeof(*drivers_known); i++) {
		size_t length = strlen(drivers_known[i].driver);
		if (strncmp(device, drivers_known[i].driver, length) == 0 && drivers_known[i].explain(device, text, size))
			return;
	}
	if (if_nametoindex(device) != 0)
		snprintf(text, size, "'%s' is a kernel interface, expected a DPDK device: net_af_packet0,iface=%s, or its PCI "
			"address", device, device);
	else if (code == -ENOMEM)
		snprintf(text, size, "no memory for '%s': give the EAL more (-m MEGABYTES, or hugepages)", device);
	else if (strncmp(device, "net_", 4) == 0)
		snprintf(text, size, "'%s' does not start: %s; is that the name of a driver of this DPDK and are its arguments "
			"right? See DPDK's messages above", device, strerror(-code));
	else
		snprintf(text, size, "'%s' is no device, expected a PCI address such as 0000:3b:00.0 or a virtual device such "
			"as net_af_packet0,iface=eth0", device);
}
