// A system that has no thread to give, or only so many, for as long as an object of this class
// lives.
#pragma once

class RefusedThreads {
 public:
  explicit RefusedThreads(int but_first = 0);
  ~RefusedThreads();
  RefusedThreads(const RefusedThreads&) = delete;
  RefusedThreads& operator=(const RefusedThreads&) = delete;
};
