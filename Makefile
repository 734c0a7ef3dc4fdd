# SPDX-License-Identifier: GPL-2.0-or-later
#
# make            build everything into $(BUILD)
# make check      build and run all tests          make bench     measure, beside peers
# make run        boot a Linux guest               make fuzz      fuzz for FUZZ_SECONDS each
# make install    DESTDIR= PREFIX= (also uninstall) make compare-host   make clean
#
# BUILD=dir  CC=clang  V=1 (show commands)  DEBUG=1 (-O0 -g)  SAN=1 (address and undefined-behaviour checks)

BUILD  ?= build
PREFIX ?= /usr/local
CC     ?= cc
FUZZ_SECONDS ?= 60
export BUILD

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(patsubst $(BUILD)/%,%,$@)')

comma := ,
GCC := $(if $(findstring clang,$(CC)),,yes)
# vmm's units are optimized together when it is linked; its objects serve the tests, too, as they are.
LTO := $(if $(DEBUG)$(SAN),,$(GCC))
WARN    := -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter
CFLAGS  := -std=gnu11 $(WARN) $(if $(DEBUG),-O0,-O2) -g -fno-common -fstack-protector-strong \
	   -ffunction-sections -fdata-sections $(if $(SAN),,-fno-asynchronous-unwind-tables) \
	   $(if $(DEBUG)$(SAN),,-D_FORTIFY_SOURCE=2) -fPIE \
	   $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer) \
	   $(EXTRA_CFLAGS)
CPPFLAGS := -D_GNU_SOURCE -I. -I$(BUILD)/gen
# Small programs start fast: no unwind tables, packed relocations (glibc 2.36), nothing unused,
# two segments to map.
LDFLAGS := -pie -Wl,-z,relro,-z,now,-z,pack-relative-relocs,-z,noseparate-code -Wl,--as-needed,--gc-sections \
	   $(if $(LTO),-fno-lto) $(if $(SAN),-fsanitize=address$(comma)undefined)

vmm_LIBS       := -ljansson -luring -lpthread
vmm_vnc_LIBS   := -lvncserver -lxkbcommon -lgnutls
kvm_check_LIBS := -ljansson -lkmod
kvm_tune_LIBS  := -ljansson
kvm_assign_LIBS := -ljansson -lkmod -lpci -ludev
vmm_ctl_LIBS    := -ljansson
vmm_img_LIBS    := -luring -lpthread -lz
vmm_user_net_LIBS := -lslirp

# ---- small or fast ----

# Programs are made small; what runs for each request, byte or pixel is made fast.
SMALL := common cpu img $(filter-out vmm/helpers,$(patsubst %/,%,$(wildcard vmm/*/)))
FAST  := block/aio block/uring legacy/vga-draw loop/loop mem/ram virtio/blk virtio/queue
# Functions with arrays of characters bear a canary, of any size; in these, and in what is made fast,
# those with arrays of other things and with pointers to locals, too.
WATCHED := $(addprefix common/,bpf confine fdio frame-ring frames opts process spawn) \
	$(addprefix vmm/,block/qcow2-count block/qcow2-deflate display/ask display/display display/vnc kvm/entry \
	kvm/shadow legacy/e1000-rx legacy/e1000-tx legacy/fwcfg legacy/i8042 legacy/rtc machine/bootorder \
	machine/pc-devices machine/pc-display main/sandbox mem/shadow migrate/channel monitor/cmd-block \
	monitor/cmd-debug monitor/cmd-display monitor/cmd-run net/back-user net/card net/tap-open pci/vfio \
	pci/vfio-config pci/vfio-irq scsi/cd usb/xhci virtio/balloon virtio/input virtio/net-data \
	virtio/net-filter virtio/pci)
# Passes that gcc 12 leaves on at -Oz although they make code longer. Without them it sees variables
# that may be unset where none is; the SAN build, at -O2, still looks for them.
LONGER := thread-jumps caller-saves move-loop-invariants jump-tables
SMALL_FLAGS := -Oz -fstack-protector --param=ssp-buffer-size=1 $(if $(GCC),-malign-data=abi $(LONGER:%=-fno-%) -Wno-maybe-uninitialized -flto -ffat-lto-objects)
FAST_FLAGS := -O2 -fstack-protector-strong -falign-functions=1 $(if $(GCC),-falign-jumps=1 -falign-loops=1 $(LONGER:%=-f%))

# ---- what each program is made of ----

OBJ := $(BUILD)/obj
obj = $(addprefix $(OBJ)/,$(addsuffix .o,$(basename $(1))))

# All of a folder but the program's own main.
lib = $(filter-out $(OBJ)/$(1)/main.o,$(call obj,$(wildcard $(1)/*.c $(1)/*.S)))
PROGRAMS := $(addprefix $(BUILD)/,vmm vmm-ctl vmm-img kvm-check kvm-tune kvm-assign)
# Started by vmm, found beside it or in libexec.
HELPERS  := $(addprefix $(BUILD)/,vmm-user-net vmm-vnc)

# Objects shared by the programs go through archives, so that each takes only what it uses.
$(BUILD)/libcommon.a: $(call obj,$(wildcard common/*.c cpu/*.c))
$(BUILD)/libvmm.a: $(filter-out $(OBJ)/vmm/main/main.o,$(call obj,$(wildcard vmm/*/*.c vmm/*/*.S))) \
	$(call obj,passthrough/address.c passthrough/vfio.c)
$(BUILD)/libprobe.a: $(call lib,probe)
$(BUILD)/libtune.a: $(call lib,tune)
$(BUILD)/libassign.a: $(call lib,passthrough)

.DEFAULT_GOAL := all
.PHONY: all check run tests bench compare-host fuzz fuzzers clean
.SECONDARY:
all: $(PROGRAMS) $(HELPERS)

$(BUILD)/vmm: $(OBJ)/vmm/main/main.o $(BUILD)/libvmm.a $(BUILD)/libcommon.a
$(BUILD)/vmm-user-net: $(call obj,$(wildcard vmm/helpers/user-net/*.c)) $(BUILD)/libcommon.a
$(BUILD)/kvm-check: $(OBJ)/probe/main.o $(BUILD)/libprobe.a $(BUILD)/libcommon.a
$(BUILD)/kvm-tune: $(OBJ)/tune/main.o $(BUILD)/libtune.a $(BUILD)/libprobe.a $(BUILD)/libcommon.a
$(BUILD)/kvm-assign: $(OBJ)/passthrough/main.o $(BUILD)/libassign.a $(BUILD)/libprobe.a $(BUILD)/libcommon.a
$(BUILD)/vmm-ctl: $(call obj,$(wildcard ctl/*.c)) $(BUILD)/libcommon.a
$(BUILD)/vmm-img: $(call obj,$(wildcard img/*.c)) $(BUILD)/libvmm.a $(BUILD)/libcommon.a
$(BUILD)/vmm-vnc: $(call obj,$(wildcard vmm/helpers/vnc/*.c)) $(BUILD)/libcommon.a
$(PROGRAMS) $(HELPERS):
	$(call say,LD)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) -o $@ $^ $($(subst -,_,$(@F))_LIBS)
$(BUILD)/vmm: LDFLAGS := $(if $(LTO),$(filter-out -W%,$(CFLAGS)) $(SMALL_FLAGS) -flto-partition=one -fno-ipa-cp -fno-ipa-sra) \
	$(filter-out -fno-lto,$(LDFLAGS))

%.a:
	$(call say,AR)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^

$(OBJ)/%.o: %.c $(BUILD)/flags
	$(call say,CC)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

ifeq ($(DEBUG)$(SAN),)
$(addprefix $(OBJ)/,$(addsuffix /%.o,$(SMALL))): CFLAGS += $(SMALL_FLAGS)
$(call obj,passthrough/address.c passthrough/vfio.c): CFLAGS += $(SMALL_FLAGS)
$(FAST:%=$(OBJ)/vmm/%.o): CFLAGS += $(FAST_FLAGS)
$(WATCHED:%=$(OBJ)/%.o): CFLAGS += -fstack-protector-strong
endif

# What was built with other flags is built again: the file that has them is new then. BUILD may be
# written in several ways, which makes no difference.
FLAGS := $(CC) $(filter-out -I%,$(CPPFLAGS)) $(CFLAGS) $(LDFLAGS) $(SMALL_FLAGS) $(FAST_FLAGS) $(FAST) $(WATCHED)
put_flags = mkdir -p $(BUILD) && echo '$(FLAGS)' >$(BUILD)/flags
$(shell echo '$(FLAGS)' | cmp -s - $(BUILD)/flags || { $(put_flags); })
$(BUILD)/flags:
	$(Q)$(put_flags)

$(OBJ)/%.o: %.S $(BUILD)/flags
	$(call say,AS)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# ---- ACPI: tables in ASL are compiled, then included by a .S file as bytes ----

$(BUILD)/gen/%.aml: vmm/machine/%.asl
	$(call say,IASL)
	$(Q)mkdir -p $(@D) && iasl -vs -p $(basename $@) $< >$@.log || { cat $@.log; exit 1; }
$(OBJ)/vmm/machine/dsdt.o: $(BUILD)/gen/dsdt.aml $(BUILD)/gen/hotplug.aml

include tests/tests.mk

# ---- run, measure, install ----

run:
	$(Q)scripts/run $(RUN_ARGS)

# Ours, but no part of the product: they measure it from outside.
BENCH      := $(addprefix $(BUILD)/bench/,bench guest-bench floor blkload first-run.so)
BENCH_LIB  := $(call obj,$(filter-out $(addprefix bench/,bench.c guest-bench.c floor.c first-run.c),$(wildcard bench/*.c)))
$(BUILD)/bench/bench $(BUILD)/bench/guest-bench $(BUILD)/bench/floor: $(BUILD)/bench/%: \
	$(OBJ)/bench/%.o $(BENCH_LIB) $(BUILD)/libcommon.a
	$(call say,LD)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) -o $@ $< $(if $(filter floor,$*),,$(BENCH_LIB)) \
		$(BUILD)/libcommon.a -ljansson -lm
$(BUILD)/bench/blkload: $(OBJ)/bench/guest/blkload.o
	$(call say,LD)
	$(Q)mkdir -p $(@D) && $(CC) -static -o $@ $<
$(BUILD)/bench/first-run.so: bench/first-run.c
	$(call say,LD)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(filter-out -fPIE,$(CFLAGS)) -fPIC -shared -o $@ $< -ldl

# Linked statically or preloaded, they bear no sanitizer.
tests: $(if $(SAN),,$(BENCH))

bench: all $(BENCH)
	$(Q)scripts/bench $(BENCH_ARGS)

compare-host: all
	$(Q)scripts/compare-host $(COMPARE_ARGS)

include install.mk

clean:
	rm -rf $(BUILD)

-include $(shell find $(OBJ) -name '*.d' -type f 2>/dev/null)
