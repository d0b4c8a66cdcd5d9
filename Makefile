# make            build bin/* but bench (installs missing packages first; SETUP=skip to leave them alone)
# make test       everything, in float and in double     make bench   the benchmark
# REAL=double, SANITIZE=address|undefined|thread, PORTABLE=1 each build into a folder of their own.
# PORTABLE=1 makes programs that travel: they come with a library for each level of x86-64, and the
# dynamic linker takes the best that the processor can run (glibc-hwcaps).
MAKEFLAGS += -r
REAL     ?= float
SANITIZE ?=
PORTABLE ?=
LEVEL    ?= x86-64-v2
CXX      ?= g++
BUILD    := build/$(REAL)$(SANITIZE:%=-%)$(PORTABLE:1=-portable)
BIN      := $(if $(filter build/float,$(BUILD)),bin,$(BUILD)/bin)

CPPFLAGS += -I. -DREAL=$(REAL) -MMD -MP $(shell pkg-config --cflags openblas 2>/dev/null)
CXXFLAGS += -std=c++20 -O2 -g1 -fno-trapping-math -fno-math-errno -Wall -Wextra -Wpedantic -Wno-restrict -Wno-psabi -pthread $(if $(PORTABLE),-march=$(LEVEL) -fPIC,-march=native) \
            $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
LDFLAGS  += -pthread $(if $(SANITIZE),-fsanitize=$(SANITIZE))
LDLIBS   += $(or $(shell pkg-config --libs openblas 2>/dev/null),-lopenblas) -lzmq

# A program is a file in tools/; every other source goes into one library, but for the benchmark's own.
PROGRAMS := $(filter-out $(BIN)/bench,$(patsubst tools/%.cpp,$(BIN)/%,$(wildcard tools/*.cpp)))
LIBRARY  := $(BUILD)/$(if $(PORTABLE),lib/libtributary.so,tributary.a)
COLLECT   = ar rcs $@ $^
# The files of these folders and of those in them are compiled as one: the standard library's headers, read once
# for all of them, are most of the time. Not ops and kernels, whose own code is. FOLDERS= compiles each file by
# itself: quicker after a small change, and finds a forgotten #include, as the tests' build in double does.
TOOLS    := $(patsubst %/,%,$(wildcard tools/*/))
FOLDERS  := nn data fl pipeline $(TOOLS)
sources   = $(sort $(filter-out $(if $(filter nn,$(1)),nn/ops/% nn/kernels/%),$(shell find $(1) -name '*.cpp')))
objects   = $(foreach folder,$(1),$(if $(filter $(folder),$(FOLDERS)),$(BUILD)/$(folder)/folder.o,\
              $(patsubst %.cpp,$(BUILD)/%.o,$(call sources,$(folder)))))
OBJECTS  := $(call objects,nn nn/ops nn/kernels data fl pipeline $(filter-out tools/bench,$(TOOLS))) $(BUILD)/version.o
BENCH    := $(call objects,tools/bench)
FUZZERS  := $(patsubst tests/fuzz/%.cpp,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/*.cpp))
TESTS    := $(patsubst %.cpp,$(BUILD)/%.o,$(wildcard tests/*.cpp))

PARALLEL  = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

all: setup
	+@$(PARALLEL) programs
programs: $(PROGRAMS:$(BIN)/%=$(BUILD)/tools/%.o) $(PROGRAMS)
setup:
	@SETUP=$(SETUP) tools/setup.sh

$(BIN)/bench: $(BENCH)
$(PROGRAMS) $(BIN)/bench: $(BIN)/%: $(BUILD)/tools/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBRARY) $(LDLIBS)
$(BUILD)/tests/run: $(TESTS) $(BENCH) $(LIBRARY)
	$(CXX) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(BUILD)/tests/stranger: $(BUILD)/tests/strangers/stranger.o $(LIBRARY)
	$(CXX) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(FUZZERS): $(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)
$(LIBRARY): $(OBJECTS)
	@mkdir -p $(@D) && rm -f $@
	$(COLLECT)
$(BUILD)/nn/%.o: CXXFLAGS += -O3
$(BUILD)/tests/%.o $(BUILD)/tools/%.o: CXXFLAGS += -O1
$(BUILD)/%.o: %.cpp
	@mkdir -p $(@D)
	$(CXX) $(CPPFLAGS) $(CXXFLAGS) -c -o $@ $<
$(BUILD)/%/folder.o: $(BUILD)/%/folder.cpp
	$(CXX) $(CPPFLAGS) $(CXXFLAGS) -c -o $@ $<
$(BUILD)/%/folder.cpp: always
	@mkdir -p $(@D)
	@printf '#include "%s"\n' $(call sources,$*) >$@.new; cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# The commit, in an object of its own, so that a new one compiles nothing else again.
VERSION  := $(or $(shell git describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null),unknown)
$(BUILD)/version.o: $(BUILD)/version.cpp
	$(CXX) $(CPPFLAGS) $(CXXFLAGS) -c -o $@ $<
$(BUILD)/version.cpp: always
	@mkdir -p $(@D)
	@printf 'namespace nn { extern const char* const engine_version; const char* const engine_version = "%s"; }\n' \
	  '$(VERSION)' >$@.new; cmp -s $@.new $@ && rm $@.new || mv $@.new $@

ifdef PORTABLE
LEVELS   := $(foreach level,x86-64-v3 x86-64-v4,$(BUILD)/lib/glibc-hwcaps/$(level)/libtributary.so)
LDFLAGS  += -Wl,-rpath,'$$ORIGIN/../lib'
COLLECT   = $(CXX) -shared -Wl,-Bsymbolic,-soname,$(@F) $(LDFLAGS) -o $@ $^ $(LDLIBS)
programs unit: $(LEVELS)
$(LEVELS): $(BUILD)/lib/glibc-hwcaps/%/libtributary.so: $(OBJECTS)
	$(MAKE) LEVEL=$* BUILD=$(BUILD)/$* LIBRARY=$@ $@
endif

unit: $(BUILD)/tests/run $(BUILD)/tests/stranger
fuzzers: $(FUZZERS)
test: all
	+@$(PARALLEL) $(BIN)/bench
	@BIN=$(BIN) BUILD_SUFFIX=$(BUILD:build/$(REAL)%=%) tests/run.sh
bench: all
	+@$(PARALLEL) $(BIN)/bench
	$(BIN)/bench
fuzz:
	@tests/fuzz/run.sh
soak:
	@tests/soak/run.sh
parity: all
	$(BIN)/hw1 compare tests/golden/hfl-seed10.csv
format:
	clang-format -i $$(git ls-files '*.h' '*.cpp')
clean:
	rm -rf build bin
.PHONY: always all programs setup fuzzers unit test fuzz soak bench parity format clean
.SECONDARY:
-include $(shell find build -name '*.d' 2>/dev/null)
