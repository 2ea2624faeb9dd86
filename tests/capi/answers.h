// What callbacks brought, kept for the test to look at. `times` is written last, and read first.
#pragma once

#include "bell.h"

#include <pinnate/fleet.h>

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <vector>

struct Answer {
  std::atomic<int> times{0};
  pinnate_status status = PINNATE_INTERNAL;
  std::string error;

  bool came() const { return times.load() > 0; }
  void take(pinnate_status s, const char* words) {
    status = s;
    error = words;
    times++;
    bell().ring();
  }
};

struct PublishedAnswer : Answer {
  pinnate_published published{};
  std::atomic<std::uint64_t> progress{0}, total{0};
  bool went_back = false;

  static void on_progress(void* arg, std::uint64_t done, std::uint64_t total) {
    auto* self = static_cast<PublishedAnswer*>(arg);
    if (done < self->progress || done > total) self->went_back = true;
    self->progress = done;
    self->total = total;
    bell().ring();
  }
  static void on_published(void* arg, pinnate_status status, const char* error, const pinnate_published* published) {
    auto* self = static_cast<PublishedAnswer*>(arg);
    if (published) self->published = *published;
    self->take(status, error);
  }
};

struct DoneAnswer : Answer {
  static void on_done(void* arg, pinnate_status status, const char* error) {
    static_cast<DoneAnswer*>(arg)->take(status, error);
  }
};

struct ResultAnswer : Answer {
  std::string result;
  static void on_result(void* arg, pinnate_status status, const char* error, pinnate_bytes result) {
    auto* self = static_cast<ResultAnswer*>(arg);
    self->result.assign(static_cast<const char*>(result.data), result.size);
    self->take(status, error);
  }
};

struct ReleasesAnswer : Answer {
  struct Release {
    std::uint64_t number;
    std::string name, version, selector, manifest, platforms, ended;
    bool current;
  };
  std::vector<Release> releases;
  static void on_releases(void* arg, pinnate_status status, const char* error, const pinnate_release* const* releases,
                          size_t count) {
    auto* self = static_cast<ReleasesAnswer*>(arg);
    for (size_t i = 0; i < count; i++) {
      const pinnate_release& r = *releases[i];
      self->releases.push_back(
          {r.number, r.name, r.version, r.selector, r.manifest, r.platforms, r.ended, r.current != 0});
    }
    self->take(status, error);
  }
};

// The last roll-up of a watch, or the only one.
struct RollupAnswer : Answer {
  struct Row {
    std::string name, version;
    std::uint64_t live = 0, failed = 0, incompatible = 0, serving = 0;
    std::vector<std::string> reasons;
  };
  std::mutex mutex;
  std::string id;
  std::uint64_t known = 0, online = 0, gateways = 0;
  std::vector<Row> rows;

  static void on_rollup(void* arg, pinnate_status status, const char* error, const pinnate_rollup* rollup) {
    auto* self = static_cast<RollupAnswer*>(arg);
    {
      std::lock_guard lock(self->mutex);
      self->status = status;
      self->error = error;
      if (rollup) self->keep(*rollup);
    }
    self->times++;  // not under the lock: who sees this may end the answer's life
    bell().ring();
  }
  void keep(const pinnate_rollup& rollup) {
    id = rollup.id;
    known = rollup.known_engines;
    online = rollup.online_engines;
    gateways = rollup.online_gateways;
    rows.clear();
    for (size_t i = 0; i < rollup.release_count; i++) {
      const pinnate_release_status& r = *rollup.releases[i];
      Row row{r.name,
              r.version,
              r.phases[PINNATE_PHASE_LIVE],
              r.phases[PINNATE_PHASE_FAILED],
              r.phases[PINNATE_PHASE_INCOMPATIBLE],
              r.serving,
              {}};
      for (size_t f = 0; f < r.failure_count; f++) row.reasons.push_back(r.failures[f]->reason);
      rows.push_back(std::move(row));
    }
  }
  Row row(const std::string& name, const std::string& version) {
    std::lock_guard lock(mutex);
    for (const Row& r : rows)
      if (r.name == name && r.version == version) return r;
    return {};
  }
  std::uint64_t online_engines() {
    std::lock_guard lock(mutex);
    return online;
  }
  pinnate_status last_status() {
    std::lock_guard lock(mutex);
    return status;
  }
};

// A page of members: each in words, by its address, or by its source.
struct MembersAnswer : Answer {
  std::map<std::string, std::string> members;

  const std::string& find(const std::string& what) { return members[what]; }
  static void on_members(void* arg, pinnate_status status, const char* error, const pinnate_member* const* rows,
                         size_t count, const char*) {
    auto* self = static_cast<MembersAnswer*>(arg);
    for (size_t i = 0; i < count; i++) {
      const pinnate_member& row = *rows[i];
      std::string words = pinnate_member_state_name(row.state);
      if (row.id[0]) words += std::string(" ") + row.id;
      const bool source = !row.address[0] && row.source_count == 1;
      for (size_t s = 0; !source && s < row.source_count; s++) words += std::string(" by ") + row.sources[s];
      if (row.state == PINNATE_MEMBER_SOURCE) words += " names " + std::to_string(row.named);
      self->members[source ? row.sources[0] : row.address] = words;
    }
    self->take(status, error);
  }
};

struct TiersAnswer : Answer {
  struct Tier {
    pinnate_role role;
    std::string id, path;
    bool online;
    std::size_t services;
    std::string labels;  // as "key=value "
    std::string notice;
  };
  std::vector<Tier> tiers;
  std::string next;
  static void on_rows(void* arg, pinnate_status status, const char* error, const pinnate_row* const* tiers,
                      size_t count, const char* next) {
    auto* self = static_cast<TiersAnswer*>(arg);
    for (size_t i = 0; i < count; i++) {
      std::string labels;
      for (size_t l = 0; l < tiers[i]->label_count; l++)
        labels += std::string(tiers[i]->labels[l]->key) + "=" + tiers[i]->labels[l]->value + " ";
      self->tiers.push_back(
          {tiers[i]->role, tiers[i]->id, tiers[i]->path, tiers[i]->online != 0, tiers[i]->service_count, labels,
           tiers[i]->notice});
    }
    self->next = next;
    self->take(status, error);
  }
};

// Every change that a watch of services told, as "name version phase".
struct ServiceChanges {
  std::mutex mutex;
  std::vector<std::string> changes;
  static void on_service(void* arg, const pinnate_service* service) {
    auto* self = static_cast<ServiceChanges*>(arg);
    {
      std::lock_guard lock(self->mutex);
      self->changes.push_back(!service ? "ended"
                                       : std::string(service->name) + " " + service->version + " " +
                                             pinnate_phase_name(service->phase) + (service->serving ? " serving" : ""));
    }
    bell().ring();
  }
  bool told(const std::string& change) {
    std::lock_guard lock(mutex);
    for (const std::string& c : changes)
      if (c == change) return true;
    return false;
  }
};
