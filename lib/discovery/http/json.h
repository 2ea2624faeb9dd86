// JSON read by place: a visitor says which members it knows, and is told the values found there.
// Order does not matter, what is unknown is skipped, and null is the same as absent.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pinnate::discovery {

class JsonVisitor {
 public:
  virtual ~JsonVisitor() = default;

 protected:
  using Place = std::uint8_t;  // of the visitor's own numbering, from 1
  static constexpr Place kNowhere = 0;

  // One text, whose outermost value is at `root`. It is read in place, which destroys it. Nothing
  // recurses. False: it is no JSON, or nested deeper than 64 levels.
  bool read(std::string& text, Place root);

  // The place of a value, or kNowhere.
  virtual Place member(Place object, std::string_view key) = 0;
  virtual Place element(Place array) = 0;
  // What is there. Values that are of another kind than the visitor expects may come too. Numbers
  // that are negative or no integers are skipped.
  virtual void begin(Place object) { (void)object; }
  virtual void end(Place object) { (void)object; }
  virtual void text(Place place, std::string_view value) { (void)place, (void)value; }
  virtual void number(Place place, std::uint64_t value) { (void)place, (void)value; }
  virtual void flag(Place place, bool value) { (void)place, (void)value; }

 private:
  friend struct JsonEvents;
};

}  // namespace pinnate::discovery
