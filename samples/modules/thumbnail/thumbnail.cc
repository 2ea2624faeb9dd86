// Makes small pictures of large ones: a JPEG in, a JPEG out whose longer side has at most `max`
// pixels. Configuration: "max=160,quality=80". Built with THUMBNAIL_BORDER=N (version 1.1.0) it
// frames them in orange.
#include <pinnate/module.h>

#include "jpeg.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#ifndef THUMBNAIL_BORDER
#define THUMBNAIL_BORDER 0
#endif

namespace {

// Each pixel of the result is the mean of those that it stands for.
Picture shrink(const Picture& from, unsigned longest) {
  const unsigned side = std::max(from.width, from.height);
  if (side <= longest) return from;
  Picture to;
  to.width = std::max(1u, from.width * longest / side);
  to.height = std::max(1u, from.height * longest / side);
  to.pixels.resize(std::size_t{3} * to.width * to.height);
  for (unsigned y = 0; y < to.height; ++y) {
    const unsigned top = y * from.height / to.height, bottom = std::max(top + 1, (y + 1) * from.height / to.height);
    for (unsigned x = 0; x < to.width; ++x) {
      const unsigned left = x * from.width / to.width, right = std::max(left + 1, (x + 1) * from.width / to.width);
      unsigned sum[3] = {0, 0, 0};
      for (unsigned v = top; v < bottom; ++v)
        for (unsigned u = left; u < right; ++u)
          for (unsigned c = 0; c < 3; ++c) sum[c] += from.pixels[(std::size_t{v} * from.width + u) * 3 + c];
      for (unsigned c = 0; c < 3; ++c)
        to.pixels[(std::size_t{y} * to.width + x) * 3 + c] =
            static_cast<unsigned char>(sum[c] / ((bottom - top) * (right - left)));
    }
  }
  return to;
}

void frame(Picture& picture, unsigned border) {
  static const unsigned char orange[3] = {230, 120, 20};
  for (unsigned y = 0; y < picture.height; ++y)
    for (unsigned x = 0; x < picture.width; ++x)
      if (std::min(std::min(x, y), std::min(picture.width - 1 - x, picture.height - 1 - y)) < border)
        std::copy(orange, orange + 3, &picture.pixels[(std::size_t{y} * picture.width + x) * 3]);
}

class Thumbnails {
 public:
  Thumbnails(const pinnate_host* host, const std::string& config) : host_(host) {
    for (std::size_t at = 0; at < config.size();) {
      const std::size_t end = std::min(config.find(',', at), config.size());
      set(config.substr(at, end - at));
      at = end + 1;
    }
  }

  void call(pinnate_reply* reply, const void* payload, std::size_t payload_bytes) const {
    std::vector<unsigned char> jpeg;
    try {
      Picture picture = shrink(read_jpeg(payload, payload_bytes, max_), max_);
      frame(picture, THUMBNAIL_BORDER);
      jpeg = write_jpeg(picture, static_cast<int>(quality_));
    } catch (const std::bad_alloc&) {
      return host_->fail(reply, "not enough memory for this picture");
    } catch (const std::runtime_error& e) {
      return host_->fail(reply, e.what());
    }
    host_->answer(reply, jpeg.data(), jpeg.size());
  }

 private:
  void set(const std::string& pair) {
    const std::size_t equals = pair.find('=');
    const std::string key = pair.substr(0, equals), value = equals == std::string::npos ? "" : pair.substr(equals + 1);
    char* end = nullptr;
    const unsigned long number = std::strtoul(value.c_str(), &end, 10);
    const bool whole = !value.empty() && !*end;
    if (whole && key == "max" && number >= 1 && number <= 1024) max_ = static_cast<unsigned>(number);
    else if (whole && key == "quality" && number >= 1 && number <= 100) quality_ = static_cast<unsigned>(number);
    else throw std::runtime_error("configuration '" + pair + "': want max of 1 to 1024 or quality of 1 to 100");
  }

  const pinnate_host* host_;
  unsigned max_ = 160, quality_ = 80;
};

int create(const pinnate_host* host, const void* config, size_t config_bytes, void** service, char* error,
           size_t error_bytes) try {
  *service = new Thumbnails(host, std::string(static_cast<const char*>(config), config_bytes));
  return 0;
} catch (const std::exception& e) {
  std::snprintf(error, error_bytes, "%s", e.what());
  return 1;
}

void call(void* service, pinnate_reply* reply, const void* payload, size_t payload_bytes) {
  static_cast<const Thumbnails*>(service)->call(reply, payload, payload_bytes);
}

void destroy(void* service) { delete static_cast<Thumbnails*>(service); }

}  // namespace

// A call touches nothing but its own picture, so calls may overlap.
const pinnate_descriptor pinnate_module = {
    sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, PINNATE_CALLS_MAY_OVERLAP, create, call, nullptr, destroy};
