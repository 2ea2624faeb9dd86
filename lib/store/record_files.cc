#include "store/record_files.h"

#include "store/checksum.h"
#include "store/files.h"
#include "store/little_endian.h"
#include "store/record_key.h"

#include <algorithm>
#include <new>

namespace pinnate::store {
namespace {

// A record's file: u32 magic "PNR1", u32 CRC-32 of key and value, value.
constexpr std::uint32_t kMagic = 0x31524e50;
constexpr std::size_t kHeaderBytes = 8;

constexpr std::string_view kSuffix = ".record", kFreshSuffix = ".record.new";

std::string encode_record(const std::string& key, std::string_view value) {
  std::string out;
  out.reserve(kHeaderBytes + value.size());
  append_u32(&out, kMagic);
  append_u32(&out, checksum(key, value));
  out += value;
  return out;
}

// A key as a file name: '%' for '/', which keys do not have and which keeps the longest key a legal name. The suffix
// makes "." and ".." harmless.
std::string name_of(std::string key) {
  std::replace(key.begin(), key.end(), '/', '%');
  return key.append(kSuffix);
}

std::string key_of(std::string_view name) {
  std::string key(name.substr(0, name.size() - kSuffix.size()));
  std::replace(key.begin(), key.end(), '%', '/');
  return key;
}

}  // namespace

std::string RecordFiles::path_of(const std::string& key) const { return records_ + "/" + name_of(key); }

Result<RecordFiles> RecordFiles::open(const std::string& dir, const std::string& records,
                                      std::optional<std::string> replaceable) {
  RecordFiles files(dir, records, std::move(replaceable));
  auto names = list_folder(records);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names)
    if (name.ends_with(kFreshSuffix)) (void)remove_file(records + "/" + name);  // not finished, so never acknowledged
  (void)remove_file(dir + "/journal.new");

  const std::string path = dir + "/journal";
  const auto bytes = read_file(path, 2 * kRecordLimitBytes);
  auto batch = bytes.ok() ? decode_journal(*bytes) : Result<Batch>(bytes.status());
  if (batch.ok()) {
    files.pending_ = std::move(*batch);
    (void)files.replay();  // a full disk is no reason not to start: load() counts the journal in
  } else if (batch.status().code() == PINNATE_CORRUPT) {
    if (Status s = files.damaged("journal", path, files.replaceable_ == ""); !s.ok()) return s;
  } else if (batch.status().code() != PINNATE_NOT_FOUND) {
    return batch.status();
  }
  // A journal removed by a process that then died may come back after a power loss, unless its removal is synced.
  if (files.pending_.empty())
    if (Status s = sync_path(dir); !s.ok()) return s;
  return files;
}

Status RecordFiles::damaged(const std::string& what, const std::string& path, bool expendable) {
  const std::string words = "the " + what + " '" + path + "' is damaged";
  if (!expendable) return {PINNATE_CORRUPT, words + ": restore the folder from a backup, or empty it to start anew"};
  notes_.push_back(words + " and given up");
  return remove_file(path);
}

Result<std::map<std::string, Buffer>> RecordFiles::load() {
  auto names = list_folder(records_);
  if (!names.ok()) return names.status();
  std::map<std::string, Buffer> records;
  for (const std::string& name : *names) {
    if (!name.ends_with(kSuffix)) continue;
    const std::string key = key_of(name);
    if (!is_record_key(key) || pending_.contains(key)) continue;
    const std::string path = records_ + "/" + name;
    auto bytes = read_file(path, kRecordLimitBytes + kHeaderBytes);
    if (!bytes.ok() && bytes.status().code() != PINNATE_CORRUPT) return bytes.status();
    const bool whole = bytes.ok() && bytes->size() >= kHeaderBytes && read_u32(bytes->data()) == kMagic &&
                       read_u32(bytes->data() + 4) == checksum(key, std::string_view(*bytes).substr(kHeaderBytes));
    if (whole) {
      records.emplace(key, Buffer(bytes->substr(kHeaderBytes)));
      continue;
    }
    if (Status s = damaged("record file", path, replaceable_ && key.starts_with(*replaceable_)); !s.ok()) return s;
  }
  for (const auto& [key, value] : pending_)
    if (value) records.emplace(key, *value);
  return records;
}

Status RecordFiles::commit(const std::vector<RecordWrite>& writes) {
  if (Status s = check_writes(writes); !s.ok()) return s;
  if (Status s = replay(); !s.ok()) return s;  // what was acknowledged before comes before

  Batch batch;
  for (const RecordWrite& write : writes) batch[write.key] = write.value;
  if (batch.empty()) return {};
  if (batch.size() == 1) {
    const auto& [key, value] = *batch.begin();
    if (value) return replace_file(records_, name_of(key), encode_record(key, value->view()));
    if (Status s = remove_file(path_of(key)); !s.ok()) return s;
    return sync_path(records_);
  }
  journal_is_void_ = true;  // until it is known to be whole and durable
  if (Status s = replace_file(dir_, "journal", encode_journal(batch)); !s.ok()) {
    (void)remove_void_journal();
    return s;
  }
  journal_is_void_ = false;
  pending_ = std::move(batch);
  try {  // from here on it is done: applied now or later
    (void)replay();
  } catch (const std::bad_alloc&) {
  }
  return {};
}

Status RecordFiles::replay() {
  if (!pending_.empty()) {
    if (Status s = write_files(pending_); !s.ok()) return s;
    pending_.clear();
    journal_is_void_ = true;
  }
  return remove_void_journal();
}

// Synced, else a power loss could bring the journal back, and with it values that later commits have replaced.
Status RecordFiles::remove_void_journal() {
  if (!journal_is_void_) return {};
  if (Status s = remove_file(dir_ + "/journal"); !s.ok()) return s;
  if (Status s = sync_path(dir_); !s.ok()) return s;
  journal_is_void_ = false;
  return {};
}

// All are written before the first is synced, so that the file system writes its own journal once and not once per
// file.
Status RecordFiles::write_files(const Batch& batch) const {
  for (const auto& [key, value] : batch) {
    if (!value) continue;
    const std::string fresh = path_of(key) + ".new";
    if (Status s = write_file(fresh, encode_record(key, value->view())); !s.ok()) {
      for (const auto& [written, ignored] : batch) (void)remove_file(path_of(written) + ".new");
      return s;
    }
  }
  for (const auto& [key, value] : batch)
    if (value)
      if (Status s = sync_path(path_of(key) + ".new"); !s.ok()) return s;
  for (const auto& [key, value] : batch) {
    const std::string path = path_of(key);
    if (Status s = value ? rename_file(path + ".new", path) : remove_file(path); !s.ok()) return s;
  }
  return sync_path(records_);
}

}  // namespace pinnate::store
