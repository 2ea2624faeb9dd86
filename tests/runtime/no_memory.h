// While one lives, its thread gets no memory from operator new.
#pragma once

class NoMemory {
 public:
  explicit NoMemory(bool none = true);
  ~NoMemory();
  NoMemory(const NoMemory&) = delete;
};
