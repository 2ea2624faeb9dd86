#include "content/sha256.h"

#include <openssl/evp.h>

#include <new>

namespace pinnate::content {
namespace {

// Fetched once: since OpenSSL 3 a fetch per digest costs more than hashing a small message. Never freed, so that a
// thread that outlives static destruction can still hash.
const EVP_MD* algorithm() {
  static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return fetched ? fetched : EVP_sha256();
}

// OpenSSL fails here for want of memory only, and a wrong digest must never be returned instead.
void require(bool done) {
  if (!done) throw std::bad_alloc();
}

}  // namespace

Digest sha256(std::string_view bytes) {
  Digest digest;
  unsigned size = 0;
  require(EVP_Digest(bytes.data(), bytes.size(), digest.bytes.data(), &size, algorithm(), nullptr) == 1);
  return digest;
}

struct Sha256::State {
  State() : context(EVP_MD_CTX_new()) {}
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  EVP_MD_CTX* context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  require(state_->context && EVP_DigestInit_ex(state_->context, algorithm(), nullptr) == 1);
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes) {
  require(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

Digest Sha256::finish() {
  Digest digest;
  unsigned size = 0;
  require(EVP_DigestFinal_ex(state_->context, digest.bytes.data(), &size) == 1);
  return digest;
}

}  // namespace pinnate::content
