// Answers of a tier as the structs of the C ABI. A view points into the message and must not
// outlive it; what a callback is given is valid until the view goes.
#pragma once

#include "tier/action.h"
#include "wire/message.h"

#include <pinnate/fleet.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace pinnate::capi {

// Several structs as the ABI hands them over: an array of pointers, each struct with its size.
template <class Struct>
class Rows {
 public:
  Rows() = default;
  // A row for each of `from`, which `fill` writes to it.
  template <class Range, class Fill>
  Rows(const Range& from, const Fill& fill) : rows_(from.size()), pointers_(from.size()) {
    std::size_t i = 0;
    for (const auto& each : from) {
      Struct& row = rows_[i];
      pointers_[i++] = &row;
      row.size = sizeof row;
      fill(each, row);
    }
  }
  Rows(Rows&&) = default;
  Rows& operator=(Rows&&) = default;
  const Struct* const* data() const { return pointers_.data(); }
  std::size_t size() const { return rows_.size(); }

 private:
  std::vector<Struct> rows_;
  std::vector<const Struct*> pointers_;
};

pinnate_published to_published(const wire::Published& message, std::uint32_t prepare_us);
pinnate_service to_service(const wire::ServiceRow& row);
pinnate_link to_link(pinnate_ticket dial, const tier::TellLink& told);
Rows<pinnate_label> to_labels(const Labels& labels);

class ReleasesView {
 public:
  explicit ReleasesView(const wire::Releases& message);
  const Rows<pinnate_release>& rows() const { return rows_; }

 private:
  std::deque<std::string> digests_;
  Rows<pinnate_release> rows_;
};

class RollupView {
 public:
  explicit RollupView(const wire::StatusReport& message);
  const pinnate_rollup* rollup() const { return &rollup_; }

 private:
  pinnate_rollup rollup_{};
  std::vector<std::vector<std::uint64_t>> phases_;
  std::vector<Rows<pinnate_failure>> failures_;
  Rows<pinnate_release_status> rows_;
  std::vector<const char*> notices_;
};

class TiersView {
 public:
  explicit TiersView(const wire::Tiers& message);
  const Rows<pinnate_row>& rows() const { return rows_; }

 private:
  std::vector<Rows<pinnate_label>> labels_;
  std::vector<Rows<pinnate_service>> services_;
  std::vector<Rows<pinnate_kept_image>> kept_;
  Rows<pinnate_row> rows_;
};

// Of an answer to a lookup of members.
class MembersView {
 public:
  explicit MembersView(const wire::Tiers& message);
  const Rows<pinnate_member>& rows() const { return rows_; }

 private:
  std::vector<std::vector<const char*>> sources_;
  Rows<pinnate_member> rows_;
};

}  // namespace pinnate::capi
