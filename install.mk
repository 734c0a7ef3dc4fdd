# SPDX-License-Identifier: GPL-2.0-or-later
#
# Included by the Makefile: what is made for people and packages from the programs' own
# tables (manual pages, completion), and where everything goes below DESTDIR and PREFIX.
# Tests that run make at the same time may both make them: each under a name of its own
# first.

.PHONY: man completion install uninstall

# Tests run two makes at once: files come to be under a name that only one has.
MAN := $(patsubst docs/%.in,$(BUILD)/man/%,$(wildcard docs/*.1.in))
man: $(MAN)
$(MAN): $(BUILD)/man/%.1: docs/%.1.in $(BUILD)/% scripts/gen-man
	$(call say,MAN)
	$(Q)mkdir -p $(@D) && scripts/gen-man $(BUILD)/$* $< >$@.$$$$ && mv $@.$$$$ $@

COMPLETION := $(MAN:$(BUILD)/man/%.1=$(BUILD)/bash/%) $(MAN:$(BUILD)/man/%.1=$(BUILD)/zsh/_%)
completion: $(COMPLETION)
$(BUILD)/bash/% $(BUILD)/zsh/_%: $(BUILD)/% scripts/gen-completion
	$(call say,COMPL)
	$(Q)for s in bash/ zsh/_; do mkdir -p $(BUILD)/$${s%/*} && scripts/gen-completion $${s%/*} $< >$(BUILD)/$${s}$*.$$$$ && \
		mv $(BUILD)/$${s}$*.$$$$ $(BUILD)/$${s}$* || exit 1; done

bindir := $(DESTDIR)$(PREFIX)/bin
libexecdir := $(DESTDIR)$(PREFIX)/libexec/kvmkit
bashdir := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
zshdir := $(DESTDIR)$(PREFIX)/share/zsh/site-functions
man1dir := $(DESTDIR)$(PREFIX)/share/man/man1
docdir := $(DESTDIR)$(PREFIX)/share/doc/kvmkit
profiledir := $(DESTDIR)$(PREFIX)/share/kvmkit/profiles
unitdir := $(DESTDIR)$(PREFIX)/lib/systemd/system
DOCS   := README.md LICENSE $(wildcard docs/*.md docs/*.json docs/*.yml)
install: all man completion
	install -d $(bashdir) $(zshdir) $(bindir) $(libexecdir) $(man1dir) $(docdir) $(profiledir) $(unitdir)
	install -m 755 $(PROGRAMS) $(bindir)
	install -m 755 $(HELPERS) $(libexecdir)
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
	rm -f $(addprefix $(libexecdir)/,$(notdir $(HELPERS)))
	rm -f $(addprefix $(docdir)/,$(notdir $(DOCS))) $(patsubst systemd/%,$(unitdir)/%,$(wildcard systemd/*)) \
		$(patsubst tune/profiles/%,$(profiledir)/%,$(wildcard tune/profiles/*))
	-rmdir $(docdir) $(profiledir) $(dir $(profiledir)) $(libexecdir)
