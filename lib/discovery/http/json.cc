#include "discovery/http/json.h"

#include <rapidjson/reader.h>

#include <charconv>
#include <cstdlib>
#include <new>
#include <vector>

namespace pinnate::discovery {
namespace {

constexpr std::size_t kDeepest = 64;

// RapidJSON's own goes on with a null pointer when there is no memory.
struct ThrowingMemory {
  static constexpr bool kNeedFree = true;
  void* Malloc(std::size_t bytes) { return Realloc(nullptr, 0, bytes); }
  void* Realloc(void* old, std::size_t, std::size_t bytes) {
    if (bytes == 0) return std::free(old), nullptr;
    void* memory = std::realloc(old, bytes);
    if (!memory) throw std::bad_alloc();
    return memory;
  }
  static void Free(void* memory) { std::free(memory); }
};

}  // namespace

struct JsonEvents {
  using Place = JsonVisitor::Place;
  struct Level {
    Place place;
    bool array;
  };

  JsonVisitor& visitor;
  Place next;  // of the value that comes
  std::vector<Level> levels{};

  bool Null() { return after(); }
  bool Bool(bool value) {
    if (next != JsonVisitor::kNowhere) visitor.flag(next, value);
    return after();
  }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text, text + size, value);
    if (next != JsonVisitor::kNowhere && error == std::errc() && end == text + size) visitor.number(next, value);
    return after();
  }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    if (next != JsonVisitor::kNowhere) visitor.text(next, {text, size});
    return after();
  }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    const Place object = levels.back().place;
    next = object == JsonVisitor::kNowhere ? object : visitor.member(object, {text, size});
    return true;
  }
  bool StartObject() {
    if (levels.size() == kDeepest) return false;
    levels.push_back({next, false});
    if (next != JsonVisitor::kNowhere) visitor.begin(next);
    return true;
  }
  bool EndObject(rapidjson::SizeType) {
    const Place object = levels.back().place;
    levels.pop_back();
    if (object != JsonVisitor::kNowhere) visitor.end(object);
    return after();
  }
  bool StartArray() {
    if (levels.size() == kDeepest) return false;
    levels.push_back({next, true});
    return after();
  }
  bool EndArray(rapidjson::SizeType) {
    levels.pop_back();
    return after();
  }
  // These do not come where numbers are read as strings.
  bool Int(int) { return after(); }
  bool Uint(unsigned) { return after(); }
  bool Int64(std::int64_t) { return after(); }
  bool Uint64(std::uint64_t) { return after(); }
  bool Double(double) { return after(); }

  bool after() {  // in an array another element may follow; in an object a key does
    next = JsonVisitor::kNowhere;
    if (!levels.empty() && levels.back().array && levels.back().place != JsonVisitor::kNowhere)
      next = visitor.element(levels.back().place);
    return true;
  }
};

bool JsonVisitor::read(std::string& text, Place root) {
  constexpr unsigned kFlags =
      rapidjson::kParseInsituFlag | rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag;
  JsonEvents events{*this, root};
  rapidjson::InsituStringStream stream(text.data());
  rapidjson::GenericReader<rapidjson::UTF8<>, rapidjson::UTF8<>, ThrowingMemory> reader;
  return !reader.Parse<kFlags>(stream, events).IsError();
}

}  // namespace pinnate::discovery
