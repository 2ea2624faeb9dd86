#include "content/sha256.h"

#include "base/fork.h"

#include <openssl/evp.h>

#include <atomic>
#include <new>

namespace pinnate::content {
namespace {

// Fetched once: a fetch per digest costs more than hashing a small message. Never freed: a thread
// may outlive static destruction. A child of fork() with half of what OpenSSL begins with would
// hang in exit().
const EVP_MD* algorithm() {
  static constinit std::atomic<const EVP_MD*> known{nullptr};
  const EVP_MD* algorithm = known.load(std::memory_order_acquire);
  if (algorithm) return algorithm;
  const ForksWait whole;
  algorithm = known.load(std::memory_order_relaxed);
  if (algorithm) return algorithm;
  algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  if (!algorithm) algorithm = EVP_sha256();
  known.store(algorithm, std::memory_order_release);
  return algorithm;
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

void Sha256::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  require(context_ && EVP_DigestInit_ex(context_.get(), algorithm(), nullptr) == 1);
}

void Sha256::update(std::string_view bytes) {
  require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

Digest Sha256::finish() {
  Digest digest;
  unsigned size = 0;
  require(EVP_DigestFinal_ex(context_.get(), digest.bytes.data(), &size) == 1);
  return digest;
}

}  // namespace pinnate::content
