/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of commands, one a file. */
#ifndef VMM_MONITOR_TABLES_H
#define VMM_MONITOR_TABLES_H

#include "vmm/monitor/command.h"

#include <stdint.h>

extern const struct mon_command mon_run_commands[];      /* cmd-run.c */
extern const struct mon_command mon_info_commands[];     /* cmd-info.c */
extern const struct mon_command mon_block_commands[];    /* cmd-block.c */
extern const struct mon_command mon_device_commands[];   /* cmd-device.c */
extern const struct mon_command mon_balloon_commands[];  /* cmd-balloon.c */
extern const struct mon_command mon_net_commands[];      /* cmd-net.c */
extern const struct mon_command mon_debug_commands[];    /* cmd-debug.c */
extern const struct mon_command mon_chardev_commands[];  /* cmd-chardev.c */
extern const struct mon_command mon_inspect_commands[];  /* cmd-inspect.c */
extern const struct mon_command mon_stats_commands[];    /* cmd-stats.c */
extern const struct mon_command mon_display_commands[];  /* cmd-display.c */
extern const struct mon_command mon_input_commands[];    /* cmd-input.c */
extern const struct mon_command mon_memory_commands[];   /* cmd-memory.c */
extern const struct mon_command mon_query_commands[];    /* cmd-query.c */
extern const struct mon_command mon_meta_commands[];     /* cmd-meta.c */
extern const struct mon_command mon_gdb_commands[];      /* cmd-gdb.c */
extern const struct mon_command mon_medium_commands[];   /* cmd-medium.c */
extern const struct mon_command mon_hotplug_commands[];  /* cmd-hotplug.c */
extern const struct mon_command mon_migrate_commands[];  /* cmd-migrate.c */
extern const struct mon_command mon_snapshot_commands[]; /* cmd-snapshot.c */
extern const struct mon_command mon_overlay_commands[];  /* cmd-overlay.c */
extern const struct mon_command mon_types_commands[];    /* cmd-types.c */
extern const struct mon_command mon_fd_commands[];       /* cmd-fd.c */

/* A KeyValue's code (common/keycode.h); 0 with a sentence when it is no key.
 * cmd-display.c */
uint16_t mon_key(const json_t *value, struct err *err);
/* Completion, one for each enum mon_proposal: proposes the values that there are. */
void mon_propose_chardevs(struct vm *vm, void (*add)(void *opaque, const char *value),
                          void *opaque);
void mon_propose_devices(struct vm *vm, void (*add)(void *opaque, const char *value),
                         void *opaque);
void mon_propose_drivers(struct vm *vm, void (*add)(void *opaque, const char *value),
                         void *opaque);
void mon_propose_drives(struct vm *vm, void (*add)(void *opaque, const char *value),
                        void *opaque);
void mon_propose_events(struct vm *vm, void (*add)(void *opaque, const char *value),
                        void *opaque);
void mon_propose_keys(struct vm *vm, void (*add)(void *opaque, const char *value),
                      void *opaque);
void mon_propose_nets(struct vm *vm, void (*add)(void *opaque, const char *value),
                      void *opaque);
void mon_propose_targets(struct vm *vm, void (*add)(void *opaque, const char *value),
                         void *opaque);
void mon_propose_watchdog(struct vm *vm, void (*add)(void *opaque, const char *value),
                          void *opaque);

struct qcow2_snapshot;
/* A SnapshotInfo. cmd-block.c */
json_t *mon_snapshot_info(const struct qcow2_snapshot *snapshot);

/* What the balloon has as properties: appends their names; one of them (owned by the
 * caller; NULL: no such); sets one. cmd-balloon.c */
void mon_list_balloon(void (*add)(json_t *list, const char *name, const char *type),
                      json_t *list);
json_t *mon_balloon_property(struct vm *vm, const char *name);
int mon_set_balloon_property(struct vm *vm, const char *name, const json_t *value,
                             struct err *err);

/* The other half of the human monitor's "change". cmd-display.c */
int mon_change_vnc(struct mon_ctx *ctx, const char *target, const char *arg,
                   struct err *err);

/* The descriptor of that name (getfd), which is the caller's from now on; -ENOENT with a
 * sentence. cmd-fd.c */
int mon_take_fd(struct monitors *set, const char *name, struct err *err);
/* Closes what monitors_inherit() left. cmd-fd.c */
void mon_close_inherited(struct monitors *set);

/* The path of a vCPU among objects (DEVICE_QOM_PATH bytes). cmd-info.c */
void mon_cpu_path(const struct vm *vm, unsigned cpu, char *path, size_t size);

struct cpu_model;
struct device;
struct opt_desc;
/* The type of a model, "Haswell-v1-x86_64-cpu". cmd-query.c */
void mon_cpu_type(const struct cpu_model *m, char *type, size_t size);
/* Appends an ObjectPropertyInfo for each row (NULL: none). cmd-query.c */
void mon_list_properties(const struct opt_desc *rows, json_t *list);
/* A property of a device, as qom-get gives it. cmd-query.c */
json_t *mon_property(const struct opt_desc *row, const struct device *dev);

#endif
