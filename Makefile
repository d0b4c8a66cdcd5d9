# make            build bin/* but bench; first install missing packages, unless SETUP=skip
# make test       everything               make bench   the benchmark
# make python     the Python package `tributary`, in build/python
# V=1 shows the commands. REAL=double, SANITIZE=address|undefined|thread and PORTABLE=1 build into
# folders of their own: see tools/developer.mk and tools/portable.mk.
MAKEFLAGS += -r
REAL     ?= float
CXX      ?= g++
ARCH     := -march=native -fPIC -fvisibility=hidden
BUILD    := build/$(REAL)$(SANITIZE:%=-%)$(PORTABLE:1=-portable)
BIN      := $(if $(filter build/float,$(BUILD)),bin,$(BUILD)/bin)

CPPFLAGS += -I. -DREAL=$(REAL) -MMD -MP $(shell pkg-config --cflags openblas 2>/dev/null)
# -fno-tree-slp-vectorize: with AVX-512, g++ 12.2 otherwise makes {x, x, x, x} of four doubles
# {x, x, 0, 0} (tests/nn/compiler.cpp).
CXXFLAGS += -std=c++20 -O2 -g1 -fno-trapping-math -fno-math-errno -fno-tree-slp-vectorize \
            -pthread $(ARCH) -Wall -Wextra -Wpedantic -Wno-restrict -Wno-psabi
LDFLAGS  += -pthread
LDLIBS   += $(or $(shell pkg-config --libs openblas 2>/dev/null),-lopenblas) -lzmq -lsodium

# A program is a file in tools/; all other sources go into one library, but for the benchmark's own.
PROGRAMS := $(filter-out $(BIN)/bench,$(patsubst tools/%.cpp,$(BIN)/%,$(wildcard tools/*.cpp)))
LIBRARY  := $(BUILD)/tributary.a
COLLECT   = ar rcs $@ $^
# Each of these folders is compiled as one file, because most of the time goes into reading the
# standard library's headers; the code of nn/ops and nn/kernels takes longer than its headers.
# FOLDERS= compiles each file by itself: quicker after a small change.
TOOLS    := $(patsubst %/,%,$(sort $(dir $(wildcard tools/*/*.cpp))))
FOLDERS  := nn data fl pipeline $(TOOLS)
sources   = $(sort $(filter-out $(if $(filter nn,$(1)),nn/ops/% nn/kernels/%), \
              $(shell find $(1) -name '*.cpp')))
objects   = $(foreach folder,$(1),$(if $(filter $(folder),$(FOLDERS)),$(BUILD)/$(folder)/folder.o,\
              $(patsubst %.cpp,$(BUILD)/%.o,$(call sources,$(folder)))))
OBJECTS  := $(call objects,nn nn/ops nn/kernels data fl pipeline) \
            $(call objects,$(filter-out tools/bench tools/python,$(TOOLS))) $(BUILD)/version.o

# The headers that many files include are read once, in advance, but not by clang, which stops at
# what g++ has prepared, nor with ccache. FOLDERS= PCH= finds a forgotten #include.
PCH      := $(if $(findstring clang,$(CXX))$(findstring ccache,$(CXX)),,common.h)

JOBS      = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
PARALLEL  = $(MAKE) --no-print-directory $(JOBS)
run       = $(if $(V),,@echo '$(1) $@' && )mkdir -p $(@D) && $(2)
prepared  = $(PCH:%=-include $(BUILD)/%)
compile   = $(call run,compile,$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(prepared) -c -o $@ $<)
link      = $(call run,link,$(CXX) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a %.so,$^) $(LDLIBS))
replace   = >$@.new && { cmp -s $@.new $@ && rm $@.new || mv $@.new $@; }

all: setup
	+@$(PARALLEL) programs
programs: $(PROGRAMS:$(BIN)/%=$(BUILD)/tools/%.o) $(PROGRAMS)
setup:; @SETUP=$(SETUP) tools/setup.sh
clean:; rm -rf build bin
include $(if $(PORTABLE),tools/portable.mk) tools/developer.mk tools/python.mk

$(BIN)/%: $(BUILD)/tools/%.o $(LIBRARY); $(link)
$(LIBRARY): $(OBJECTS)
	$(call run,collect,rm -f $@ && $(COLLECT))
# -O3 gives loops over weights and gradients vectors. No prepared headers: with them g++ 12 leaves
# the loops of the larger files scalar.
$(BUILD)/nn/%.o $(BUILD)/fl/%.o $(BUILD)/pipeline/%.o: private CXXFLAGS += -O3
$(BUILD)/nn/%.o $(BUILD)/fl/%.o $(BUILD)/pipeline/%.o: private prepared :=
$(BUILD)/tests/%.o $(BUILD)/tools/%.o: private CXXFLAGS += -O1
$(BUILD)/tests/%.o: private CPPFLAGS += -DDOCTEST_CONFIG_SUPER_FAST_ASSERTS
$(BUILD)/%.o: %.cpp | $(PCH:%=$(BUILD)/%.gch); $(compile)
$(BUILD)/%.o: $(BUILD)/%.cpp | $(PCH:%=$(BUILD)/%.gch); $(compile)
$(BUILD)/common.h.gch: $(BUILD)/common.h
	$(call run,compile,$(CXX) $(CPPFLAGS) $(CXXFLAGS) -x c++-header -o $@ $<)
$(BUILD)/common.h: always
	@mkdir -p $(@D) && grep -rhoE '^#include <[a-z_]+>$$' nn data fl pipeline tools | \
	  sort | uniq -c | awk '$$1 > 15 { print $$2, $$3 }' $(replace)
$(BUILD)/%/folder.cpp: always
	@mkdir -p $(@D) && printf '#include "%s"\n' $(call sources,$*) $(replace)
# The commit, in an object of its own, so that a new one compiles nothing else again.
$(BUILD)/version.cpp: always
	@mkdir -p $(@D) && printf 'namespace nn { extern const char* const engine_version; %s"%s"; }\n' \
	  'const char* const engine_version = ' \
	  '$(or $(shell git describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null),unknown)' \
	  $(replace)
.PHONY: always all programs setup clean
.SECONDARY:
-include $(shell find build -name '*.d' 2>/dev/null)
