#include <tbb/blocked_range.h>
#include <tbb/parallel_reduce.h>

#include <cstdio>
#include <functional>

extern "C" void module_answer(char* text, int text_bytes) {
  static int calls;
  const int sum = tbb::parallel_reduce(
      tbb::blocked_range<int>(0, 100000), 0,
      [](const tbb::blocked_range<int>& range, int so_far) { return so_far + static_cast<int>(range.size()); },
      std::plus<>());
  std::snprintf(text, text_bytes, "%s %d", sum == 100000 ? "1.0.0" : "wrong", ++calls);
}
