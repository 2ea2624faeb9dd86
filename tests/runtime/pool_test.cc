#include <doctest/doctest.h>

#include "runtime/pool.h"
#include "runtime/joined_thread.h"
#include "threads_of_process.h"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <future>
#include <thread>
#include <vector>

using namespace pinnate::runtime;

namespace {

constexpr std::uint32_t kLeaveLimitMs = 5000;

// Waits for the end of a thread that nobody joins. The thread takes a robust mutex and keeps it:
// the kernel hands that on when the thread ends (pthread_mutexattr_setrobust(3)).
class ThreadEnd {
 public:
  ThreadEnd() {
    pthread_mutexattr_t robust;
    pthread_mutexattr_init(&robust);
    pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&held_, &robust);
    pthread_mutexattr_destroy(&robust);
  }
  ~ThreadEnd() { pthread_mutex_destroy(&held_); }
  ThreadEnd(const ThreadEnd&) = delete;

  // On the thread whose end is waited for. Once.
  void belongs_to_this_thread() { pthread_mutex_lock(&held_); }
  // After that, on another. True: the thread has ended, and did not let go before.
  bool await() {
    const bool ended = pthread_mutex_lock(&held_) == EOWNERDEAD;
    if (ended) pthread_mutex_consistent(&held_);
    pthread_mutex_unlock(&held_);
    return ended;
  }

 private:
  pthread_mutex_t held_;
};

}  // namespace

TEST_CASE("a strand does its work in order and one at a time") {
  auto pool = Pool::shared();
  std::vector<int> seen;  // no lock: the strand is one
  std::promise<void> last;
  {
    Strand strand(pool);
    for (int i = 0; i < 500; i++) strand.submit([&seen, i] { seen.push_back(i); });
    strand.submit([&last] { last.set_value(); });
  }  // work that was submitted still runs
  last.get_future().wait();
  REQUIRE(seen.size() == 500);
  for (int i = 0; i < 500; i++) CHECK(seen[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("a strand goes on where its pool has no memory to take work") {
  class Short : public Pool {  // of memory
   public:
    void submit(std::function<void()> work) override {
      if (fails) throw std::bad_alloc();
      taken.push_back(std::move(work));
    }
    bool fails = false;
    std::vector<std::function<void()>> taken;
  };
  const auto pool = std::make_shared<Short>();
  Strand strand(pool);
  std::vector<int> seen;

  SUBCASE("at the first") {
    pool->fails = true;
    strand.submit([&] { seen.push_back(0); });
    CHECK(seen == std::vector{0});
    pool->fails = false;
    strand.submit([&] { seen.push_back(1); });
    REQUIRE(pool->taken.size() == 1);
    pool->taken[0]();
    CHECK(seen == std::vector{0, 1});
  }
  SUBCASE("when others were to have their turn") {
    for (int i = 0; i < 100; i++) strand.submit([&seen, i] { seen.push_back(i); });
    REQUIRE(pool->taken.size() == 1);
    pool->fails = true;
    pool->taken[0]();
    REQUIRE(seen.size() == 100);
    for (int i = 0; i < 100; i++) CHECK(seen[static_cast<std::size_t>(i)] == i);
  }
}

TEST_CASE("two strands go on side by side") {
  auto pool = Pool::shared();
  Strand a(pool), b(pool);
  std::promise<void> from_b, done;
  a.submit([&] {
    from_b.get_future().wait();
    done.set_value();
  });
  b.submit([&] { from_b.set_value(); });
  CHECK(done.get_future().wait_for(std::chrono::seconds(5)) == std::future_status::ready);
}

TEST_CASE("the pool's threads start with work, are at most two, and end with the last user") {
  JoinedThread::join_leaving(kLeaveLimitMs);  // those of other tests
  REQUIRE(threads_named("pinnate-work") == 0);
  auto pool = Pool::shared();
  CHECK(Pool::shared() == pool);
  CHECK(threads_named("pinnate-work") == 0);
  std::atomic<int> ran{0};
  std::promise<void> all;
  for (int i = 0; i < 100; i++)
    pool->submit([&] {
      if (++ran == 100) all.set_value();
    });
  CHECK(all.get_future().wait_for(std::chrono::seconds(5)) == std::future_status::ready);
  CHECK(threads_named("pinnate-work") >= 1);
  CHECK(threads_named("pinnate-work") <= 2);
  pool.reset();
  JoinedThread::join_leaving(kLeaveLimitMs);
  CHECK(threads_named("pinnate-work") == 0);
}

TEST_CASE("those who wait for threads that leave find them gone") {
  for (int i = 0; i < 200; i++) {
    auto pool = Pool::shared();
    std::promise<void> ran;
    {
      Strand strand(pool);
      strand.submit([&ran] { ran.set_value(); });
      ran.get_future().wait();
    }
    pool.reset();
    JoinedThread::join_leaving(kLeaveLimitMs);
    REQUIRE(threads_named("pinnate-work") == 0);
  }
}

TEST_CASE("nobody waits for a name server") {
  auto names = Pool::for_names();
  std::promise<void> begun, answer;
  ThreadEnd end;
  names->submit([&] {
    end.belongs_to_this_thread();
    begun.set_value();
    answer.get_future().wait();
  });
  begun.get_future().wait();
  names.reset();
  JoinedThread::join_leaving(60000);
  CHECK(threads_named("pinnate-names") == 1);
  answer.set_value();
  CHECK(end.await());
  CHECK(threads_named("pinnate-names") == 0);
}

TEST_CASE("the pool may lose its last user on one of its own threads") {
  auto pool = Pool::shared();
  std::promise<void> begin, ended;
  pool->submit([held = pool, &begin, &ended]() mutable {
    begin.get_future().wait();
    held.reset();
    ended.set_value();
  });
  pool.reset();
  begin.set_value();
  ended.get_future().wait();
  JoinedThread::join_leaving(kLeaveLimitMs);
  CHECK(threads_named("pinnate-work") == 0);
}

TEST_CASE("work that throws does not end the pool") {
  auto pool = Pool::shared();
  std::promise<void> after;
  pool->submit([] { throw std::bad_alloc(); });
  pool->submit([] { throw 7; });
  pool->submit([&after] { after.set_value(); });
  CHECK(after.get_future().wait_for(std::chrono::seconds(5)) == std::future_status::ready);
}

TEST_CASE("signals are blocked on the pool's threads") {
  std::promise<bool> blocked;
  Pool::shared()->submit([&blocked] {
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, nullptr, &now);
    blocked.set_value(sigismember(&now, SIGINT) && sigismember(&now, SIGTERM) && sigismember(&now, SIGUSR1));
  });
  CHECK(blocked.get_future().get());
}
