// SHA-256, of one piece of memory or of several in turn.
#pragma once

#include "base/digest.h"

#include <memory>
#include <string_view>

namespace pinnate::content {

Digest sha256(std::string_view bytes);

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(std::string_view bytes);
  Digest finish();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pinnate::content
