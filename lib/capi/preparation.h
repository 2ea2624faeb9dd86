// Turns a publish order into its manifest: reads every byte once, in steps, so that a large file keeps no thread for
// long.
#pragma once

#include "base/status.h"
#include "capi/publish_order.h"
#include "content/sha256.h"

#include <cstdint>
#include <memory>
#include <string>

namespace pinnate::capi {

class Preparation {
 public:
  explicit Preparation(std::shared_ptr<const PublishOrder> order);

  // Reads and hashes the next few MiB. True when that was the last of them. One thread at a time.
  Result<bool> step();

  std::uint64_t bytes_read() const { return bytes_read_; }

  // After the last step. PINNATE_TOO_LARGE when there are too many chunks to list.
  Result<Buffer> manifest() const;

 private:
  std::shared_ptr<const PublishOrder> order_;
  content::Manifest manifest_;
  content::Sha256 whole_;  // of the artifact being read
  std::size_t artifact_ = 0;
  std::uint64_t offset_ = 0, bytes_read_ = 0;
  std::string room_;
};

}  // namespace pinnate::capi
