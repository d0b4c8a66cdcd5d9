# make            build bin/* but bench; first install missing packages, unless SETUP=skip
# make test       everything, in float and in double     make bench   the benchmark
# V=1 shows the commands. REAL=double, SANITIZE=address|undefined|thread and PORTABLE=1
# (tools/portable.mk) each build into a folder of their own.
MAKEFLAGS += -r
REAL     ?= float
CXX      ?= g++
ARCH     := -march=native
BUILD    := build/$(REAL)$(SANITIZE:%=-%)$(PORTABLE:1=-portable)
BIN      := $(if $(filter build/float,$(BUILD)),bin,$(BUILD)/bin)

CPPFLAGS += -I. -DREAL=$(REAL) -MMD -MP $(shell pkg-config --cflags openblas 2>/dev/null)
CXXFLAGS += -std=c++20 -O2 -g1 -fno-trapping-math -fno-math-errno -pthread $(ARCH) \
            -Wall -Wextra -Wpedantic -Wno-restrict -Wno-psabi
LDFLAGS  += -pthread
LDLIBS   += $(or $(shell pkg-config --libs openblas 2>/dev/null),-lopenblas) -lzmq
ifdef SANITIZE
CXXFLAGS += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS  += -fsanitize=$(SANITIZE)
endif

# A program is a file in tools/; all other sources go into one library, but for the benchmark's own.
PROGRAMS := $(filter-out $(BIN)/bench,$(patsubst tools/%.cpp,$(BIN)/%,$(wildcard tools/*.cpp)))
LIBRARY  := $(BUILD)/tributary.a
COLLECT   = ar rcs $@ $^
# The files of these folders and of those in them are compiled as one: the standard library's
# headers, read once for all of them, are most of the time. Not ops and kernels, whose own code is.
# FOLDERS= compiles each file by itself: quicker after a small change, and finds a forgotten
# #include, as the tests' build in double does.
TOOLS    := $(patsubst %/,%,$(wildcard tools/*/))
FOLDERS  := nn data fl pipeline $(TOOLS)
sources   = $(sort $(filter-out $(if $(filter nn,$(1)),nn/ops/% nn/kernels/%), \
              $(shell find $(1) -name '*.cpp')))
objects   = $(foreach folder,$(1),$(if $(filter $(folder),$(FOLDERS)),$(BUILD)/$(folder)/folder.o,\
              $(patsubst %.cpp,$(BUILD)/%.o,$(call sources,$(folder)))))
OBJECTS  := $(call objects,nn nn/ops nn/kernels data fl pipeline) \
            $(call objects,$(filter-out tools/bench,$(TOOLS))) $(BUILD)/version.o
BENCH    := $(call objects,tools/bench)
FUZZERS  := $(patsubst tests/fuzz/%.cpp,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/*.cpp))
TESTS    := $(patsubst %.cpp,$(BUILD)/%.o,$(wildcard tests/*.cpp))

JOBS      = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
PARALLEL  = $(MAKE) --no-print-directory $(JOBS)
run       = $(if $(V),,@echo '$(1) $@' && )mkdir -p $(@D) && $(2)
link      = $(call run,link,$(CXX) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBRARY) $(LDLIBS))
replace   = >$@.new && { cmp -s $@.new $@ && rm $@.new || mv $@.new $@; }

.DEFAULT_GOAL := all
ifdef PORTABLE
include tools/portable.mk
endif
all: setup
	+@$(PARALLEL) programs
programs: $(PROGRAMS:$(BIN)/%=$(BUILD)/tools/%.o) $(PROGRAMS)
setup:
	@SETUP=$(SETUP) tools/setup.sh

$(BIN)/bench: $(BENCH)
$(PROGRAMS) $(BIN)/bench: $(BIN)/%: $(BUILD)/tools/%.o $(LIBRARY)
	$(link)
$(BUILD)/tests/run: $(TESTS) $(BENCH)
$(BUILD)/tests/stranger: $(BUILD)/tests/strangers/stranger.o
$(FUZZERS): LDFLAGS += -fsanitize=fuzzer
$(FUZZERS): $(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%.o
$(BUILD)/tests/run $(BUILD)/tests/stranger $(FUZZERS): $(LIBRARY)
	$(link)
$(LIBRARY): $(OBJECTS)
	$(call run,collect,rm -f $@ && $(COLLECT))
$(BUILD)/nn/%.o: CXXFLAGS += -O3
$(BUILD)/tests/%.o $(BUILD)/tools/%.o: CXXFLAGS += -O1
$(BUILD)/%.o: %.cpp
	$(call run,compile,$(CXX) $(CPPFLAGS) $(CXXFLAGS) -c -o $@ $<)
$(BUILD)/%.o: $(BUILD)/%.cpp
	$(call run,compile,$(CXX) $(CPPFLAGS) $(CXXFLAGS) -c -o $@ $<)
$(BUILD)/%/folder.cpp: always
	@mkdir -p $(@D) && printf '#include "%s"\n' $(call sources,$*) $(replace)
# The commit, in an object of its own, so that a new one compiles nothing else again.
$(BUILD)/version.cpp: always
	@mkdir -p $(@D) && printf 'namespace nn { extern const char* const engine_version; %s"%s"; }\n' \
	  'const char* const engine_version = ' \
	  '$(or $(shell git describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null),unknown)' \
	  $(replace)

unit: $(BUILD)/tests/run $(BUILD)/tests/stranger
fuzzers: $(FUZZERS)
test: all
	+@$(PARALLEL) $(BIN)/bench
	@BIN=$(BIN) BUILD_SUFFIX=$(BUILD:build/$(REAL)%=%) tests/run.sh
bench: all
	+@$(PARALLEL) $(BIN)/bench
	$(BIN)/bench
fuzz soak:
	@tests/$@/run.sh
parity: all
	$(BIN)/hw1 compare tests/golden/hfl-seed10.csv
format:
	clang-format -i $$(git ls-files '*.h' '*.cpp')
compile_commands.json: always  # for clangd and clang-tidy
	@{ echo '['; git ls-files '*.cpp' | sed -e 's|.*|{"directory": "$(CURDIR)", "file": "&",|' \
	  -e 's|"file": "\(.*\)",|& "command": "$(CXX) $(CPPFLAGS) $(CXXFLAGS) -c \1"}|' \
	  -e '$$!s/$$/,/'; echo ']'; } $(replace)
clean:
	rm -rf build bin
.PHONY: always all programs setup fuzzers unit test fuzz soak bench parity format clean
.SECONDARY:
-include $(shell find build -name '*.d' 2>/dev/null)
