#ifdef LITE
#include "counter_lite.pb.h"
#else
#include "counter.pb.h"
#endif

#include <cstdio>
#include <string>

static std::string packed;

extern "C" void module_answer(char* text, int text_bytes) {
  Counter counter;
  counter.ParseFromString(packed);
  counter.set_calls(counter.calls() + 1);
  packed = counter.SerializeAsString();
  std::snprintf(text, text_bytes, "%s %d", "1.0.0", counter.calls());
}
