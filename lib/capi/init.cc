// What the PINNATE_..._INIT macros do, for languages without macros. NULL, and a size that no
// struct has, are left alone: there is nobody to tell.
#include "capi/sized.h"

#include <pinnate/client.h>
#include <pinnate/controller.h>
#include <pinnate/engine.h>
#include <pinnate/gateway.h>
#include <pinnate/testing.h>

namespace {

bool sound(const void* given, size_t size) {
  return given && size >= sizeof(size_t) && size <= pinnate::capi::kLargestStruct;
}

// `size` may be larger than the struct is here: the host was built with a later header.
void init(void* given, size_t size) {
  if (!sound(given, size)) return;
  std::memset(given, 0, size);
  std::memcpy(given, &size, sizeof size);
}

template <class Options>
void init_options(Options* options, size_t size, size_t tier_size) {
  constexpr size_t before = offsetof(Options, tier);
  if (!sound(options, size) || tier_size < sizeof(size_t) || tier_size > size - before) return;
  init(options, size);
  std::memcpy(reinterpret_cast<char*>(options) + before, &tier_size, sizeof tier_size);
}

}  // namespace

void pinnate_loader_init(pinnate_loader* loader, size_t size) { init(loader, size); }
void pinnate_label_init(pinnate_label* label, size_t size) { init(label, size); }
void pinnate_artifact_init(pinnate_artifact* artifact, size_t size) { init(artifact, size); }
void pinnate_publish_init(pinnate_publish* publish, size_t size) { init(publish, size); }
void pinnate_published_init(pinnate_published* published, size_t size) { init(published, size); }
void pinnate_lookup_init(pinnate_lookup* lookup, size_t size) { init(lookup, size); }
void pinnate_member_counts_init(pinnate_member_counts* counts, size_t size) { init(counts, size); }
void pinnate_header_init(pinnate_header* header, size_t size) { init(header, size); }
void pinnate_call_init(pinnate_call* call, size_t size) { init(call, size); }
void pinnate_tier_options_init(pinnate_tier_options* options, size_t size) { init(options, size); }
void pinnate_controller_options_init(pinnate_controller_options* options, size_t size, size_t tier_size) {
  init_options(options, size, tier_size);
}
void pinnate_gateway_options_init(pinnate_gateway_options* options, size_t size, size_t tier_size) {
  init_options(options, size, tier_size);
}
void pinnate_engine_options_init(pinnate_engine_options* options, size_t size, size_t tier_size) {
  init_options(options, size, tier_size);
}
void pinnate_client_options_init(pinnate_client_options* options, size_t size, size_t tier_size) {
  init_options(options, size, tier_size);
}
void pinnate_testing_options_init(pinnate_testing_options* options, size_t size) { init(options, size); }
void pinnate_testing_fault_init(pinnate_testing_fault* fault, size_t size) { init(fault, size); }
