#include "wire/mux.h"

#include <algorithm>

namespace pinnate::wire {
namespace {

constexpr std::uint8_t kFin = 1, kCredit = 2;
constexpr std::size_t kControl = static_cast<std::size_t>(Class::control);
constexpr std::size_t kClasses = 3;
// What a waiting message takes beside its bytes. Without it, a limit in bytes would let in millions of the shortest.
constexpr std::size_t kQueuedMessageBytes = 128;
constexpr std::size_t kRestBytes = 1024;

void put_u32(std::string* out, std::uint32_t v) {
  for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<char>(v >> shift));
}

std::uint32_t get_u32(const char* p) {
  std::uint32_t v = 0;
  for (int i = 0; i < 4; i++) v = v << 8 | static_cast<std::uint8_t>(p[i]);
  return v;
}

void put_header(std::string* out, std::size_t length, std::uint8_t priority, std::uint8_t flags, std::uint32_t stream) {
  out->push_back(static_cast<char>(length >> 8));
  out->push_back(static_cast<char>(length));
  out->push_back(static_cast<char>(priority));
  out->push_back(static_cast<char>(flags));
  put_u32(out, stream);
}

std::size_t length_in(const char* header) {
  return static_cast<std::size_t>(static_cast<std::uint8_t>(header[0])) << 8 | static_cast<std::uint8_t>(header[1]);
}

// Of the credit of a message that ends, what was granted and not used: its own allowance goes first.
std::uint64_t granted_left(std::uint64_t credit, std::size_t message_bytes) {
  return credit - (kStreamCreditBytes - std::min(kStreamCreditBytes, message_bytes));
}

// What can be said of a frame before its payload has come.
Status check_header(const char* header) {
  const std::size_t length = length_in(header);
  const auto priority = static_cast<std::uint8_t>(header[2]), flags = static_cast<std::uint8_t>(header[3]);
  const std::uint32_t stream = get_u32(header + 4);
  if (length == 0 || length > kFragmentBytes)
    return {PINNATE_CORRUPT, "a frame of " + std::to_string(length) + " bytes (1 to " + std::to_string(kFragmentBytes) +
                                 " are allowed)"};
  if (priority >= kClasses || (flags & ~(kFin | kCredit)) != 0 ||
      (flags & kCredit && (flags != kCredit || priority != kControl)))
    return {PINNATE_CORRUPT, "a frame with class " + std::to_string(priority) + " and flags " + std::to_string(flags)};
  if (flags & kCredit) {
    if (length == 4) return {};
    return {PINNATE_CORRUPT, "a credit frame of " + std::to_string(length) + " bytes"};
  }
  if ((stream == 0) != (priority == kControl))
    return {PINNATE_CORRUPT, "a frame of class " + std::to_string(priority) + " on stream " + std::to_string(stream)};
  return {};
}

}  // namespace

Status Mux::send(Class priority, Buffer message) {
  if (message.size() > kMessageLimitBytes || message.empty())
    return {PINNATE_TOO_LARGE, "a message of " + std::to_string(message.size()) + " bytes does not fit a link (limit " +
                                   std::to_string(kMessageLimitBytes) + ")"};
  const std::size_t takes = message.size() + kQueuedMessageBytes;
  if (queued_bytes_ + takes > limit_bytes_)
    return {PINNATE_BUSY, "the peer does not read: " + std::to_string(queued_bytes_) + " bytes are waiting"};
  queued_bytes_ += takes;
  Lane& lane = lanes_[static_cast<std::size_t>(priority)];
  std::uint32_t stream = 0;
  if (priority != Class::control) {
    stream = next_stream_++;
    if (next_stream_ == 0) next_stream_ = 1;
  }
  lane.waiting.push_back({stream, std::move(message)});
  return {};
}

bool Mux::may_begin(const Lane& lane) const {
  if (lane.waiting.empty()) return false;
  const Outgoing& next = lane.waiting.front();
  if (next.stream == 0) return lane.active.empty();  // in order: one at a time
  // Bulk leaves streams to calls, which would else wait for one of its messages to end.
  const bool bulk = &lane == &lanes_[static_cast<std::size_t>(Class::bulk)];
  return next.message.size() <= kFragmentBytes || open_out_ < (bulk ? kOpenStreams / 2 : kOpenStreams);
}

bool Mux::may_go_on(const Lane& lane) {
  return std::any_of(lane.active.begin(), lane.active.end(), [](const Outgoing& m) { return m.credit > 0; });
}

bool Mux::sendable(const Lane& lane) const { return may_begin(lane) || may_go_on(lane); }

bool Mux::has_output() const {
  return !grants_.empty() || std::any_of(lanes_.begin(), lanes_.end(), [&](const Lane& l) { return sendable(l); });
}

void Mux::emit_fragment(Outgoing& m, Class priority, std::string* out) {
  const std::size_t length = std::min<std::uint64_t>({kFragmentBytes, m.message.size() - m.sent, m.credit});
  const bool fin = m.sent + length == m.message.size();
  put_header(out, length, static_cast<std::uint8_t>(priority), fin ? kFin : 0, m.stream);
  out->append(m.message.data() + m.sent, length);
  m.sent += length;
  m.credit -= length;
  queued_bytes_ -= length + (fin ? kQueuedMessageBytes : 0);
  if (priority == Class::bulk) drained_bulk_ += length;
  if (priority == Class::call) drained_calls_ += length;
}

bool Mux::emit(Lane& lane, Class priority, std::string* out) {
  // A message that fits one frame goes whole, but not two in a row past those that are in pieces.
  const bool their_turn = std::exchange(lane.was_whole, false) && may_go_on(lane);
  if (!their_turn && may_begin(lane)) {
    Outgoing next = std::move(lane.waiting.front());
    lane.waiting.pop_front();
    if (next.message.size() <= kFragmentBytes) {
      emit_fragment(next, priority, out);
      lane.was_whole = true;
      return true;
    }
    if (next.stream != 0)
      open_out_++;
    else
      next.credit += std::exchange(granted_out_, 0);
    lane.active.push_back(std::move(next));
  }
  for (std::size_t turn = 0; turn < lane.active.size(); turn++) {
    Outgoing m = std::move(lane.active.front());
    lane.active.pop_front();
    const bool can = m.credit > 0;
    if (can) emit_fragment(m, priority, out);
    if (m.sent < m.message.size())
      lane.active.push_back(std::move(m));
    else if (m.stream != 0)
      open_out_--;
    else
      granted_out_ = granted_left(m.credit, m.message.size());
    if (can) return true;
  }
  return false;
}

std::string Mux::take_output(std::size_t most_bytes) {
  std::string out = std::exchange(grants_, {});
  out.reserve(out.size() + std::min(queued_bytes_, most_bytes + kFragmentBytes + kFrameHeaderBytes));
  // A short rest comes along: it is not worth a call of its own, nor a wake-up at the other end.
  while (out.size() < most_bytes || queued_bytes_ <= kRestBytes) {
    bool any = false;
    for (std::size_t i = 0; i < lanes_.size() && !any; i++) any = emit(lanes_[i], static_cast<Class>(i), &out);
    if (!any) break;
  }
  return out;
}

Status Mux::receive(std::string_view bytes, std::vector<Buffer>* messages) {
  if (broken_) return {PINNATE_CORRUPT, "the link was broken before"};
  const auto frame_bytes = [](const char* header) { return kFrameHeaderBytes + length_in(header); };
  Status status;
  while (status.ok() && !bytes.empty()) {
    if (partial_.empty() && bytes.size() >= kFrameHeaderBytes && bytes.size() >= frame_bytes(bytes.data())) {
      const std::size_t size = frame_bytes(bytes.data());
      status = take_frame(bytes.data(), bytes.substr(kFrameHeaderBytes, size - kFrameHeaderBytes), messages);
      bytes.remove_prefix(size);
      continue;
    }
    // Complete the header first, then the frame it announces; a malformed one is refused before its bytes come.
    const std::size_t want = partial_.size() < kFrameHeaderBytes ? kFrameHeaderBytes : frame_bytes(partial_.data());
    const std::size_t take = std::min(want - partial_.size(), bytes.size());
    partial_.append(bytes.substr(0, take));
    bytes.remove_prefix(take);
    if (partial_.size() < kFrameHeaderBytes) break;
    status = check_header(partial_.data());
    if (status.ok() && partial_.size() == frame_bytes(partial_.data())) {
      const std::string frame = std::exchange(partial_, {});
      status = take_frame(frame.data(), std::string_view(frame).substr(kFrameHeaderBytes), messages);
    }
  }
  broken_ = !status.ok();
  return status;
}

Status Mux::take_frame(const char* header, std::string_view payload, std::vector<Buffer>* messages) {
  if (Status s = check_header(header); !s.ok()) return s;
  const auto flags = static_cast<std::uint8_t>(header[3]);
  const std::uint32_t stream = get_u32(header + 4);
  if (flags & kCredit) return take_credit(stream, payload);

  auto found = incoming_.find(stream);
  if (found == incoming_.end()) {
    if (flags & kFin) {  // the usual case: a message in one frame
      messages->push_back(Buffer(std::string(payload)));
      return {};
    }
    const std::size_t open = incoming_.size() - incoming_.count(0);
    if (stream != 0 && open >= kOpenStreams)
      return {PINNATE_CORRUPT, "more than " + std::to_string(kOpenStreams) + " messages in pieces at once"};
    found = incoming_.emplace(stream, Incoming{}).first;
    found->second.bytes.reserve(kChunkBytes + 256);
    if (stream == 0) found->second.credit += std::exchange(granted_in_, 0);
  }
  Incoming& in = found->second;
  if (payload.size() > in.credit)
    return {PINNATE_CORRUPT, "a message beyond its credit on stream " + std::to_string(stream)};
  in.credit -= payload.size();
  in.bytes.append(payload);
  if (flags & kFin) {
    const bool wanted = in.wants_more;
    if (stream == 0) granted_in_ = granted_left(in.credit, in.bytes.size());
    messages->push_back(Buffer(std::move(in.bytes)));
    incoming_.erase(found);
    if (wanted) {
      const bool had_it = wanting_.front() == stream;
      wanting_.erase(std::find(wanting_.begin(), wanting_.end(), stream));
      if (had_it) grant_next();
    }
    return {};
  }
  if (in.bytes.size() >= kMessageLimitBytes)
    return {PINNATE_CORRUPT, "a message over " + std::to_string(kMessageLimitBytes) + " bytes"};
  if (in.credit < kFragmentBytes && stream == 0) {
    grant_rest(stream, in);
  } else if (in.credit < kFragmentBytes && !in.wants_more) {
    in.wants_more = true;
    wanting_.push_back(stream);
    if (wanting_.front() == stream) grant_next();
  }
  return {};
}

void Mux::grant_next() {
  if (!wanting_.empty()) grant_rest(wanting_.front(), incoming_.at(wanting_.front()));
}

void Mux::grant_rest(std::uint32_t stream, Incoming& in) {
  const std::uint64_t more = kMessageLimitBytes - in.bytes.size() - in.credit;
  if (more == 0) return;
  in.credit += more;
  put_header(&grants_, 4, 0, kCredit, stream);
  put_u32(&grants_, static_cast<std::uint32_t>(more));
}

Status Mux::take_credit(std::uint32_t stream, std::string_view payload) {
  const std::uint32_t more = get_u32(payload.data());
  if (more > kMessageLimitBytes) return {PINNATE_CORRUPT, "a credit of " + std::to_string(more) + " bytes"};
  for (Lane& lane : lanes_)
    for (Outgoing& m : lane.active)
      if (m.stream == stream) {
        m.credit += more;
        return {};
      }
  if (stream == 0) granted_out_ += more;
  return {};  // of another stream: for a message that has ended meanwhile
}

}  // namespace pinnate::wire
