// Answers of a tier as the structs of the C ABI. A view points into the message and must not outlive it; what a
// callback is given is valid until the view goes.
#pragma once

#include "wire/message.h"

#include <pinnate/fleet.h>

#include <cstddef>
#include <string>
#include <vector>

namespace pinnate::capi {

// Structs that are handed over as an array of pointers, so that they can grow.
template <class Struct>
class Rows {
 public:
  explicit Rows(std::size_t count) : rows_(count) {
    for (Struct& row : rows_) {
      row = Struct{};
      row.size = sizeof row;
      pointers_.push_back(&row);
    }
  }
  Struct& operator[](std::size_t i) { return rows_[i]; }
  const Struct* const* data() const { return pointers_.data(); }
  std::size_t size() const { return rows_.size(); }

 private:
  std::vector<Struct> rows_;
  std::vector<const Struct*> pointers_;
};

pinnate_published to_published(const wire::Published& message, std::uint32_t prepare_us);
pinnate_service to_service(const wire::ServiceRow& row);

class ReleasesView {
 public:
  explicit ReleasesView(const wire::Releases& message);
  const Rows<pinnate_release>& rows() const { return rows_; }

 private:
  Rows<pinnate_release> rows_;
  std::vector<std::string> digests_;
};

class RollupView {
 public:
  explicit RollupView(const wire::StatusReport& message);
  const pinnate_rollup* rollup() const { return &rollup_; }

 private:
  pinnate_rollup rollup_{};
  Rows<pinnate_release_status> rows_;
  std::vector<std::vector<pinnate_failure>> failures_;
  std::vector<const char*> notices_;
};

class TiersView {
 public:
  explicit TiersView(const wire::Tiers& message);
  const Rows<pinnate_tier>& rows() const { return rows_; }

 private:
  Rows<pinnate_tier> rows_;
  std::vector<std::vector<pinnate_label>> labels_;
  std::vector<std::vector<pinnate_service>> services_;
};

}  // namespace pinnate::capi
