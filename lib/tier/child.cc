#include "tier/child.h"

namespace pinnate::tier {

bool gone(const wire::ReleaseRow& r) {
  return r.fetching + r.loading + r.live + r.failed + r.incompatible + r.selected + r.serving + r.serving_offline == 0;
}

void only_served(wire::ReleaseRow* r) {
  r->fetching = r->loading = r->live = r->failed = r->incompatible = r->selected = 0;
  r->failures.clear();
}

std::size_t bytes_of(const wire::ReleaseRow& row) {
  std::size_t bytes = sizeof row + row.name.size() + row.version.size();
  for (const wire::Failure& failure : row.failures)
    bytes += sizeof failure + failure.engine.size() + failure.reason.size();
  return bytes;
}

std::size_t bytes_of(const Child& child) {
  std::size_t bytes = sizeof child + child.status.notice.size() + child.rollup_bytes;
  for (const wire::ServiceRow& row : child.status.rows)
    bytes += sizeof row + row.name.size() + row.version.size() + row.reason.size();
  for (const wire::KeptImage& image : child.status.kept)
    bytes += sizeof image + image.function.size() + image.version.size() + image.why.size();
  return bytes;
}

void lose(wire::Rollup* rollup) {
  rollup->offline += std::exchange(rollup->online, 0);
  rollup->gateways_offline += std::exchange(rollup->gateways_online, 0);
  rollup->evaluated.clear();
  std::erase_if(rollup->rows, [](const wire::ReleaseRow& row) { return row.serving + row.serving_offline == 0; });
  for (wire::ReleaseRow& row : rollup->rows) {
    row.serving_offline += std::exchange(row.serving, 0);
    only_served(&row);
  }
}

}  // namespace pinnate::tier
