# Portable programs: they come with a library for each level of x86-64, and the dynamic linker picks
# the best one that the processor can run (glibc-hwcaps).
LEVEL    ?= x86-64-v2
ARCH     := -march=$(LEVEL) -fPIC
LIBRARY  := $(BUILD)/lib/libtributary.so
LEVELS   := $(foreach level,x86-64-v3 x86-64-v4,$(BUILD)/lib/glibc-hwcaps/$(level)/libtributary.so)
LDFLAGS  += -Wl,-rpath,'$$ORIGIN/../lib'
COLLECT   = $(CXX) -shared -Wl,-Bsymbolic,-soname,$(@F) $(LDFLAGS) -o $@ $^ $(LDLIBS)

programs unit: $(LEVELS)
$(LEVELS): $(BUILD)/lib/glibc-hwcaps/%/libtributary.so: $(OBJECTS)
	$(MAKE) LEVEL=$* BUILD=$(BUILD)/$* LIBRARY=$@ $@
