// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The catalog's rows (core/catalog.h). An explicit array: its order is the order of
 * -device help, and a class that is missing here is missing everywhere. It stands here
 * because only the machine may know every kind of device.
 */
#include "vmm/core/catalog.h"
#include "vmm/legacy/debug.h"
#include "vmm/legacy/e1000.h"
#include "vmm/legacy/flash.h"
#include "vmm/legacy/fwcfg.h"
#include "vmm/legacy/i6300esb.h"
#include "vmm/legacy/i8042.h"
#include "vmm/legacy/ide.h"
#include "vmm/legacy/pcihp.h"
#include "vmm/legacy/pcitestdev.h"
#include "vmm/legacy/piix.h"
#include "vmm/legacy/pm.h"
#include "vmm/legacy/port92.h"
#include "vmm/legacy/pvpanic.h"
#include "vmm/legacy/rtc.h"
#include "vmm/legacy/serial.h"
#include "vmm/legacy/testdev.h"
#include "vmm/legacy/vga.h"
#include "vmm/machine/kvmstate.h"
#include "vmm/pci/host.h"
#include "vmm/pci/vfio.h"
#include "vmm/usb/usb.h"
#include "vmm/virtio/balloon.h"
#include "vmm/virtio/blk.h"
#include "vmm/virtio/console.h"
#include "vmm/virtio/input.h"
#include "vmm/virtio/net.h"
#include "vmm/virtio/rng.h"
#include "vmm/virtio/scsi.h"

const struct device_class *const device_catalog[] = {
	/* isa */
	&debugcon_class,
	&debug_exit_class,
	&serial_class,
	&pvpanic_class,
	&testdev_class,
	/* IDE */
	&ide_cd_class,
	&ide_hd_class,
	/* SCSI */
	&scsi_cd_class,
	&scsi_hd_class,
	/* pci */
	&e1000_class,
	&i6300esb_class,
	&pci_testdev_class,
	&xhci_class,
	&vfio_pci_class,
	&virtio_balloon_pci_class,
	&vga_class,
	&bochs_display_class,
	&virtio_blk_pci_class,
	&virtio_keyboard_pci_class,
	&virtio_mouse_pci_class,
	&virtio_net_pci_class,
	&virtio_rng_pci_class,
	&virtio_scsi_pci_class,
	&virtio_serial_pci_class,
	&virtio_tablet_pci_class,
	/* USB */
	&usb_kbd_class,
	&usb_mouse_class,
	&usb_tablet_class,
	/* virtio-serial */
	&virtconsole_class,
	&virtserialport_class,
	/* the board's own */
	&pci_host_class,
	&i440fx_class,
	&piix3_class,
	&piix3_ide_class,
	&pm_class,
	&pcihp_class,
	&rtc_class,
	&i8042_class,
	&fwcfg_class,
	&flash_class,
	&port92_class,
	&kvm_chips_class,
	&kvm_vcpu_class,
	NULL,
};
