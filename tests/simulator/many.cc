#include "simulator/many.h"


#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

namespace pinnate::simulator {

ManyResult run_many(std::uint64_t first, std::uint64_t last, const PlanOverrides& overrides, unsigned jobs,
                    const std::function<void(std::uint64_t)>& progress) {
  ManyResult all;
  std::vector<std::string> digests(last - first + 1);
  std::atomic<std::uint64_t> next{first}, stop_after{last};
  std::mutex mutex;
  const auto work = [&] {
    for (std::uint64_t seed = next++; seed <= stop_after; seed = next++) {
      RunResult one = run(draw_plan(seed, overrides));
      const std::lock_guard lock(mutex);
      ++all.runs;
      all.events += one.events;
      all.calls += one.calls;
      all.publishes += one.publishes;
      all.virtual_time += one.virtual_time;
      all.longest_rest = std::max(all.longest_rest, one.rest_time);
      for (std::size_t i = 0; i < kActs; ++i) {
        all.counts[i] += one.counts[i];
        all.came[i] += one.came[i];
      }
      digests[seed - first] = std::move(one.digest);
      if (one.violation && (!all.failure || seed < all.failure->seed)) {
        all.failure = ManyResult::Failure{seed, *one.violation};
        stop_after = seed;  // lower seeds that are under way still end
      }
      if (progress) progress(all.runs);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < std::max(1u, jobs); ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();

  sim::Trace sum;
  if (all.failure) digests.resize(all.failure->seed - first + 1);
  for (const std::string& digest : digests) sum.note({0, 0, sim::What::fault, 0, PINNATE_OK, digest, {}});
  all.digest = sum.digest_hex();
  return all;
}

}  // namespace pinnate::simulator
