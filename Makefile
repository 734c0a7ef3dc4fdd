# SPDX-License-Identifier: GPL-2.0-or-later
#
# make            build everything into $(BUILD)
# make check      build and run all tests          make bench     measure, beside peers
# make run        boot a Linux guest               make fuzz      fuzz for FUZZ_SECONDS each
# make install    DESTDIR= PREFIX= (also uninstall) make clean
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
WARN    := -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter
CFLAGS  := -std=gnu11 $(WARN) $(if $(DEBUG),-O0,-O2) -g -fno-common -fstack-protector-strong \
	   $(if $(DEBUG)$(SAN),,-D_FORTIFY_SOURCE=2) -fPIE \
	   $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer) \
	   $(EXTRA_CFLAGS)
CPPFLAGS := -D_GNU_SOURCE -I. -I$(BUILD)/gen
LDFLAGS := -pie -Wl,-z,relro,-z,now -Wl,--as-needed \
	   $(if $(SAN),-fsanitize=address$(comma)undefined)

vmm_LIBS       := -ljansson -luring -lseccomp -lpthread
kvm_check_LIBS := -ljansson -lkmod
kvm_tune_LIBS  := -ljansson
kvm_assign_LIBS := -ljansson -lkmod -lpci -ludev
vmm_ctl_LIBS    := -ljansson
vmm_user_net_LIBS := -lslirp -lseccomp

# ---- what each program is made of ----

COMMON  := $(wildcard common/*.c cpu/*.c)
VMM_DIRS := loop kvm mem core pci virtio legacy block net chardev machine monitor main guest
VMM_SRC := $(foreach d,$(VMM_DIRS),$(wildcard vmm/$d/*.c vmm/$d/*.S))
USER_NET := $(wildcard vmm/helpers/user-net/*.c)

OBJ := $(BUILD)/obj
obj = $(addprefix $(OBJ)/,$(addsuffix .o,$(basename $(1))))

COMMON_OBJ := $(call obj,$(COMMON))
VMM_OBJ    := $(call obj,$(VMM_SRC))
VMM_LIB    := $(filter-out $(OBJ)/vmm/main/main.o,$(VMM_OBJ))
PROBE_LIB  := $(filter-out $(OBJ)/probe/main.o,$(call obj,$(wildcard probe/*.c probe/*.S)))
TUNE_LIB   := $(filter-out $(OBJ)/tune/main.o,$(call obj,$(wildcard tune/*.c)))
ASSIGN_LIB := $(filter-out $(OBJ)/passthrough/main.o,$(call obj,$(wildcard passthrough/*.c)))
PROGRAMS   := $(addprefix $(BUILD)/,vmm vmm-user-net vmm-ctl kvm-check kvm-tune kvm-assign)

# Objects shared by the programs go through archives, so that each takes only what it uses.
$(BUILD)/libcommon.a: $(COMMON_OBJ)
$(BUILD)/libvmm.a: $(VMM_LIB)
$(BUILD)/libprobe.a: $(PROBE_LIB)
$(BUILD)/libtune.a: $(TUNE_LIB)
$(BUILD)/libassign.a: $(ASSIGN_LIB)

.DEFAULT_GOAL := all
.PHONY: all check run bench fuzz install uninstall clean man completion
.SECONDARY:
all: $(PROGRAMS)

$(BUILD)/vmm: $(OBJ)/vmm/main/main.o $(BUILD)/libvmm.a $(BUILD)/libcommon.a
$(BUILD)/vmm-user-net: $(call obj,$(USER_NET)) $(BUILD)/libcommon.a
$(BUILD)/kvm-check: $(OBJ)/probe/main.o $(BUILD)/libprobe.a $(BUILD)/libcommon.a
$(BUILD)/kvm-tune: $(OBJ)/tune/main.o $(BUILD)/libtune.a $(BUILD)/libprobe.a $(BUILD)/libcommon.a
$(BUILD)/kvm-assign: $(OBJ)/passthrough/main.o $(BUILD)/libassign.a $(BUILD)/libprobe.a $(BUILD)/libcommon.a
$(BUILD)/vmm-ctl: $(call obj,$(wildcard ctl/*.c)) $(BUILD)/libcommon.a
$(PROGRAMS):
	$(call say,LD)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) -o $@ $^ $($(subst -,_,$(@F))_LIBS)

%.a:
	$(call say,AR)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^

$(OBJ)/%.o: %.c
	$(call say,CC)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(OBJ)/%.o: %.S
	$(call say,AS)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# ---- ACPI: the DSDT is compiled, then included by a .S file as bytes ----

$(BUILD)/gen/dsdt.aml: vmm/machine/dsdt.asl
	$(call say,IASL)
	$(Q)mkdir -p $(@D) && iasl -vs -p $(basename $@) $< >$@.log || { cat $@.log; exit 1; }
$(OBJ)/vmm/machine/dsdt.o: $(BUILD)/gen/dsdt.aml

# ---- tests: one program per file, TAP on standard output ----

TEST_KINDS := unit dev state probe tune passthrough
helper_src = $(wildcard tests/$(1)/*-driver.c tests/$(1)/*-lib.c)
test_src   = $(filter-out $(call helper_src,$(1)),$(wildcard tests/$(1)/*.c))
test_bin   = $(patsubst %.c,$(BUILD)/%,$(call test_src,$(1)))
TEST_BIN  := $(foreach k,$(TEST_KINDS),$(call test_bin,$(k)))
FUZZERS   := $(filter-out standalone,$(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c)))
FUZZ_BIN  := $(addprefix $(BUILD)/tests/fuzz/,$(FUZZERS))
.PHONY: tests
tests: $(TEST_BIN) $(FUZZ_BIN)

define test_rule
$(call test_bin,$(1)): $(BUILD)/tests/$(1)/%: $(OBJ)/tests/$(1)/%.o \
	$(call obj,$(call helper_src,$(1))) $(OBJ)/tests/tap.o $(2) $(BUILD)/libcommon.a
	$$(call say,LD)
	$(Q)mkdir -p $$(@D) && $(CC) $(LDFLAGS) -o $$@ $$^ $(3)
endef
$(eval $(call test_rule,unit,$(BUILD)/libvmm.a,$(vmm_LIBS)))
$(eval $(call test_rule,dev,$(BUILD)/libvmm.a,$(vmm_LIBS)))
$(eval $(call test_rule,state,$(OBJ)/tests/dev/legacy-lib.o $(BUILD)/libvmm.a,$(vmm_LIBS)))
# What fuzz targets borrow from the tests.
$(BUILD)/libtest.a: $(OBJ)/tests/dev/legacy-lib.o $(call obj,$(call helper_src,state)) \
	$(OBJ)/tests/tap.o
$(eval $(call test_rule,probe,$(BUILD)/libprobe.a,$(kvm_check_LIBS)))
$(eval $(call test_rule,tune,$(call obj,$(call helper_src,probe)) $(BUILD)/libtune.a $(BUILD)/libprobe.a,$(kvm_tune_LIBS)))
$(eval $(call test_rule,passthrough,$(call obj,tests/probe/dir-lib.c tests/probe/schema-lib.c) \
	$(BUILD)/libassign.a $(BUILD)/libprobe.a,$(kvm_assign_LIBS)))

# A fuzz target as a plain program: runs the inputs that it is given.
$(FUZZ_BIN): $(BUILD)/tests/fuzz/%: $(OBJ)/tests/fuzz/%.o $(OBJ)/tests/fuzz/standalone.o \
	$(BUILD)/libtest.a $(BUILD)/libvmm.a $(BUILD)/libcommon.a
	$(call say,LD)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) -o $@ $^ $(vmm_LIBS)

# The rig comes first: the others run beside it. `env` runs programs and scripts alike.
TEST_SCRIPTS := $(foreach k,rig style guest probe tune passthrough fuzz,$(wildcard tests/$(k)/*.t))
SAN_BUILD    := $(BUILD)/san
check: all tests
	$(Q)$(MAKE) --no-print-directory BUILD=$(SAN_BUILD) SAN=1 all tests
	$(Q)prove -j 2 $(if $(V),-v) -e env $(TEST_SCRIPTS) $(TEST_BIN) \
		$(patsubst $(BUILD)/%,$(SAN_BUILD)/%,$(TEST_BIN))

# Coverage-guided, with sanitizers, each target for FUZZ_SECONDS; what it finds stays in the
# build folder, the corpus under tests/fuzz/corpus is only read.
fuzz:
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz CC=clang SAN=1 \
		EXTRA_CFLAGS=-fsanitize=fuzzer-no-link fuzzers
	$(Q)for f in $(FUZZERS); do mkdir -p $(BUILD)/fuzz/new/$$f && \
		$(BUILD)/fuzz/tests/fuzz/$$f.fuzz -max_total_time=$(FUZZ_SECONDS) -timeout=10 \
		-artifact_prefix=$(BUILD)/fuzz/ $(BUILD)/fuzz/new/$$f \
		$(wildcard tests/fuzz/corpus/$$f) || exit 1; done
.PHONY: fuzzers
fuzzers: $(addsuffix .fuzz,$(FUZZ_BIN))
$(BUILD)/tests/fuzz/%.fuzz: $(OBJ)/tests/fuzz/%.o $(BUILD)/libtest.a $(BUILD)/libvmm.a \
	$(BUILD)/libcommon.a
	$(call say,LD)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(vmm_LIBS)

# ---- run, measure, install ----

run:
	$(Q)scripts/run $(RUN_ARGS)

# Ours, but no part of the product: they measure it from outside.
BENCH      := $(addprefix $(BUILD)/bench/,bench guest-bench floor blkload first-run.so)
BENCH_LIB  := $(call obj,$(filter-out bench/bench.c bench/guest-bench.c bench/floor.c \
	      bench/first-run.c,$(wildcard bench/*.c)))
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

MAN := $(patsubst docs/%.in,$(BUILD)/man/%,$(wildcard docs/*.1.in))
man: $(MAN)
$(MAN): $(BUILD)/man/%.1: docs/%.1.in $(BUILD)/% scripts/gen-man
	$(call say,MAN)
	$(Q)mkdir -p $(@D) && scripts/gen-man $(BUILD)/$* $< >$@.tmp && mv $@.tmp $@

COMPLETION := $(MAN:$(BUILD)/man/%.1=$(BUILD)/bash/%) $(MAN:$(BUILD)/man/%.1=$(BUILD)/zsh/_%)
completion: $(COMPLETION)
$(BUILD)/bash/% $(BUILD)/zsh/_%: $(BUILD)/% scripts/gen-completion
	$(call say,COMPL)
	$(Q)for s in bash/ zsh/_; do mkdir -p $(BUILD)/$${s%/*} && scripts/gen-completion $${s%/*} $< >$(BUILD)/$${s}$*.tmp && \
		mv $(BUILD)/$${s}$*.tmp $(BUILD)/$${s}$* || exit 1; done

bindir := $(DESTDIR)$(PREFIX)/bin
bashdir := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
zshdir := $(DESTDIR)$(PREFIX)/share/zsh/site-functions
man1dir := $(DESTDIR)$(PREFIX)/share/man/man1
docdir := $(DESTDIR)$(PREFIX)/share/doc/kvmkit
profiledir := $(DESTDIR)$(PREFIX)/share/kvmkit/profiles
unitdir := $(DESTDIR)$(PREFIX)/lib/systemd/system
DOCS   := README.md LICENSE $(wildcard docs/*.md docs/*.json docs/*.yml)
install: all man completion
	install -d $(bashdir) $(zshdir) $(bindir) $(man1dir) $(docdir) $(profiledir) $(unitdir)
	install -m 755 $(PROGRAMS) $(bindir)
	install -m 644 $(MAN) $(man1dir)
	install -m 644 $(filter $(BUILD)/bash/%,$(COMPLETION)) $(bashdir)
	install -m 644 $(filter $(BUILD)/zsh/%,$(COMPLETION)) $(zshdir)
	install -m 644 $(DOCS) $(docdir)
	install -m 644 $(wildcard tune/profiles/*) $(profiledir)
	install -m 644 $(wildcard systemd/*) $(unitdir)
	sed -i 's|@PREFIX@|$(PREFIX)|' $(patsubst systemd/%,$(unitdir)/%,$(wildcard systemd/*))

uninstall:
	rm -f $(patsubst $(BUILD)/bash/%,$(bashdir)/%,$(patsubst $(BUILD)/zsh/%,$(zshdir)/%,$(COMPLETION)))
	rm -f $(addprefix $(bindir)/,$(notdir $(PROGRAMS))) $(addprefix $(man1dir)/,$(notdir $(MAN)))
	rm -f $(addprefix $(docdir)/,$(notdir $(DOCS))) $(patsubst systemd/%,$(unitdir)/%,$(wildcard systemd/*)) \
		$(patsubst tune/profiles/%,$(profiledir)/%,$(wildcard tune/profiles/*))
	-rmdir $(docdir) $(profiledir)

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' -type f 2>/dev/null)
