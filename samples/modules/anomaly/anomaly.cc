// Finds readings of a sensor that do not fit the ones before: an exponentially weighted mean and
// variance (EWMA). Shows a service that keeps state between calls.
//
// Payload: readings, separated by white space or commas. Answer: one line per reading, "READING
// SCORE ok|anomaly", where SCORE is how many standard deviations it lies from the mean so far.
// Configuration: "alpha=0.1,threshold=4,warmup=8": the weight of a new reading, the score from
// which it is an anomaly, and how many readings are learnt from before any is called one.
#include <pinnate/module.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace {

class Detector {
 public:
  Detector(const pinnate_host* host, const std::string& config) : host_(host) {
    for (std::size_t at = 0; at < config.size();) {
      const std::size_t end = std::min(config.find(',', at), config.size());
      set(config.substr(at, end - at));
      at = end + 1;
    }
  }

  void call(pinnate_reply* reply, std::string payload) {
    std::string lines;
    for (char& c : payload)
      if (c == ',') c = ' ';
    const char* at = payload.c_str();
    for (;;) {
      while (*at && std::isspace(static_cast<unsigned char>(*at))) ++at;
      if (!*at) break;
      char* end = nullptr;
      const double reading = std::strtod(at, &end);
      if (end == at || !std::isfinite(reading)) {
        // What came before it is learnt already: a stream has no way back.
        const std::string words = "not a reading: '" + std::string(at).substr(0, 40) + "'";
        return host_->fail(reply, words.c_str());
      }
      at = end;
      const double score = take(reading);
      char line[96];
      std::snprintf(line, sizeof line, "%g %.2f %s\n", reading, score, score >= threshold_ ? "anomaly" : "ok");
      lines += line;
    }
    host_->answer(reply, lines.data(), lines.size());
  }

 private:
  void set(const std::string& pair) {
    const std::size_t equals = pair.find('=');
    const std::string key = pair.substr(0, equals);
    char* end = nullptr;
    const double value = equals == std::string::npos ? NAN : std::strtod(pair.c_str() + equals + 1, &end);
    if (!std::isfinite(value) || *end) throw std::runtime_error("configuration '" + pair + "': want KEY=NUMBER");
    if (key == "alpha" && value > 0 && value <= 1) alpha_ = value;
    else if (key == "threshold" && value > 0) threshold_ = value;
    else if (key == "warmup" && value >= 1 && value <= 1e6) warmup_ = static_cast<unsigned>(value);
    else throw std::runtime_error("configuration '" + pair + "': want alpha in (0,1], threshold > 0 or warmup of 1 to 1000000");
  }

  double take(double reading) {
    const double difference = reading - mean_, deviation = std::sqrt(variance_);
    double score = 0;
    if (seen_ >= warmup_) score = deviation > 0 ? std::fabs(difference) / deviation : difference == 0 ? 0 : 1e9;
    // An anomaly counts little, or one would hide the next; but it counts, so that a new level is
    // learnt in the end.
    const double weight = seen_ == 0 ? 1 : score >= threshold_ ? alpha_ / 10 : alpha_;
    mean_ += weight * difference;
    if (seen_ != 0) variance_ = (1 - weight) * (variance_ + weight * difference * difference);
    if (seen_ < warmup_) ++seen_;
    return score;
  }

  const pinnate_host* host_;
  double alpha_ = 0.1, threshold_ = 4;
  unsigned warmup_ = 8, seen_ = 0;
  double mean_ = 0, variance_ = 0;
};

int create(const pinnate_host* host, const void* config, size_t config_bytes, void** service, char* error,
           size_t error_bytes) try {
  *service = new Detector(host, std::string(static_cast<const char*>(config), config_bytes));
  return 0;
} catch (const std::exception& e) {
  std::snprintf(error, error_bytes, "%s", e.what());
  return 1;
}

void call(void* service, pinnate_reply* reply, const void* payload, size_t payload_bytes) {
  static_cast<Detector*>(service)->call(reply, std::string(static_cast<const char*>(payload), payload_bytes));
}

void destroy(void* service) { delete static_cast<Detector*>(service); }

}  // namespace

// One call at a time: readings come in their order.
const pinnate_descriptor pinnate_module = {sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, 0, create, call, nullptr, destroy};
