// SHA-256, of one piece of memory or of several in turn.
#pragma once

#include "base/digest.h"

#include <memory>
#include <string_view>

struct evp_md_ctx_st;  // of OpenSSL

namespace pinnate::content {

Digest sha256(std::string_view bytes);

class Sha256 {
 public:
  Sha256();
  void update(std::string_view bytes);
  Digest finish();  // once

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace pinnate::content
