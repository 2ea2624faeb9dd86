#include "store/record_log.h"

#include "store/encoding.h"
#include "store/record_key.h"

#include <algorithm>
#include <optional>

#include <fcntl.h>

namespace pinnate::store {
namespace {

constexpr char kLogFile[] = "records.log", kAdvice[] = ": restore the folder from a backup, or empty it to start anew";
constexpr FrameFormat kFormat{"PNL1", "PNW1", 1, 1, kRecordLimitBytes};
constexpr std::uint32_t kRemoved = 0xffffffff;

// Before what it holds is written anew.
std::uint64_t may_grow_to(const std::map<std::string, Buffer>& records) {
  std::uint64_t held = 0;
  for (const auto& [key, value] : records) held += key.size() + value.size();
  return 4 * held + 1024 * 1024;
}

void append_write(std::string* out, const std::string& key, const Buffer* value) {
  append_u32(out, static_cast<std::uint32_t>(key.size()));
  *out += key;
  append_u32(out, value ? static_cast<std::uint32_t>(value->size()) : kRemoved);
  if (value) *out += value->view();
}

// The bytes behind their length, if both are there.
std::optional<std::string_view> take_bytes(std::string_view* rest, bool* removed) {
  if (rest->size() < 4) return std::nullopt;
  const std::uint32_t length = read_u32(rest->data());
  rest->remove_prefix(4);
  if (removed && (*removed = length == kRemoved)) return std::string_view();
  if (length > rest->size()) return std::nullopt;
  const std::string_view bytes = rest->substr(0, length);
  rest->remove_prefix(length);
  return bytes;
}

// False: it is not what was written, whatever its checksum says.
bool apply(std::string_view payload, std::map<std::string, Buffer>* records) {
  while (!payload.empty()) {
    bool removed = false;
    const auto key = take_bytes(&payload, nullptr);
    const auto value = key ? take_bytes(&payload, &removed) : std::nullopt;
    if (!value || !is_record_key(*key)) return false;
    if (removed)
      records->erase(std::string(*key));
    else
      records->insert_or_assign(std::string(*key), Buffer(std::string(*value)));
  }
  return true;
}

}  // namespace

Status RecordLog::refuse_newer(const std::string& dir) {
  const std::string path = dir + "/" + kLogFile;
  const auto file = open_file(path, O_RDONLY | O_NONBLOCK);
  const auto header = file.ok() ? read_at(*file, 0, kFileHeaderBytes, path) : Result<std::string>(file.status());
  if (!header.ok()) return {};
  const Status s = check_file_header(kFormat, *header, path);
  return s.code() == PINNATE_INCOMPATIBLE ? s : Status();
}

Result<RecordLog> RecordLog::open(const std::string& dir, bool fresh, bool expendable) {
  RecordLog log(dir, expendable);
  (void)remove_file(log.path_ + ".new");
  auto file = open_file(log.path_, O_RDWR | O_NONBLOCK);
  if (file.status().code() == PINNATE_NOT_FOUND) {
    const std::string words = "the record log '" + log.path_ + "' is missing beside its artifacts";
    if (!fresh && !expendable) return {PINNATE_CORRUPT, words + kAdvice};
    if (!fresh) log.missing_.push_back(words + ": begun anew");
    if (Status s = replace_file(dir, kLogFile, encode_file_header(kFormat)); !s.ok()) return s;
    file = open_file(log.path_, O_RDWR);
  }
  if (!file.ok()) return file.status();
  if (const auto size = file_size(*file, log.path_); !size.ok()) return size.status();
  if (Status s = log.hold(std::move(*file)); !s.ok()) return s;
  // A process that died may have written a commit, or made the log, and not synced it.
  if (Status s = sync_file(log.file_, log.path_); !s.ok()) return s;
  if (Status s = sync_path(dir); !s.ok()) return s;
  return log;
}

Status RecordLog::hold(Descriptor file) {
  const auto id = file_id(file, path_);
  if (!id.ok()) return id.status();
  file_ = std::move(file);
  id_ = *id;
  return {};
}

Result<FrameScan> RecordLog::read(std::uint64_t size, std::map<std::string, Buffer>* records) const {
  std::optional<std::uint64_t> malformed;
  auto scan =
      scan_frames(kFormat, file_, path_, size, [&](std::uint64_t offset, std::uint32_t, std::string_view payload) {
        if (!apply(payload, records) && !malformed) malformed = offset;
      });
  if (!scan.ok()) return scan;
  if (!scan->unreadable.ok()) return scan->unreadable;
  if (scan->end == 0) scan->damage = 0;
  if (!scan->damage) scan->damage = malformed;
  return scan;
}

Result<std::map<std::string, Buffer>> RecordLog::load(std::vector<std::string>* notes) {
  const auto size = file_size(file_, path_);
  if (!size.ok()) return size.status();
  std::map<std::string, Buffer> records;
  const auto scan = read(*size, &records);
  if (!scan.ok()) return scan.status();
  std::vector<std::string> found = std::exchange(missing_, {});
  if (scan->damage) {
    const Status damage = damaged(*scan->damage);
    if (!expendable_) return damage;
    found.push_back(damage.message());
    doubtful_ = true;
  }
  if (const std::uint64_t tail = *size - scan->end; tail > 0 && scan->end > 0) {
    found.push_back("the last " + std::to_string(tail) + " bytes of the record log '" + path_ +
                    "' are no whole commit, as one that a crash cut short: cut off");
    cut_file(file_, scan->end);
  }
  end_ = scan->end;
  rewrite_at_ = may_grow_to(records);
  if (notes) notes->insert(notes->end(), found.begin(), found.end());
  return records;
}

Status RecordLog::damaged(std::uint64_t at) const {
  return {PINNATE_CORRUPT, "the record log '" + path_ + "' is damaged at byte " + std::to_string(at) +
                               (expendable_ ? ": what stood there is given up, and all else kept" : kAdvice)};
}

Status RecordLog::commit(const std::vector<RecordWrite>& writes) {
  if (Status s = check_writes(writes); !s.ok()) return s;
  if (Status s = still_at(path_, id_); !s.ok()) return s;
  if (rewrite_at_ == 0)
    if (const auto records = load(nullptr); !records.ok()) return records.status();
  if (doubtful_ || end_ > rewrite_at_) {
    if (Status s = rewrite(); !s.ok() && (doubtful_ || s.code() == PINNATE_CORRUPT)) return s;
    rewrite_at_ = std::max(rewrite_at_, 2 * end_);  // where it failed, not at once again
  }
  if (writes.empty()) return {};
  std::string payload;
  for (const RecordWrite& write : writes) append_write(&payload, write.key, write.value ? &*write.value : nullptr);
  const std::string frame = encode_frame(kFormat, 0, payload);
  Status s = write_at(file_, end_, frame, path_);
  if (s.ok()) {
    s = sync_file(file_, path_);
    doubtful_ = !s.ok();  // the kernel may have forgotten bytes that it still shows
  }
  if (s.ok())
    end_ += frame.size();
  else
    cut_file(file_, end_);  // if it stays, the next commit overwrites it
  return s;
}

Status RecordLog::rewrite() {
  std::map<std::string, Buffer> records;
  const auto scan = read(end_, &records);
  if (!scan.ok()) return scan.status();
  if (scan->damage && !expendable_) return damaged(*scan->damage);
  std::uint64_t end = 0;
  auto file = rewrite_file(path_, [&](const Descriptor& fresh, const std::string& path) {
    Status s = write_at(fresh, 0, encode_file_header(kFormat), path);
    end = kFileHeaderBytes;
    for (const auto& [key, value] : records) {  // each in a frame of its own: damage costs no more
      std::string payload;
      append_write(&payload, key, &value);
      const std::string frame = encode_frame(kFormat, 0, payload);
      if (s.ok()) s = write_at(fresh, end, frame, path);
      end += frame.size();
    }
    return s;
  });
  if (!file.ok()) return file.status();
  if (Status s = hold(std::move(*file)); !s.ok()) return s;
  end_ = end;
  rewrite_at_ = may_grow_to(records);
  const Status s = sync_path(dir_);
  const bool told = std::exchange(doubtful_, !s.ok());
  return s.ok() && scan->damage && !told ? damaged(*scan->damage) : s;
}

}  // namespace pinnate::store
