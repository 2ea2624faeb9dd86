#include "wire/mux.h"

#include "base/check.h"

#include <algorithm>

namespace pinnate::wire {
namespace {

constexpr std::uint8_t kFin = 1, kCredit = 2, kDescriptor = 4;
constexpr std::size_t kControl = static_cast<std::size_t>(Class::control);
constexpr std::size_t kClasses = 3;
// What a waiting message takes beside its bytes. Without it, a limit in bytes would let in millions
// of the shortest.
constexpr std::size_t kQueuedMessageBytes = 128;
constexpr std::size_t kRestBytes = 1024;
constexpr std::size_t kPiecesAtOnce = 256;

void put_u32(char* out, std::uint32_t v) {
  for (int shift = 24; shift >= 0; shift -= 8) *out++ = static_cast<char>(v >> shift);
}

std::uint32_t get_u32(const char* p) {
  std::uint32_t v = 0;
  for (int i = 0; i < 4; i++) v = v << 8 | static_cast<std::uint8_t>(p[i]);
  return v;
}

Piece make_piece(std::size_t length, Class priority, std::uint8_t flags, std::uint32_t stream) {
  Piece piece;
  put_u32(piece.head.data(),
          static_cast<std::uint32_t>(length << 16 | static_cast<std::size_t>(priority) << 8 | flags));
  put_u32(piece.head.data() + 4, stream);
  return piece;
}

std::size_t length_in(const char* header) {
  return static_cast<std::size_t>(static_cast<std::uint8_t>(header[0])) << 8 | static_cast<std::uint8_t>(header[1]);
}

// Of the credit that a message has left when it ends, what was granted: its own allowance goes
// first. False: a defect.
bool keep_granted(std::uint64_t credit, std::size_t message_bytes, std::uint64_t* granted) {
  const std::size_t own = kStreamCreditBytes - std::min(kStreamCreditBytes, message_bytes);
  if (!PINNATE_CHECK(credit >= own, "a message had less credit than its own")) return false;
  *granted = credit - own;
  return true;
}

// What can be said of a frame before its payload has come.
Status check_header(const char* header) {
  const std::size_t length = length_in(header);
  const auto priority = static_cast<std::uint8_t>(header[2]), flags = static_cast<std::uint8_t>(header[3]);
  const std::uint32_t stream = get_u32(header + 4);
  if (length == 0 || length > kFragmentBytes) {
    if (std::string_view(header, 4) == "HTTP") return {PINNATE_CORRUPT, "it is a server of HTTP, and no tier"};
    return {PINNATE_CORRUPT, "a frame of " + std::to_string(length) + " bytes (1 to " + std::to_string(kFragmentBytes) +
                                 " are allowed)"};
  }
  if (priority >= kClasses || (flags & ~(kFin | kCredit | kDescriptor)) != 0 ||
      (flags & kCredit && (flags != kCredit || priority != kControl)) || (flags & kDescriptor && !(flags & kFin)))
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

Status Mux::send(Class priority, Buffer message, Descriptor descriptor) {
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
  lane.waiting.push_back({stream, std::move(message), std::move(descriptor)});
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

void Mux::emit_fragment(Outgoing& m, Class priority, std::vector<Piece>* out) {
  const std::size_t length = std::min<std::uint64_t>({kFragmentBytes, m.message.size() - m.sent, m.credit});
  const bool fin = m.sent + length == m.message.size();
  const std::size_t takes = length + (fin ? kQueuedMessageBytes : 0);
  defective_ |= !PINNATE_CHECK(queued_bytes_ >= takes, "more bytes of messages went out than were queued");
  const bool carries = fin && m.descriptor;
  out->push_back(make_piece(length, priority, (fin ? kFin : 0) | (carries ? kDescriptor : 0), m.stream));
  out->back().payload = m.message.slice(m.sent, length);
  if (carries) out->back().descriptor = std::move(m.descriptor);
  m.sent += length;
  m.credit -= length;
  queued_bytes_ -= takes;
  if (priority == Class::bulk) drained_bulk_ += length;
  if (priority == Class::call) drained_calls_ += length;
}

bool Mux::emit(Lane& lane, Class priority, std::vector<Piece>* out) {
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
    if (m.sent < m.message.size()) {
      lane.active.push_back(std::move(m));
    } else if (m.stream != 0) {
      defective_ |= !PINNATE_CHECK(open_out_ > 0, "a message in pieces ended that had not begun");
      open_out_--;
    } else {
      defective_ |= !keep_granted(m.credit, m.message.size(), &granted_out_);
    }
    if (can) return true;
  }
  return false;
}

Status Mux::take_output(std::size_t most_bytes, std::vector<Piece>* out) {
  std::size_t bytes = 0;
  for (const auto& [stream, granted] : grants_) {
    Piece& piece = out->emplace_back(make_piece(4, Class::control, kCredit, stream));
    put_u32(piece.head.data() + kFrameHeaderBytes, static_cast<std::uint32_t>(granted));
    bytes += piece.head_bytes = piece.head.size();
  }
  grants_.clear();
  // A short rest comes along: it is not worth a call of its own, nor a wake-up at the other end.
  while ((bytes < most_bytes || queued_bytes_ <= kRestBytes) && out->size() < kPiecesAtOnce) {
    bool any = false;
    for (std::size_t i = 0; i < lanes_.size() && !any; i++) any = emit(lanes_[i], static_cast<Class>(i), out);
    if (!any) break;
    bytes += out->back().size();
  }
  return defective_ ? defect() : Status();
}

Status Mux::receive(std::string_view bytes, std::vector<Arrived>* messages, Descriptor descriptor) {
  if (broken_) return {PINNATE_CORRUPT, "the link was broken before"};
  if (descriptor) unclaimed_.push_back(std::move(descriptor));
  const Status status = take_bytes(bytes, messages);
  broken_ = !status.ok();
  // A descriptor comes with the first byte of its frame. So none but the last can be waiting, and
  // only for a frame that has begun: whatever a peer sends, its link holds one.
  const std::size_t may_wait = partial_.empty() || broken_ ? 0 : 1;
  if (unclaimed_.size() > may_wait) unclaimed_.erase(unclaimed_.begin(), unclaimed_.end() - may_wait);
  return status;
}

Status Mux::take_bytes(std::string_view bytes, std::vector<Arrived>* messages) {
  const auto frame_bytes = [](const char* header) { return kFrameHeaderBytes + length_in(header); };
  Status status;
  while (status.ok() && !bytes.empty()) {
    if (partial_.empty() && bytes.size() >= kFrameHeaderBytes && bytes.size() >= frame_bytes(bytes.data())) {
      const std::size_t size = frame_bytes(bytes.data());
      status = take_frame(bytes.data(), bytes.substr(kFrameHeaderBytes, size - kFrameHeaderBytes), messages);
      bytes.remove_prefix(size);
      continue;
    }
    // Complete the header first, then the frame it announces; a malformed one is refused before its
    // bytes come.
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
  return status;
}

Status Mux::take_frame(const char* header, std::string_view payload, std::vector<Arrived>* messages) {
  if (Status s = check_header(header); !s.ok()) return s;
  const auto flags = static_cast<std::uint8_t>(header[3]);
  const std::uint32_t stream = get_u32(header + 4);
  if (flags & kCredit) return take_credit(stream, payload);

  auto found = incoming_.find(stream);
  if (found == incoming_.end()) {
    if (flags & kFin) return complete(Buffer::copy(payload), flags, messages);  // the usual case: a message in one frame
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
    const bool had_turn = in.wants_more && wanting_.front() == stream;
    if (stream == 0 && !keep_granted(in.credit, in.bytes.size(), &granted_in_)) return defect();
    if (stream != 0) grants_.erase(stream);
    if (in.wants_more) wanting_.remove(stream);
    Status status = complete(Buffer(std::move(in.bytes)), flags, messages);
    incoming_.erase(found);
    return status.ok() && had_turn ? grant_next() : status;
  }
  if (in.bytes.size() >= kMessageLimitBytes)
    return {PINNATE_CORRUPT, "a message over " + std::to_string(kMessageLimitBytes) + " bytes"};
  if (in.credit < kFragmentBytes && stream == 0) {
    return grant_rest(stream, in);
  } else if (in.credit < kFragmentBytes && !in.wants_more) {
    in.wants_more = true;
    wanting_.push_back(stream);
    if (wanting_.front() == stream) return grant_next();
  }
  return {};
}

Status Mux::complete(Buffer message, std::uint8_t flags, std::vector<Arrived>* messages) {
  Descriptor descriptor;
  if (flags & kDescriptor) {
    if (unclaimed_.empty()) return {PINNATE_CORRUPT, "a frame that says it brings a descriptor, without one"};
    descriptor = std::move(unclaimed_.front());
    unclaimed_.erase(unclaimed_.begin());
  }
  messages->push_back({std::move(message), std::move(descriptor)});
  return {};
}

Status Mux::grant_next() {
  return wanting_.empty() ? Status() : grant_rest(wanting_.front(), incoming_.at(wanting_.front()));
}

Status Mux::grant_rest(std::uint32_t stream, Incoming& in) {
  const std::uint64_t has = in.bytes.size() + in.credit;
  if (!PINNATE_CHECK(has <= kMessageLimitBytes, "a message was granted more than it may have")) return defect();
  const std::uint64_t more = kMessageLimitBytes - has;
  if (more == 0) return {};
  in.credit += more;
  std::uint64_t& granted = grants_[stream];  // more than a frame says would be one that used what it was not told of
  granted = std::min<std::uint64_t>(granted + more, kMessageLimitBytes);
  return {};
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
