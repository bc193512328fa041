# db_guard: PGXS build. Sources are found by folder and SQL fragments by src/install.manifest;
# neither is listed here. Builds in-tree, in another folder (make -f .../Makefile), with any PG_CONFIG.

ROOT := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" $(ROOT)/db_guard.control)

EXTENSION = db_guard
MODULE_big = db_guard
SOURCES := $(sort $(wildcard $(ROOT)/src/*.cpp $(ROOT)/src/*/*.cpp))
OBJS := $(patsubst $(ROOT)/%.cpp,%.o,$(SOURCES))
FRAGMENTS := $(addprefix $(ROOT)/,$(shell grep -v '^\#' $(ROOT)/src/install.manifest))
INSTALL_SCRIPT_SQL := db_guard--$(VERSION).sql
DATA_built = $(INSTALL_SCRIPT_SQL)
SCRIPTS = bin/db_guard_check

REGRESS = $(patsubst $(ROOT)/sql/%.sql,%,$(sort $(wildcard $(ROOT)/sql/*.sql)))
REGRESS_OPTS = --inputdir=$(ROOT) --outputdir=$(CURDIR)
ISOLATION = $(patsubst $(ROOT)/test/isolation/specs/%.spec,%,$(sort $(wildcard $(ROOT)/test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=$(ROOT)/test/isolation --outputdir=$(CURDIR)/isolation_output --load-extension=db_guard

# gnu++17, not c++17: copyObject on 15 needs typeof. The register keyword is in 15's headers.
GUARD_CXXFLAGS = -std=gnu++17 -Wno-register -fno-strict-aliasing -fwrapv -I$(ROOT)/src
PG_CXXFLAGS = $(GUARD_CXXFLAGS) -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -MMD -MP $(WERROR)
SHLIB_LINK += -lstdc++ -Wl,--version-script=$(ROOT)/src/exports.map
EXTRA_CLEAN = $(OBJS:.o=.d) $(OBJS:.o=.bc) $(INSTALL_SCRIPT_SQL) isolation_output results regression.diffs regression.out

OWN_GOALS = help demo check check-versions bench verify docs format
PG_CONFIG ?= pg_config

# PGXS brings a "check" of its own, and may not be installed yet: these goals do without it.
ifneq (,$(filter $(OWN_GOALS),$(MAKECMDGOALS)))
.PHONY: $(OWN_GOALS)
help:
	@echo 'make            build (needs PostgreSQL server headers; PG_CONFIG=... picks the server)'
	@echo 'make install    install into that server; make installcheck runs the SQL tests on a running one'
	@echo 'make demo       install what is missing, and show the guard at work on a throw-away server'
	@echo 'make check      install what is missing, build, run every test on throw-away servers'
	@echo 'make check-versions   the same tests on PostgreSQL 17 and 18'
	@echo 'make bench      what the guard costs, side by side'
	@echo 'make verify     what explain_ddl predicts against what the server does, statement by statement'
	@echo 'make docs       write docs/rules from the rules; make format applies clang-format'

$(filter-out help,$(OWN_GOALS)):
	@$(ROOT)/test/run/$@
else

ifneq ($(ROOT),$(CURDIR))
VPATH = $(ROOT)
# The compiler does not make the folders it writes to, and VPATH hides from make that they are missing.
$(shell mkdir -p $(sort $(dir $(OBJS))))
endif

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# PGXS looks for an installed script under the path that it has in the source tree.
.PHONY: uninstall-scripts
uninstall: uninstall-scripts
uninstall-scripts:
	rm -f $(addprefix '$(DESTDIR)$(bindir)'/, $(notdir $(SCRIPTS)))

ifneq ($(ROOT),$(CURDIR))
# Sources only: a VPATH for everything takes the objects of an in-tree build for ours and links nothing.
srcdir := $(ROOT)
override VPATH :=
vpath %.cpp $(ROOT)
vpath %.control $(ROOT)
# Since 16 the expected files are looked up apart from the input.
ifeq (,$(filter 13 14 15,$(MAJORVERSION)))
REGRESS_OPTS += --expecteddir=$(ROOT)
ISOLATION_OPTS += --expecteddir=$(ROOT)/test/isolation
endif
endif

# The bitcode rule of PGXS does not see PG_CXXFLAGS.
COMPILE.cxx.bc += $(GUARD_CXXFLAGS) -Wno-unused-command-line-argument
-include $(OBJS:.o=.d)

all: $(INSTALL_SCRIPT_SQL)
$(INSTALL_SCRIPT_SQL): $(FRAGMENTS) $(ROOT)/src/install.manifest $(ROOT)/db_guard.control $(ROOT)/Makefile
	{ printf '%s\n' '\echo Use "CREATE EXTENSION db_guard" to load this file. \quit'; cat $(FRAGMENTS); } > $@
endif
